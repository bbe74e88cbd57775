"""Kerberos without a KDC: tickets made with the service's key (tickets_tool), for Samba's own client."""
import os
import shutil
import subprocess
import sys

from lab import TOOLS

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(HERE, "..", "integration")
HOST = "kms1.lab.example"
REALM = "LAB.EXAMPLE"
SERVICE = f"host/{HOST}@{REALM}"


def sid_bytes(text):
    """A SID's bytes (MS-DTYP 2.4.2.2)."""
    authority, *subs = map(int, text.split("-")[2:])
    return bytes([1, len(subs)]) + authority.to_bytes(6, "big") + b"".join(s.to_bytes(4, "little") for s in subs)


class Tickets:
    """The service's keytab, and who has a ticket for it. Sets KRB5_CONFIG while it is open."""

    def __init__(self, folder):
        self.folder = folder
        self.before = os.environ.get("KRB5_CONFIG")
        os.mkdir(folder)
        self.keytab = os.path.join(folder, "keytab")
        self._run(folder, f"PC01$@{REALM}", SERVICE)
        self.version = 1
        os.environ["KRB5_CONFIG"] = os.path.join(folder, "krb5.conf")

    def close(self):
        os.environ.pop("KRB5_CONFIG")
        if self.before is not None:
            os.environ["KRB5_CONFIG"] = self.before

    @staticmethod
    def _run(*argv):
        subprocess.run([os.path.join(TOOLS, "tickets_tool"), *argv], check=True, timeout=60)

    def issue(self, client=f"PC01$@{REALM}", server=SERVICE, sid=None, begins=0, ends=3600, key=True):
        """A credential cache with a ticket; begins and ends in seconds from now. Without key it is another's, which
        the service does not have."""
        folder = os.path.join(self.folder, str(len(os.listdir(self.folder))))
        os.mkdir(folder)
        if key:
            shutil.copy2(self.keytab, folder)
        self._run("-b", str(begins), "-e", str(ends), *(["-s", sid_bytes(sid).hex()] if sid else []), folder, client,
                  server)
        return os.path.join(folder, "ccache")

    def rotate(self, server=SERVICE):
        """A keytab with a key of the next version alone takes the place of the old one, as tools do it: by its name."""
        self.version += 1
        folder = os.path.join(self.folder, f"rotated-{self.version}")
        os.mkdir(folder)
        self._run("-v", str(self.version), folder, f"PC01$@{REALM}", server)
        os.rename(os.path.join(folder, "keytab"), self.keytab)

    @property
    def ccache(self):
        """Of PC01, whose ticket tells no SID."""
        return os.path.join(self.folder, "ccache")


def python(script, *argv, stdin=None):
    """A script that uses Samba's client."""
    return subprocess.run([sys.executable, os.path.join(SCRIPTS, script), *map(str, argv)], input=stdin or "",
                          capture_output=True, text=True, timeout=120, check=False)


def activate(port, stub, ccache, *options, level="sign", user=f"PC01$@{REALM}", logins=1):
    """The answer's stub to the last of so many RequestActivations, each of a login of its own; None if the caller takes
    none."""
    done = python("rpc_secure_request.py", "127.0.0.1", port, user, ccache, level, HOST, logins, *options,
                  stdin=stub.hex())
    return bytes.fromhex(done.stdout) if done.returncode == 0 else None
