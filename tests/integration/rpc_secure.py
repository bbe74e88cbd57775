"""Calls the management interface with Samba's own client (Debian's python3-samba), authenticated:
`rpc_secure.py SERVER PORT USER CCACHE SECURITY LEVEL [CALLS [TARGET]]`. Run where the realm's KDC is known.

SECURITY is krb5 or spnego, LEVEL connect, packet, sign or seal, TARGET the host that the ticket is for. Prints the interfaces' ids."""
import os
import sys

os.environ.setdefault("SMB_CONF_PATH", "/dev/null")

from samba.credentials import MUST_USE_KERBEROS, SPECIFIED, Credentials  # noqa: E402
from samba.dcerpc import mgmt  # noqa: E402
from samba.param import LoadParm  # noqa: E402


def main(server, port, user, ccache, security, level, calls="1", target=None):
    lp = LoadParm()
    lp.set("realm", "LAB.EXAMPLE")
    lp.set("workgroup", "LAB")
    creds = Credentials()
    creds.guess(lp)
    creds.set_kerberos_state(MUST_USE_KERBEROS)
    creds.set_username(user)
    creds.set_realm("LAB.EXAMPLE")
    creds.set_named_ccache(f"FILE:{ccache}", SPECIFIED, lp)
    client = mgmt.mgmt(f"ncacn_ip_tcp:{server}[{port},{security},{level},target_principal=host/{target or server}]",
                       lp, creds)
    for _ in range(int(calls)):
        ids = client.inq_if_ids()
        assert client.inq_stats(4, 0).count == 4
    print(*sorted(str(i.id.uuid) for i in ids.if_id))


if __name__ == "__main__":
    main(*sys.argv[1:])
