"""The whole story of the demo beside a Samba domain, as somebody on the network and on the machine sees it:
nothing of LDAP travels in clear that need not, and no secret is in a log, an argument or an environment."""
import base64
import json
import os
import struct
import sys
import threading

import pytest

from lab import Lab
from sambalab import BASE, CLIENT_ADDRESS, DOMAIN, SambaLab, new_password
from wire import Capture, captured, clear_ldap

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "demo"))

from demo import Demo  # noqa: E402
from directories import Samba  # noqa: E402

SUMMARY = os.path.join(ROOT, "build", "demo", "summary-samba.json")
PROGRAMS = ("adbad", "adbactl", "adbaclient")


# -- secrets --

def keytab_keys(data):
    """The keys in an MIT keytab, version 2."""
    keys, at = [], 2
    while at + 4 <= len(data):
        size = struct.unpack_from(">i", data, at)[0]
        at += 4
        if size > 0:
            keys.append(keytab_key(data[at:at + size]))
        at += abs(size)
    return keys


def keytab_key(entry):
    """After the principal (realm and components) and nine bytes: type, length and bytes of the key."""
    at = 2
    for _ in range(struct.unpack_from(">H", entry)[0] + 1):
        at += 2 + struct.unpack_from(">H", entry, at)[0]
    begin = at + 4 + 4 + 1 + 2
    return entry[begin + 2:begin + 2 + struct.unpack_from(">H", entry, begin)[0]]


def private_key(pem):
    """The key's bytes from PEM text, also inside JSON."""
    pem = pem.replace(b"\\n", b"\n")
    body = pem.split(b"PRIVATE KEY-----", 2)[1].rsplit(b"-----END", 1)[0]
    return base64.b64decode(body)


