"""Runs named tests of Samba's raw DCE/RPC suite (Debian's python3-samba, unmodified) against the
server at 127.0.0.1, port 135: `samba_raw.py LIST [CCACHE USER]`, where LIST names one test a line.
With a credential cache (the server then at TARGET_HOSTNAME) the tests about authentication can run: who they
call anonymous is that user too, since only Kerberos is served. NAME@krb5 runs a test that authenticates with
NTLMSSP with Kerberos instead: what it asks is not about the mechanism.

The suite expects a second interface with an operation 4; our lab interface's echo takes the place
of Samba's netlogon. Exit code 0 only if every named test ran and passed."""
import os
import re
import struct
import sys
import unittest
import unittest.mock

os.environ.setdefault("SERVER", "127.0.0.1")
os.environ.setdefault("TARGET_HOSTNAME", "127.0.0.1")
os.environ.setdefault("SMB_CONF_PATH", "/dev/null")

from samba.credentials import MUST_USE_KERBEROS, SPECIFIED, Credentials  # noqa: E402
from samba.dcerpc import base, dcerpc, misc  # noqa: E402
from samba.tests.dcerpc import raw_protocol  # noqa: E402

LAB_HEADER = os.path.join(os.path.dirname(__file__), "../../src/rpc/lab.h")


def lab_uuid():
    with open(LAB_HEADER, encoding="utf-8") as f:
        return re.search(r'RPC_LAB_UUID +"([0-9a-f-]+)"', f.read()).group(1)


class Raw(raw_protocol.TestDCERPC_BIND):
    login = None  # credential cache and user

    def __init__(self, name):
        name, _, instead = name.partition("@")
        super().__init__(name)
        self.ntlmssp = dcerpc.DCERPC_AUTH_TYPE_KRB5 if instead else dcerpc.DCERPC_AUTH_TYPE_NTLMSSP

    def run(self, result=None):
        with unittest.mock.patch.object(dcerpc, "DCERPC_AUTH_TYPE_NTLMSSP", self.ntlmssp):
            return super().run(result)

    def get_user_creds(self):
        ccache, user = self.login
        self.lp_ctx.set("realm", os.environ["REALM"])
        creds = Credentials()
        creds.guess(self.lp_ctx)
        creds.set_kerberos_state(MUST_USE_KERBEROS)
        creds.set_realm(os.environ["REALM"])
        creds.set_username(user)
        creds.set_named_ccache(f"FILE:{ccache}", SPECIFIED, self.lp_ctx)
        return creds

    def get_anon_creds(self):
        # setUp asks before lp_ctx is there; what it gets is not used over TCP.
        if self.login and hasattr(self, "lp_ctx"):
            return self.get_user_creds()
        return super().get_anon_creds()

    def _get_netlogon_ctx(self):
        abstract = misc.ndr_syntax_id()
        abstract.uuid = misc.GUID(lab_uuid())
        abstract.if_version = 1
        ctx, ack = self.prepare_presentation(abstract, base.transfer_syntax_ndr(), context_id=0,
                                             return_ack=True)
        # An array of four bytes: its echo with the status is the 12 bytes that the suite expects.
        return (ctx, ack, struct.pack("<I", 4) + b"\x01\x02\x03\x04")


def main(path, *login):
    Raw.login = login or None
    with open(path, encoding="ascii") as f:
        names = f.read().split()
    suite = unittest.TestSuite(Raw(name) for name in names)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    complete = result.testsRun == len(names) and not result.skipped
    print(f"{result.testsRun} of {len(names)} run, {len(result.failures)} failed, "
          f"{len(result.errors)} broken")
    return 0 if complete and result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
