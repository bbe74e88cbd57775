"""Host keys' secret halves lie outside the state folder; what an earlier version left within it is read there,
and moved at the start and when a key is installed or removed."""
import json
import os
import shutil
import stat

import pytest

from lab import wait_for

SERVER_2022 = "Volume License for Windows Server 2022"
WINDOWS_10 = "Volume License for Windows 10"
SECRET = (".key", ".confirm")


class Host:
    """A daemon with an installed key, not started."""

    def __init__(self, lab):
        self.lab = lab
        self.daemon = lab.daemon("host", wait=False)
        self.state = os.path.join(self.daemon.folder, "state")
        self.secrets = self.state + ".private"
        self.former, self.now = (os.path.join(f, "hostkeys") for f in (self.state, self.secrets))
        lab.install_hostkey(self.daemon, activate=False)

    def of_an_earlier_version(self):
        """Puts everything into the state folder."""
        for name in os.listdir(self.now):
            os.rename(os.path.join(self.now, name), os.path.join(self.former, name))
        shutil.rmtree(self.secrets)
        return self

    def secret_files(self, folder):
        """{name: bytes} of the secret files there."""
        found = {}
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if name.endswith(SECRET):
                with open(os.path.join(folder, name), "rb") as f:
                    found[name] = f.read()
        return found

    def iid(self):
        """Reads the confirmation key."""
        return self.daemon.ctl("hostkey", "activate", "--iid", SERVER_2022).out


@pytest.fixture(name="host")
def host_with_a_key(lab):
    return Host(lab)


def test_they_lie_outside_the_state_folder(host):
    assert len(host.secret_files(host.now)) == 2
    assert sorted(os.path.splitext(f)[1] for f in os.listdir(host.former)) == [".crt", ".host", ".json"]
    for folder in (host.secrets, host.now):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    for name in os.listdir(host.now):
        assert stat.S_IMODE(os.stat(os.path.join(host.now, name)).st_mode) == 0o600


def test_the_start_moves_what_an_earlier_version_left(host):
    before, said = host.secret_files(host.now), host.iid()
    host.of_an_earlier_version()
    assert host.iid() == said  # read where it is
    host.lab.run("adbad", "--config", host.daemon.conf, "--check")
    assert host.secret_files(host.former) == before and not os.path.exists(host.secrets)
    host.daemon.start()
    assert host.secret_files(host.former) == {} and host.secret_files(host.now) == before
    assert host.iid() == said
    assert [k["group"] for k in host.daemon.status()["host_keys"]] == [SERVER_2022]


def test_installing_and_removing_a_key_move_them_too(host):
    before = host.secret_files(host.now)
    host.of_an_earlier_version()
    host.lab.install_hostkey(host.daemon, WINDOWS_10, activate=False)
    assert host.secret_files(host.former) == {}
    assert len(host.secret_files(host.now)) == 4 and before.items() < host.secret_files(host.now).items()
    host.of_an_earlier_version()
    host.daemon.ctl("hostkey", "uninstall", WINDOWS_10)
    assert host.secret_files(host.former) == {} and host.secret_files(host.now) == before


def test_a_crash_between_copying_and_removing_does_no_harm(host):
    before = host.secret_files(host.now)
    for name in before:
        shutil.copy2(os.path.join(host.now, name), os.path.join(host.former, name))
    host.daemon.start()
    assert host.secret_files(host.former) == {} and host.secret_files(host.now) == before


def test_two_different_keys_are_left_for_a_person(host):
    (name,) = [n for n in host.secret_files(host.now) if n.endswith(".key")]
    with open(os.open(os.path.join(host.former, name), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write("another")
    said = host.lab.run("adbad", "--config", host.daemon.conf, expect=9).err
    assert os.path.join(host.former, name) in said and os.path.join(host.now, name) in said and "remove" in said
    os.unlink(os.path.join(host.former, name))
    host.daemon.start()


def test_a_folder_that_others_can_enter_is_refused(host):
    os.chmod(host.secrets, 0o750)
    for argv in (["--check"], []):
        said = host.lab.run("adbad", "--config", host.daemon.conf, *argv, expect=5).err
        assert f"chmod 0700 {host.secrets}" in said
    for argv in (["uninstall", SERVER_2022], ["activate", "--iid", SERVER_2022]):
        assert "chmod 0700" in host.daemon.ctl("hostkey", *argv, expect=5).err
    os.chmod(host.secrets, 0o700)
    host.daemon.start()


def test_a_folder_within_the_state_folder_is_refused(host):
    host.daemon.options["store.secrets_dir"] = os.path.join(host.state, "private")
    host.daemon.write_conf()
    said = host.lab.run("adbad", "--config", host.daemon.conf, "--check", expect=3).err
    assert "[store] secrets_dir must lie outside state_dir" in said


def test_a_folder_that_cannot_be_made_is_named_with_the_key(host):
    host.daemon.options["store.secrets_dir"] = os.path.join(host.daemon.folder, "nowhere", "secrets")
    host.daemon.write_conf()
    said = host.lab.run("adbad", "--config", host.daemon.conf, expect=4).err
    assert "nowhere/secrets" in said and "[store] secrets_dir" in said


def test_the_list_of_dns_records_moves_into_its_folder(host):
    """Where nobody but who updates DNS has to write. It cannot be read at first: then it stays, and is named."""
    former, now = os.path.join(host.state, "dns.json"), os.path.join(host.state, "dns", "dns.json")
    record = {"domain": "old.example", "host": "kms.old.example", "priority": 0, "weight": 0, "port": 1688}
    with open(former, "w", encoding="ascii") as f:
        f.write("[]")
    host.daemon.start()
    assert former in wait_for(lambda: host.daemon.status()["dns"].get("why"), "a round that failed")
    host.daemon.stop()
    with open(former, "w", encoding="ascii") as f:
        json.dump({"records": [record]}, f)
    host.daemon.options["dns.publish"] = "no"
    host.daemon.write_conf()
    host.daemon.start()
    assert not os.path.exists(former)
    with open(now, encoding="ascii") as f:
        assert json.load(f)["records"] == [record]
