"""Calls the management interface with Samba's own client (Debian's python3-samba), authenticated:
`rpc_secure.py SERVER PORT USER CCACHE SECURITY LEVEL [CALLS [TARGET [PADDING]]]`. Run where the realm's KDC is known.

USER may have a realm, else it is LAB.EXAMPLE. SECURITY is krb5 or spnego, LEVEL connect, packet, sign or seal, TARGET
the host that the ticket is for, PADDING so many octets behind the last call's parameters, which nobody reads. Prints the
interfaces' ids."""
import os
import sys

os.environ.setdefault("SMB_CONF_PATH", "/dev/null")

from samba.credentials import MUST_USE_KERBEROS, SPECIFIED, Credentials  # noqa: E402
from samba.dcerpc import mgmt  # noqa: E402
from samba.param import LoadParm  # noqa: E402


def login(server, port, user, ccache, security, level, target=None):
    """A binding string, and what a connection needs beside it."""
    name, _, realm = user.partition("@")
    realm = realm or "LAB.EXAMPLE"
    lp = LoadParm()
    lp.set("realm", realm)
    lp.set("workgroup", "LAB")
    creds = Credentials()
    creds.guess(lp)
    creds.set_kerberos_state(MUST_USE_KERBEROS)
    creds.set_username(name)
    creds.set_realm(realm)
    creds.set_named_ccache(f"FILE:{ccache}", SPECIFIED, lp)
    return f"ncacn_ip_tcp:{server}[{port},{security},{level},target_principal=host/{target or server}]", lp, creds


def main(server, port, user, ccache, security, level, calls="1", target=None, padding="0"):
    client = mgmt.mgmt(*login(server, port, user, ccache, security, level, target))
    for _ in range(int(calls)):
        ids = client.inq_if_ids()
        assert client.inq_stats(4, 0).count == 4
    if int(padding) > 0:
        assert client.request(0, bytes(int(padding)))
    print(*sorted(str(i.id.uuid) for i in ids.if_id))


if __name__ == "__main__":
    main(*sys.argv[1:])
