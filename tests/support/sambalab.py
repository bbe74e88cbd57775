"""Real Samba AD domain controllers for tests: each in a namespace of its own, beside a client.

    with SambaLab("one") as lab:
        lab.client.run("ldapsearch", …)       a command as the domain's machines see the network
        lab.dc1.kill()

Topologies: "one" (dc1), "two" (dc1 and dc2, replicating), "rodc" (dc1 and the read-only ro1),
"schema47" (dc1 with the schema of Windows Server 2008 R2). Each is provisioned once into a cache and
copied for each use. On a domain controller every file is at Debian's usual place, as on a machine
of its own: samba-tool needs no options there. Needs root and the packages of group "samba".
"""
import base64
import contextlib
import fcntl
import hashlib
import inspect
import json
import os
import re
import secrets
import shutil
import signal
import struct
import subprocess
import tempfile

import procfs
from lab import CommandFailed, wait_for
from netns import Network, environment, kill_all

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("ADBAD_SAMBA_CACHE", os.path.join(HERE, "..", "..", "build", "samba-cache"))
DEADLINE = 60

REALM = "LAB.EXAMPLE"
DOMAIN = "lab.example"
NETBIOS = "LAB"
BASE = "DC=lab,DC=example"
CONFIG = f"CN=Configuration,{BASE}"
SERVICES = f"CN=Services,{CONFIG}"
ADDRESSES = {"dc1": "10.53.0.1", "dc2": "10.53.0.2", "ro1": "10.53.0.3"}
CLIENT_ADDRESS = "10.53.0.100"
ACCOUNT = "svc-adbad"  # the service account of docs/samba.md

TOPOLOGIES = {
    "one": {"dcs": ["dc1"], "provision": []},
    "two": {"dcs": ["dc1", "dc2"], "provision": []},
    "rodc": {"dcs": ["dc1", "ro1"], "provision": []},
    "schema47": {"dcs": ["dc1"], "provision": ["--base-schema=2008_R2"]},
}


def shared(name):
    """A recipe that "adbactl lab up --samba" has built in."""
    with open(os.path.join(HERE, "..", "..", "schema", "samba", name), encoding="utf-8") as f:
        return f.read()


OPTIONS = dict(line.split(" = ", 1) for line in shared("options.conf").splitlines() if not line.startswith("#"))
KRB5_CONF = shared("krb5.conf.in")


def krb5_conf(addresses, extra=""):
    """The text of a krb5.conf that knows the KDCs by address."""
    kdcs = "".join(f"        kdc = {a}\n" for a in addresses) + f"        admin_server = {addresses[0]}"
    text = KRB5_CONF
    for name, value in {"REALM": REALM, "DOMAIN": DOMAIN, "KDCS": kdcs, "EXTRA": extra}.items():
        text = text.replace(f"@{name}@", value)
    return text


def samba_version():
    """The installed Samba's version."""
    return subprocess.run(["samba", "--version"], capture_output=True, text=True,
                          check=True).stdout.split()[1]


