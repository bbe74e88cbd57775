"""Root's adbactl in the folders of a service whose user put links there: none leads it to what is root's alone."""
import os

import pytest

from kms_lab import Clients

SERVICE = 12345


class Place:
    """A daemon's folders, given to another user, and a folder that is root's alone."""

    def __init__(self, lab):
        self.daemon = lab.daemon("host")
        lab.install_hostkey(self.daemon)
        assert Clients(lab, self.daemon.port, "Windows Server 2022", "Standard").count() == 1
        self.daemon.stop()
        self.state = os.path.join(self.daemon.folder, "state")
        self.secrets = self.state + ".private"
        self.clock = os.path.join(self.state, "clock")
        self.daemon.options["lab.clock"] = self.clock
        self.daemon.write_conf()
        self.daemon.ctl("clock", "show")
        self.roots = os.path.join(lab.folder, "roots")
        os.mkdir(self.roots, mode=0o700)
        for folder in (self.state, self.secrets):
            for at, folders, names in os.walk(folder):
                for path in [at, *(os.path.join(at, name) for name in folders + names)]:
                    os.chown(path, SERVICE, SERVICE)
        for way in (lab.folder, self.daemon.folder):  # the owner gets there
            os.chmod(way, 0o711)

    def link(self, *name):
        """Moves the file into root's folder, and has a link to it in its place."""
        path = os.path.join(*name)
        there = os.path.join(self.roots, os.path.basename(path))
        if os.path.lexists(path):
            os.rename(path, there)
            os.chown(there, 0, 0)
        os.symlink(there, path)
        return there

    def file(self, folder, ending):
        name, = [n for n in os.listdir(os.path.join(folder, "hostkeys")) if n.endswith(ending)]
        return os.path.join(folder, "hostkeys", name)


@pytest.fixture(name="place")
def place_of_a_service(lab):
    return Place(lab)


READS = {
    "json": ("state", ".json", ["hostkey", "list"]),
    "crt": ("state", ".crt", ["hostkey", "list"]),
    "host": ("state", ".host", ["hostkey", "list"]),
    "key": ("secrets", ".key", ["hostkey", "activate", "--iid"]),
    "confirm": ("secrets", ".confirm", ["hostkey", "activate", "--iid"]),
}


@pytest.mark.parametrize("which", READS)
def test_what_is_read_of_host_keys(place, which):
    folder, ending, verb = READS[which]
    place.daemon.ctl(*verb)
    place.link(place.file(getattr(place, folder), ending))
    refused = place.daemon.ctl(*verb, expect=None)
    assert refused.code != 0 and "Permission denied" in refused.err, repr(refused)
    assert "as the folder's owner" in refused.err


def test_the_name_of_the_host(place):
    place.daemon.ctl("hostkey", "list")
    place.link(place.state, "host.id")
    for verb in (["list"], ["activate", "--iid"]):
        refused = place.daemon.ctl("hostkey", *verb, expect=None)
        assert refused.code != 0 and "Permission denied" in refused.err, repr(refused)


@pytest.mark.parametrize("verb", (["ledger", "check"], ["ledger", "export"], ["ledger", "compact"], ["kms", "contacts"],
                                  ["report", "machines"], ["ledger", "backup", "copy.db"]), ids=" ".join)
def test_the_ledger(place, verb):
    there = place.link(place.state, "ledger.db")
    with open(there, "rb") as f:
        before = f.read()
    verb = [os.path.join(place.roots, word) if word == "copy.db" else word for word in verb]
    refused = place.daemon.ctl(*verb, expect=None)
    assert refused.code not in (0, 2) and "ledger.db" in refused.err, repr(refused)
    assert os.listdir(place.roots) == ["ledger.db"]
    with open(there, "rb") as f:
        assert f.read() == before


def test_the_ledgers_lock_is_not_emptied_through_a_link(place):
    there = os.path.join(place.roots, "precious")
    with open(there, "w", encoding="ascii") as f:
        f.write("root's")
    os.symlink(there, os.path.join(place.state, "ledger.db.lock"))
    assert "ledger.db.lock" in place.daemon.ctl("ledger", "compact", expect=5).err
    with open(there, encoding="ascii") as f:
        assert f.read() == "root's"
    os.unlink(os.path.join(place.state, "ledger.db.lock"))
    place.daemon.ctl("ledger", "compact")
    backup = os.path.join(place.roots, "backup.db")  # where root alone may write
    place.daemon.ctl("ledger", "backup", backup)
    assert os.stat(backup).st_uid == 0
    assert {os.stat(os.path.join(place.state, n)).st_uid for n in os.listdir(place.state)} == {SERVICE}


@pytest.mark.parametrize("verb", (["advance", "1d"], ["freeze"]), ids=" ".join)
def test_moving_the_lab_clock(place, verb):
    lock = place.clock + ".lock"
    there = place.link(lock)
    refused = place.daemon.ctl("clock", *verb, expect=None)
    assert refused.code != 0 and "clock.lock" in refused.err and not os.path.exists(there), repr(refused)
    os.unlink(lock)
    place.daemon.ctl("clock", *verb)
    # The service can go on with both.
    assert {os.stat(path).st_uid for path in (lock, place.clock)} == {SERVICE}
    there = place.link(place.clock)
    for again in (["show"], verb):
        refused = place.daemon.ctl("clock", *again, expect=None)
        assert refused.code != 0 and "lab clock" in refused.err, repr(refused)