def files(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    yield path, f.read()


def secrets_in(path, data):
    """The secrets that a file holds by its purpose; none if it is one that must not hold any."""
    name = os.path.basename(path)
    if data[:2] == b"\5\2":
        return keytab_keys(data)
    if name.endswith("password"):
        return [data.strip()]
    if name == "secret":
        return [data]
    if b"PRIVATE KEY-----" in data and name.endswith((".key", ".hostkey")):
        return [private_key(data)]
    if name == "client.bundle":
        directions = [pair for both in json.loads(data)["keys"].values() for pair in both.values()]
        return [bytes.fromhex(key) for pair in directions for key in pair.values()]
    return []


def spellings(secret):
    text = base64.b64encode(secret).rstrip(b"=")[:-1]  # the last digit depends on what follows
    yield from (secret, secret.hex().encode(), secret.hex().upper().encode(), text)
    if len(secret) > 96:
        yield text[64:128]  # a whole line of PEM


def leaks(secrets, places):
    """Names of the places (name -> bytes) that hold a secret in any spelling."""
    wanted = {s for secret in secrets for s in spellings(secret)}
    return sorted(name for name, data in places.items() if any(w in data for w in wanted))


# -- the story, watched --

class Watch:
    """Collects what the story shows: captures, outputs, files, arguments and environments."""

    def __init__(self, folder):
        self.folder = folder
        self.captures = []
        self.secrets = set()
        self.places = {}
        self.seen = set()  # programs
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._poll)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.ended.set()
        self.thread.join()

    def _poll(self):
        while not self.ended.wait(0.02):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                self._look_at(pid)

    def _look_at(self, pid):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
                name = f.read().strip()
            if name not in PROGRAMS:
                return
            for what in ("cmdline", "environ"):
                with open(f"/proc/{pid}/{what}", "rb") as f:
                    self.places[f"{what} of {name} {pid}"] = f.read()
            self.seen.add(name)
        except OSError:
            pass  # it has ended

    def capture(self, node):
        capture = Capture(node, os.path.join(self.folder, f"{len(self.captures)}.pcapng"))
        self.captures.append(capture)
        return capture

    def said(self, result):
        number = len(self.places)
        self.places[f"output {number} of {' '.join(result.argv[-6:])}"] = (result.out + result.err).encode()
        self.places[f"arguments {number}"] = "\0".join(result.argv).encode()

    def take(self, folder):
        """Keeps a folder's secrets, and all else in it: logs, events, ledgers, settings."""
        for path, data in files(folder):
            found = secrets_in(path, data)
            self.secrets.update(found)
            if not found:
                self.places[path] = data


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The demo beside Samba, with everything watched. Its summary is the one that ./dev test counts."""
    watch = Watch(str(tmp_path_factory.mktemp("wire")))

    class Watched(Samba):
        def __init__(self, topology="rodc"):
            super().__init__(topology)
            self.capture = watch.capture(self.ad.client)

        def close(self):
            self.capture.stop()
            for path, data in files(self.ad.folder):
                if os.path.dirname(path) == self.ad.folder:
                    watch.secrets.update(secrets_in(path, data))
            super().close()

    with pytest.MonkeyPatch.context() as patch, watch:
        run, close = Lab.run, Lab.close

        def watched_run(lab, *argv, **kw):
            result = run(lab, *argv, **kw)
            watch.said(result)
            return result

        def watched_close(lab, *argv, **kw):
            watch.take(lab.folder)
            close(lab, *argv, **kw)

        patch.setattr(Lab, "run", watched_run)
        patch.setattr(Lab, "close", watched_close)
        directory = Watched()
        try:
            with Lab(prefix=directory.prefix, directory=directory.settings) as lab:
                watch.code = Demo(lab, directory, SUMMARY).run()
        finally:
            directory.close()
    return watch


def test_every_step_holds(story):
    assert story.code == 0


def test_nothing_of_ldap_travels_in_clear_that_need_not(story):
    assert len(story.captures) == 2  # the second domain is the one with the old schema
    for capture in story.captures:
        fine, findings = clear_ldap(capture.path, CLIENT_ADDRESS)
        assert not findings
        assert fine["SASL bind"] > 0 and fine["encrypted"] > 0, fine


def test_no_secret_travels_in_clear(story):
    assert leaks(story.secrets, dict(files(story.folder))) == []


def test_no_secret_is_in_an_output_a_log_an_argument_or_an_environment(story):
    assert story.seen == set(PROGRAMS)
    assert any(name.endswith("/log") for name in story.places)
    assert len(story.secrets) > 10
    assert leaks(story.secrets, story.places) == []


# -- that all of this can be seen --

@pytest.fixture(scope="module")
def one():
    with SambaLab("one") as ad:
        yield ad


def simple_bind(ad):
    ad.client.run("ldapsearch", "-x", "-H", ad.dc1.uri, "-D", f"nobody@{DOMAIN}", "-w", new_password(), "-b", BASE, expect=None)


def anonymous_search(ad):
    ad.client.run("ldapsearch", "-x", "-H", ad.dc1.uri, "-b", BASE, "-s", "base", expect=None)


def only_signed(ad):
    ad.ldap("ldapsearch", "-b", BASE, "-s", "base", "cn", options=("-O", "maxssf=1"), expect=None)


def another_operation(ad):
    ad.client.run("ldapwhoami", "-x", "-H", ad.dc1.uri, expect=None)


@pytest.mark.parametrize("show, seen", [
    (simple_bind, f"simple bind of nobody@{DOMAIN}"), (anonymous_search, f"search below {BASE}"),
    (only_signed, "a SASL buffer that is only signed"), (another_operation, "extended request 1.3.6.1.4.1.4203.1.11.3")])
def test_what_is_in_clear_is_found(one, tmp_path, show, seen):
    path = str(tmp_path / "wire.pcapng")
    with captured(one.client, path):
        show(one)
    _, findings = clear_ldap(path, CLIENT_ADDRESS)
    assert findings[seen] > 0, findings


def test_what_is_encrypted_is_told_as_such(one, tmp_path):
    path = str(tmp_path / "wire.pcapng")
    with captured(one.client, path):
        one.search(BASE, "(objectClass=domainDNS)", "cn", scope="base")
        one.client.run("ldapsearch", "-x", "-ZZ", "-H", one.dc1.uri, "-b", BASE, "-s", "base", expect=None,
                       env={"LDAPTLS_CACERT": one.ca_file})
        one.client.run("ldapsearch", "-x", "-H", f"ldaps://{one.dc1.fqdn}", "-b", BASE, "-s", "base", expect=None,
                       env={"LDAPTLS_CACERT": one.ca_file})
    fine, findings = clear_ldap(path, CLIENT_ADDRESS)
    assert not findings
    assert fine["encrypted"] > 0 and fine["StartTLS"] == 1 and fine["TLS"] > 10


def test_a_secret_is_found_in_any_spelling(one):
    keytab = one.add_computer("LEAK")
    with open(keytab, "rb") as f:
        keys = secrets_in(keytab, f.read())
    shown = one.client.run("klist", "-K", "-k", "-t", keytab).stdout  # prints the keys in hex
    assert keys and all(key.hex() in shown for key in keys)
    for key in keys:
        for text in (key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key)):
            assert leaks([key], {"log": b"before " + text + b" after"}) == ["log"]
    assert leaks(keys, {"log": b"nothing"}) == []
