"""What adbad tells a service manager, and what it takes from one."""
import os
import shutil
import socket

import pytest

from lab import DEADLINE, CommandFailed, wait_for


class Manager:
    """Listens where NOTIFY_SOCKET points."""

    def __init__(self, folder, name="notify"):
        self.path = os.path.join(folder, name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(DEADLINE)
        self.heard = []

    def hear(self):
        """The next message."""
        text = self.socket.recv(65536).decode()
        self.heard.append(text)
        return text

    def hear_until(self, wanted):
        while self.hear() != wanted:
            pass

    def close(self):
        self.socket.close()


@pytest.fixture(name="manager")
def manager_fixture(lab):
    one = Manager(lab.folder)
    yield one
    one.close()


def test_ready_comes_when_the_port_answers_and_stopping_before_the_end(lab, manager):
    daemon = lab.daemon(env={"NOTIFY_SOCKET": manager.path}, wait=False)
    daemon.launch()
    manager.hear_until("READY=1")
    socket.create_connection(("127.0.0.1", daemon.port), timeout=DEADLINE).close()
    assert manager.heard == [f"STATUS=Listening on 127.0.0.1:{daemon.port}", "READY=1"]
    assert daemon.stop() == 0
    manager.hear_until("STOPPING=1")
    assert manager.heard[2:] == ["STOPPING=1"]


def test_the_main_loop_answers_the_watchdog(lab, manager):
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000"}
    daemon = lab.daemon(env=env)
    for _ in range(5):
        manager.hear_until("WATCHDOG=1")
    assert daemon.stop() == 0


def test_another_process_s_watchdog_is_not_ours(lab, manager):
    daemon = lab.daemon(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
    assert daemon.stop() == 0
    manager.hear_until("STOPPING=1")
    assert "WATCHDOG=1" not in manager.heard


def test_why_it_does_not_start(lab, manager):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        daemon = lab.daemon(env={"NOTIFY_SOCKET": manager.path}, wait=False,
                            options={"kms.listen": f"127.0.0.1:{port}"})
        daemon.launch()
        assert manager.hear().startswith(f"STATUS=listen on 127.0.0.1:{port}")
        assert daemon.process.wait(DEADLINE) == 9
    manager.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.hear()


@pytest.mark.parametrize("env", (
    {"NOTIFY_SOCKET": "relative"},
    {"NOTIFY_SOCKET": "/nowhere/notify"},
    {"NOTIFY_SOCKET": "/" + "x" * 200},
    {"WATCHDOG_USEC": "soon"},
    {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "-1"},
), ids=lambda env: " ".join(env))
def test_variables_that_break_the_protocol(lab, env):
    with pytest.raises(CommandFailed, match="ended with 3"):
        lab.daemon(env=env)


def test_a_name_in_the_abstract_namespace(lab):
    name = f"adbad-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("\0" + name)
        s.settimeout(DEADLINE)
        lab.daemon(env={"NOTIFY_SOCKET": "@" + name})
        assert s.recv(4096).startswith(b"STATUS=Listening")


def test_a_credential_takes_the_place_of_its_key(lab):
    """The realm's folder is closed to the service; what it needs of it is handed over."""
    folder = os.path.join(lab.folder, "credentials")
    os.mkdir(folder, 0o700)
    shutil.copy(lab.bundle, os.path.join(folder, "realm.bundle"))
    os.chmod(os.path.join(folder, "realm.bundle"), 0o400)
    for blank in ("kms.keytab", "directory.keytab", "directory.password_file"):
        with open(os.path.join(folder, blank), "w", encoding="ascii") as f:
            f.write("\n")
    nowhere = {"realm.dir": os.path.join(lab.folder, "closed")}
    daemon = lab.daemon(options=nowhere, env={"CREDENTIALS_DIRECTORY": folder})
    assert daemon.status()["realm"] == "LAB"
    daemon.stop()
    # As a list of rights shows it: root's, with the mask where the group's bits are.
    os.chmod(os.path.join(folder, "realm.bundle"), 0o440)
    daemon.start()
    daemon.stop()
    os.chmod(os.path.join(folder, "realm.bundle"), 0o444)
    with pytest.raises(CommandFailed, match="ended with 5"):
        daemon.start()
    os.unlink(os.path.join(folder, "realm.bundle"))
    with pytest.raises(CommandFailed, match="ended with 4"):
        daemon.start()


def test_the_secret_comes_as_a_credential(lab, tmp_path):
    """A clearing house whose realm folder is closed to it; the secret must be that of the bundle."""
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)

    def give(realm):
        for name, credential in (("client.bundle", "realm.bundle"), ("secret", "realm.secret")):
            shutil.copy(os.path.join(realm, name), folder / credential)
            os.chmod(folder / credential, 0o400)

    give(lab.realm)
    daemon = lab.daemon(options={"realm.dir": os.path.join(lab.folder, "closed"), "clearing.serve": "yes"},
                        env={"CREDENTIALS_DIRECTORY": str(folder)})
    assert daemon.ctl("clearing", "status", "--json").json["realm"] == "LAB"
    daemon.stop()
    lab.adbactl("realm", "init", "OTHER", str(tmp_path / "other"))
    shutil.copy(tmp_path / "other" / "secret", folder / "realm.secret")
    with pytest.raises(CommandFailed, match="(?s)ended with 3:.*realm.secret is of another realm than the bundle"):
        daemon.start()
    give(lab.realm)
    os.chmod(folder / "realm.secret", 0o444)
    with pytest.raises(CommandFailed, match="ended with 5"):
        daemon.start()


def test_what_root_installs_belongs_to_the_service(lab):
    """Host keys go into the service's folder with its owner's name on them, whoever installs them."""
    daemon = lab.daemon(wait=False)
    state = os.path.join(daemon.folder, "state")
    os.chown(state, 12345, 12346)
    for way in (lab.folder, daemon.folder):  # the owner gets there
        os.chmod(way, 0o711)
    lab.install_hostkey(daemon)
    made = [os.path.join(folder, name) for folder, folders, names in os.walk(state) for name in folders + names]
    assert len(made) >= 2
    assert {(os.stat(name).st_uid, os.stat(name).st_gid) for name in made} == {(12345, 12346)}
    wait_for(lambda: daemon.ctl("hostkey", "list", "--json").json, "root reads them")