class DomainController:
    """One Samba AD DC. state: the folder with its /etc/samba (smb.conf) and /var/lib/samba."""

    def __init__(self, lab, name, state):
        self.lab = lab
        self.name = name
        self.fqdn = f"{name}.{DOMAIN}"
        self.address = ADDRESSES[name]
        self.state = state
        self.log_folder = os.path.join(lab.network.folder, "log", name)
        for folder in (state, os.path.join(state, "lib"), self.log_folder):
            os.makedirs(folder, exist_ok=True)
        self.node = lab.network.node(name, self.address, binds=[
            (os.path.join(state, "lib"), "/var/lib/samba"), (self.log_folder, "/var/log/samba"),
            ("-", "/var/cache/samba")])
        self.process = None
        self._take_conf()
        lab.write_network_files(self.node, first=name)

    def _take_conf(self):
        ours = os.path.join(self.state, "smb.conf")
        theirs = os.path.join(self.node.etc, "samba", "smb.conf")
        if os.path.exists(theirs):
            os.unlink(theirs)
        if os.path.exists(ours):
            shutil.copy(ours, theirs)

    def keep_conf(self):
        """Puts smb.conf, which provisioning wrote into this node's /etc, into the state folder."""
        shutil.copy(os.path.join(self.node.etc, "samba", "smb.conf"),
                    os.path.join(self.state, "smb.conf"))

    @property
    def uri(self):
        return f"ldap://{self.fqdn}"

    @property
    def read_only(self):
        return self.name.startswith("ro")

    # -- life --

    def start(self, wait=True):
        """Starts Samba; with wait, returns when it serves."""
        log = open(os.path.join(self.log_folder, "out"), "ab")  # pylint: disable=consider-using-with
        with log:
            self.process = self.node.popen(
                ["samba", "-F", "--no-process-group"], stdout=log, stderr=log, cwd="/",
                env={**environment(), "TDB_NO_FSYNC": "1"})
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        """Waits until LDAP, Kerberos and DNS answer, and this DC's service principals are there."""
        wait_for(self._answers_ldap, f"{self.name} answers LDAP", DEADLINE)
        wait_for(self._answers_kerberos, f"{self.name} gives tickets", DEADLINE)
        wait_for(self._has_spn, f"{self.name} has its ldap/ principals", DEADLINE)
        wait_for(lambda: self.lab.resolve(self.fqdn, server=self.address) == [self.address],
                 f"{self.name} answers DNS", DEADLINE)

    def _check_running(self):
        if self.process.poll() is not None:
            raise CommandFailed(f"samba on {self.name} ended with {self.process.returncode}:\n{self.log()}")

    def _answers_ldap(self):
        self._check_running()
        return "dsServiceName:" in self.lab.search_anonymous(self, "", "base", expect=None)

    def _answers_kerberos(self):
        self._check_running()
        return self.lab.kinit_with_password("Administrator", self.lab.password, kdc=self,
                                            expect=None).returncode == 0

    def _has_spn(self):
        return self.knows_principals_of(self)

    def knows_principals_of(self, dc):
        """Whether this DC's database has the ldap/ service principals of a DC."""
        self._check_running()
        return f"ldap/{dc.fqdn}" in self.local_search(f"(sAMAccountName={dc.name}$)", "servicePrincipalName")

    def local_search(self, query, *attrs):
        """LDIF from this DC's own database, without going through LDAP."""
        return self.run("ldbsearch", "-H", "/var/lib/samba/private/sam.ldb", query, *attrs).stdout

    def stop(self):
        """Ends Samba as an administrator would."""
        if self.process is not None and self.process.poll() is None:
            self.node.signal(signal.SIGTERM)
            self.node.signal(signal.SIGCONT)
            wait_for(lambda: not self.node.processes(), f"{self.name} stops", DEADLINE)
            self.process.wait(timeout=DEADLINE)
        self.process = None

    def kill(self):
        """kill -9 to all of it."""
        self.node.signal(signal.SIGKILL)
        kill_all(self.node.processes)
        if self.process is not None:
            self.process.wait(timeout=DEADLINE)
        self.process = None

    def freeze(self):
        """Stops every process (SIGSTOP): connections stay open and nothing answers."""
        self.node.signal(signal.SIGSTOP)
        wait_for(lambda: all(map(procfs.stands_still, self.node.processes())), "all stand still")

    def resume(self):
        self.node.signal(signal.SIGCONT)

    def log(self):
        """What Samba wrote, all files together."""
        text = []
        for name in sorted(os.listdir(self.log_folder)):
            path = os.path.join(self.log_folder, name)
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as f:
                    text.append(f"--- {name}\n{f.read()}")
        return "".join(text)

    # -- on the machine itself --

    def run(self, *argv, **kw):
        """A command on this machine, as root."""
        kw.setdefault("cwd", "/")
        kw["env"] = {"TDB_NO_FSYNC": "1", **kw.get("env", {})}
        return self.node.run(*argv, **kw)

    def tool(self, *argv, **kw):
        """samba-tool on this machine (works on its own database unless told otherwise)."""
        return self.run("samba-tool", *argv, **kw)

    def replicate(self, context=CONFIG, source="dc1"):
        """Pulls one naming context from another DC, now."""
        return self.lab.dcs[source].tool("drs", "replicate", self.fqdn, f"{source}.{DOMAIN}", context,
                                         f"--use-krb5-ccache={self.lab.ccache}")


