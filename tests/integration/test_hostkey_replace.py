"""adbactl hostkey install --replace, ended by kill -9 before each of the calls that change something: what is installed
is the former key, still activated, or the new one, whole; adbad starts with it and leaves no other files."""
import itertools
import os
import re
import shutil
import threading

import pytest

from lab import wait_for

pytestmark = pytest.mark.uninstrumented  # a sanitizer's own work at the end of a traced program fails

GROUP = "Volume License for Windows Server 2022"
CALLS = ("write", "fsync", "rename", "unlink", "fchmod", "flock")


class Host:
    """A daemon, not running, with an activated host key; and a package that may take its place."""

    def __init__(self, lab):
        self.lab = lab
        self.daemon = lab.daemon("host")
        lab.install_hostkey(self.daemon, GROUP)
        self.daemon.stop()
        self.package = os.path.join(self.daemon.folder, "another.hostkey")
        self.daemon.ctl("hostkey", "issue", "--group", GROUP, "--out", self.package)
        self.folders = [os.path.join(self.daemon.folder, name) for name in ("state", "state.private")]
        for folder in self.folders:
            shutil.copytree(folder, folder + ".saved")

    def as_before(self):
        for folder in self.folders:
            shutil.rmtree(folder)
            shutil.copytree(folder + ".saved", folder)

    def contents(self):
        """{name: bytes}; what is just being written has one name, and no bytes."""
        found = {}
        for folder in self.folders:
            for name in os.listdir(os.path.join(folder, "hostkeys")):
                whole = re.sub(r"\.\w{6}$", ".part", name) if name.count(".") > 2 else name
                with open(os.path.join(folder, "hostkeys", name), "rb") as f:
                    found[whole] = f.read() if whole == name else None
        return found

    def files(self):
        return sorted(self.contents())

    def key(self):
        """What is installed: its last characters, whether it is activated, and an installation ID, for which its
        secrets are read."""
        row, = self.daemon.ctl("hostkey", "list", "--json").json["host_keys"]
        return row["partial_key"], row["activated"], self.daemon.ctl("hostkey", "activate", "--iid").out

    def replace(self, call=None, at=0):
        """False: killed before call, when it was to be made for the at-th time."""
        if call is not None:
            self.lab.prefix = ["strace", "-qq", "-o", os.path.join(self.daemon.folder, "calls"), "-e", f"trace={call}",
                               "-e", f"inject={call}:signal=SIGKILL:when={at}"]
        try:
            done = self.daemon.ctl("hostkey", "install", "--replace", self.package, expect=None)
        finally:
            self.lab.prefix = []
        assert done.code in (0, -9), repr(done)
        return done.code == 0

    def replaced_halfway(self, calls=CALLS):
        """Has it killed at each place that leaves other files; says which that is."""
        left = []
        for call in calls:
            for at in itertools.count(1):
                self.as_before()
                if self.replace(call, at):
                    break
                if (found := self.contents()) not in left:
                    left.append(found)
                    yield call, at


@pytest.fixture(name="host")
def host_with_a_key(lab):
    return Host(lab)


def test_killed_anywhere_it_leaves_the_former_key_or_the_new_one(host):
    former, files = host.key(), host.files()
    assert host.replace()
    new = host.key()
    assert former[1] and not new[1] and former[0] != new[0] and former[2] != new[2]
    seen = set()
    for where in host.replaced_halfway():
        found = host.key()
        assert found in (former, new), where
        seen.add(found)
        host.daemon.start()
        assert host.files() == files, where
        served, = host.daemon.status()["host_keys"]
        assert served["activated"] == found[1]
        host.daemon.kill()
        assert host.key() == found, where
    assert seen == {former, new}


def test_what_a_killed_one_left_does_not_get_into_the_next(host):
    issued = os.path.join(host.daemon.folder, "third.hostkey")
    host.daemon.ctl("hostkey", "issue", "--group", GROUP, "--out", issued)
    files, steps = host.files(), 0
    for steps, where in enumerate(host.replaced_halfway(("rename",)), 1):
        if steps % 2:
            third = host.daemon.ctl("hostkey", "install", "--replace", "--json", issued).json["key"]
            assert host.key()[0] == third[-5:] and host.files() == files, where
        else:
            host.daemon.ctl("hostkey", "uninstall", GROUP)
            assert host.files() == [], where
    assert steps > 8


def test_who_reads_while_it_is_replaced_has_one_of_the_two(host):
    ended = threading.Event()
    keys = {host.key()[0]}

    def turn():
        while not ended.is_set():
            host.daemon.ctl("hostkey", "install", "--replace", host.package)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        wait_for(lambda: len(keys.add(host.key()[0]) or keys) == 2, "the new key is seen")
        for _ in range(50):
            assert host.key()[0] in keys
    finally:
        ended.set()
        thread.join()