class SambaLab:
    """A domain of the given topology, started and ready. Use it with "with"."""

    def __init__(self, topology="one", start=True):
        self.topology = topology
        self.state = cached_state(topology)
        self._begin(f"samba-{topology}")
        try:
            copy = os.path.join(self.network.folder, "state")
            subprocess.run(["cp", "-a", "--sparse=always", self.state, copy], check=True)
            self._read_facts(copy)
            for name in TOPOLOGIES[topology]["dcs"]:
                self._add_dc(name, os.path.join(copy, name))
            if start:
                self.start()
        except BaseException:
            self.close()
            raise

    def _begin(self, label):
        self.network = Network(label)
        self.folder = self.network.folder
        self.dcs = {}
        self.ccache = os.path.join(self.folder, "ccache")
        self.client = self.network.node("client", CLIENT_ADDRESS, pids=False)
        self.admin_file = os.path.join(self.folder, "administrator.password")

    def _read_facts(self, folder):
        with open(os.path.join(folder, "facts.json"), encoding="utf-8") as f:
            facts = json.load(f)
        self.password = facts["password"]
        self.domain_sid = facts["domain_sid"]
        self.ca_file = os.path.join(folder, "ca.pem")
        self.write_private(self.admin_file, self.password)

    def _add_dc(self, name, state):
        dc = DomainController(self, name, state)
        self.dcs[name] = dc
        setattr(self, name, dc)
        self.write_network_files(self.client)
        return dc

    @staticmethod
    def write_private(path, text):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as f:
            f.write(text)

    def write_network_files(self, node, first=None, extra_krb5=""):
        """resolv.conf, hosts and krb5.conf of a node. first: the DC it asks first."""
        names = sorted(TOPOLOGIES[self.topology]["dcs"], key=lambda n: (n != first, n))
        addresses = [ADDRESSES[n] for n in names]
        node.write_etc("resolv.conf", f"search {DOMAIN}\noptions timeout:1 attempts:2\n" +
                       "".join(f"nameserver {a}\n" for a in addresses))
        hosts = "".join(f"{ADDRESSES[n]} {n}.{DOMAIN} {n}\n" for n in names)
        node.write_etc("hosts", f"127.0.0.1 localhost\n{hosts}{CLIENT_ADDRESS} client.{DOMAIN} client\n")
        node.write_etc("krb5.conf", krb5_conf(addresses, extra_krb5))

    def start(self):
        for dc in self.dcs.values():
            dc.start(wait=False)
        for dc in self.dcs.values():
            dc.wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.network.close()

    # -- as the administrator, from the client --

    @contextlib.contextmanager
    def _kdc_file(self, dc):
        """A krb5.conf that knows one KDC only."""
        with tempfile.NamedTemporaryFile("w", dir=self.folder, suffix=".krb5", encoding="utf-8") as f:
            f.write(krb5_conf([dc.address]))
            f.flush()
            yield f.name

    def kinit_with_password(self, user, password, kdc=None, ccache=None, expect=0):
        """A ticket for user into ccache (default: the administrator's); kdc: ask this DC only."""
        with self._kdc_file(kdc or self.dc1) as conf:
            env = {"KRB5_CONFIG": conf, "KRB5CCNAME": ccache or self.ccache}
            return self.client.run("kinit", user, stdin=password + "\n", env=env, expect=expect)

    def ldap(self, program, *argv, dc=None, ccache=None, options=(), **kw):
        """ldapsearch, ldapadd, ldapmodify or ldapdelete over GSSAPI; ccache: as whom (default:
        the administrator)."""
        env = {"KRB5CCNAME": ccache or self.ccache, "LDAPTLS_CACERT": self.ca_file}
        return self.client.run(program, "-Q", "-N", "-Y", "GSSAPI", "-H", (dc or self.dc1).uri,
                               "-o", "nettimeout=10", *options, *argv, env=env, **kw)

    def search(self, base, query="(objectClass=*)", *attrs, scope="sub", dc=None, ccache=None, expect=0):
        """LDIF of what a search finds, unwrapped and without comments."""
        return self.ldap("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", base, "-s", scope, query, *attrs,
                         dc=dc, ccache=ccache, expect=expect).stdout

    def search_anonymous(self, dc, base, scope, *attrs, expect=0):
        return self.client.run("ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-o", "nettimeout=2",
                               "-H", dc.uri, "-b", base, "-s", scope, "(objectClass=*)", *attrs,
                               expect=expect).stdout

    def modify(self, ldif, dc=None, ccache=None, expect=0):
        """Applies LDIF change records (or adds entries, where there is no changetype)."""
        return self.ldap("ldapmodify", "-a", dc=dc, ccache=ccache, stdin=ldif, expect=expect)

    def resolve(self, name, kind="A", server=None):
        """What DNS answers for a name: a list of strings, empty if there is nothing."""
        out = self.client.run("dig", "+short", "+time=1", "+tries=1", f"@{server or self.dc1.address}", name, kind,
                              expect=None).stdout
        return sorted(line for line in out.splitlines() if not line.startswith(";"))

    def add_dns(self, name, kind, data, dc=None):
        """Adds a DNS record through the DC's management interface."""
        return (dc or self.dc1).tool("dns", "add", (dc or self.dc1).fqdn, DOMAIN, name, kind, data,
                                      f"--use-krb5-ccache={self.ccache}")

    def nsupdate(self, commands, ccache=None):
        """Secure dynamic update. Its exit code says nothing (Samba's answers are signed in a way
        that nsupdate does not accept): look with resolve()."""
        return self.client.run("nsupdate", "-g", stdin=f"server {self.dc1.fqdn}\n{commands}\nsend\n",
                               env={"KRB5CCNAME": ccache or self.ccache}, expect=None)

    # -- accounts --

    def token(self, ccache=None, dc=None):
        """The SIDs that the DC gives whoever binds with this ccache, the own one first."""
        out = self.search("", "(objectClass=*)", "tokenGroups", scope="base", dc=dc, ccache=ccache)
        values = [line.split(":: ", 1)[1] for line in out.splitlines() if line.startswith("tokenGroups:: ")]
        return [format_sid(base64.b64decode(v)) for v in values]

    def keytab(self, principal, path=None):
        """A keytab (0600) with an account's keys."""
        path = path or os.path.join(self.folder, principal.rstrip("$") + ".keytab")
        inside = f"/var/lib/samba/export-{secrets.token_hex(4)}.keytab"
        self.dc1.tool("domain", "exportkeytab", inside, f"--principal={principal}")
        outside = os.path.join(self.dc1.state, "lib", os.path.basename(inside))
        os.chmod(outside, 0o600)
        shutil.move(outside, path)
        return path

    def kinit(self, principal, keytab, ccache=None):
        """A ticket by keytab; returns the credential cache."""
        ccache = ccache or os.path.join(self.folder, "cc-" + principal.rstrip("$"))
        self.client.run("kinit", "-k", "-t", keytab, principal, env={"KRB5CCNAME": ccache})
        return ccache

    def add_computer(self, name):
        """A computer account with a password, and its keytab: returns the path."""
        self.dc1.tool("computer", "create", name)
        self.dc1.tool("user", "setpassword", f"{name}$", f"--newpassword={new_password()}")
        return self.keytab(f"{name}$")

    def add_service_account(self, name):
        """A user account without any right of its own, and its keytab: returns the path."""
        self.dc1.tool("user", "create", name, new_password())
        self.dc1.tool("user", "setexpiry", name, "--noexpiry")
        return self.keytab(name)

    def prepare(self):
        """Does what docs/samba.md says: the containers, and the service account ACCOUNT with its rights.
        Returns the account's SID and its keytab."""
        for example in shell_examples("Once, as an administrator: the containers"):
            self.run_example(example)
        account, export = shell_examples("The service account")
        self.run_example(account)
        keytab = os.path.join(self.folder, f"{ACCOUNT}.keytab")
        self.dc1.run("sh", "-euc", export.replace(f"/root/{ACCOUNT}.keytab", keytab))
        return self.sid_of(ACCOUNT), keytab

    def run_example(self, text):
        """Runs a shell example on the client, with the administrator's ticket."""
        return self.client.run("sh", "-euc", text, env={"KRB5CCNAME": self.ccache})

    def sid_of(self, account):
        out = self.dc1.local_search(f"(sAMAccountName={account})", "objectSid")
        return next(line.split()[1] for line in out.splitlines() if line.startswith("objectSid:"))


def shell_examples(heading):
    """The shell examples below a heading of docs/samba.md."""
    with open(os.path.join(HERE, "..", "..", "docs", "samba.md"), encoding="utf-8") as f:
        section = f.read().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S)


def format_sid(data):
    """The text of a binary SID (MS-DTYP 2.4.2)."""
    subs = struct.unpack_from(f"<{data[1]}I", data, 8)
    return "-".join(["S", str(data[0]), str(int.from_bytes(data[2:8], "big")), *map(str, subs)])


def new_password():
    """A password that meets the domain's rules."""
    return "Aa1-" + secrets.token_hex(12)


# -- provisioning, once per topology --

class Provisioning(SambaLab):
    """Makes a topology's state folder."""

    def __init__(self, topology, out):  # pylint: disable=super-init-not-called
        self.topology = topology
        self.out = out
        self._begin(f"provision-{topology}")

    def build(self):
        recipe = TOPOLOGIES[self.topology]
        self._make_facts()
        for name in recipe["dcs"]:
            self._make_certificate(name)
        self._provision(self._add_dc("dc1", os.path.join(self.out, "dc1")), recipe["provision"])
        self.dc1.start()
        for name in recipe["dcs"][1:]:
            self._join(self._add_dc(name, os.path.join(self.out, name)))
        self._settle()
        for dc in self.dcs.values():
            dc.stop()

    def _make_facts(self):
        self.domain_sid = "S-1-5-21-" + "-".join(str(secrets.randbelow(2**31) + 1000) for _ in range(3))
        os.chmod(self.out, 0o700)
        with open(os.path.join(self.out, "facts.json"), "w", encoding="utf-8") as f:
            json.dump({"password": new_password(), "domain_sid": self.domain_sid}, f)
        self._make_ca()
        self._read_facts(self.out)

    @staticmethod
    def _openssl(*argv):
        subprocess.run(["openssl", *argv], check=True, capture_output=True)

    def _make_ca(self):
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", f"{self.out}/ca.key", "-out", f"{self.out}/ca.pem", "-days", "3650",
                      "-subj", "/CN=lab.example test CA")

    def _make_certificate(self, name):
        """Else Samba makes an RSA key of 4096 bits at its first start, and a certificate nobody can verify."""
        tls = os.path.join(self.out, name, "tls")
        os.makedirs(tls)
        ext = os.path.join(tls, "ext")
        with open(ext, "w", encoding="utf-8") as f:
            f.write(f"subjectAltName=DNS:{name}.{DOMAIN},DNS:{DOMAIN},IP:{ADDRESSES[name]}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", f"{tls}/key.pem", "-out", f"{tls}/req", "-subj", f"/CN={name}.{DOMAIN}")
        self._openssl("x509", "-req", "-in", f"{tls}/req", "-CA", f"{self.out}/ca.pem", "-CAkey", f"{self.out}/ca.key",
                      "-CAcreateserial", "-out", f"{tls}/cert.pem", "-days", "3650", "-extfile", ext)
        shutil.copy(f"{self.out}/ca.pem", f"{tls}/ca.pem")
        os.chmod(f"{tls}/key.pem", 0o600)

    @staticmethod
    def _options(name):
        options = {**OPTIONS, "netbios name": name.upper()}
        return [f"--option={key}={value}" for key, value in options.items()]

    def _install_tls(self, dc):
        target = os.path.join(dc.state, "lib", "private", "tls")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(os.path.join(dc.state, "tls"), target)

    def _provision(self, dc, extra):
        dc.tool("domain", "provision", f"--realm={REALM}", f"--domain={NETBIOS}", f"--adminpass={self.password}",
                f"--domain-sid={self.domain_sid}", "--server-role=dc", "--dns-backend=SAMBA_INTERNAL",
                f"--host-name={dc.name}", f"--host-ip={dc.address}", *self._options(dc.name), *extra)
        dc.keep_conf()
        self._install_tls(dc)

    def _join(self, dc):
        role = "RODC" if dc.read_only else "DC"
        dc.tool("domain", "join", DOMAIN, role, f"--use-krb5-ccache={self.ccache}", f"--server={self.dc1.fqdn}",
                "--dns-backend=SAMBA_INTERNAL", *self._options(dc.name))
        dc.keep_conf()
        self._install_tls(dc)
        dc.start()

    def _settle(self):
        """Makes the DCs know each other, and waits until what they tell has arrived everywhere."""
        for dc in list(self.dcs.values())[1:]:
            if not dc.read_only:
                self.dc1.tool("drs", "kcc", self.dc1.fqdn, f"--use-krb5-ccache={self.ccache}")
            wait_for(lambda: self.dc1.knows_principals_of(dc), f"dc1 knows {dc.name}", DEADLINE)
            wait_for(lambda: self.resolve(dc.fqdn) == [dc.address], f"{dc.name} is in DNS", DEADLINE)


def cached_state(topology):
    """The state folder of a topology, provisioned if there is none for this Samba and recipe."""
    code = "".join(inspect.getsource(x) for x in (Provisioning, krb5_conf)) + json.dumps(
        [TOPOLOGIES[topology], OPTIONS, KRB5_CONF])
    key = hashlib.sha256((samba_version() + code).encode()).hexdigest()[:16]
    cache = os.path.abspath(CACHE)
    state = os.path.join(cache, f"{topology}-{key}")
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, f"{topology}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(state):
            for name in os.listdir(cache):
                if name.startswith(f"{topology}-"):
                    shutil.rmtree(os.path.join(cache, name))
            fresh = f"{state}.new"
            os.makedirs(fresh)
            with Provisioning(topology, fresh) as p:
                p.build()
            os.rename(fresh, state)
    return state
