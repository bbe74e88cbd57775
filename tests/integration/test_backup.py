"""Backup beside a running daemon, and restoring on another machine, with the commands of docs/backup.md."""
import json
import os
import shutil
import threading
import uuid

import docs
from kms_lab import Clients
from lab import Daemon, wait_for

CONF = """[realm]
dir = realm
[store]
state_dir = ../../var/lib/adbad
[kms]
listen = 127.0.0.1:{port}
[control]
socket = ../../control.sock
[web]
listen = none
"""


class Machine(Daemon):
    """A daemon whose files lie as on a machine, below a folder that stands for its root."""

    def __init__(self, lab, name):
        super().__init__(lab, name, wait=False)
        os.remove(self.conf)
        os.makedirs(os.path.join(self.folder, "etc", "adbad"), mode=0o700)
        os.makedirs(os.path.join(self.folder, "var", "lib", "adbad"), mode=0o700)
        self.conf = os.path.join(self.folder, "etc", "adbad", "adbad.conf")
        lab.daemons.append(self)

    def configure(self):
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(CONF.format(port=self.port))

    def run(self, lab, section, backup):
        return docs.run(lab, docs.commands_of("backup.md", section), env={"ADBAD_CONF": self.conf},
                        replace=[("/srv/backup", backup), ("tar -C /", f"tar -C {self.folder}"),
                                 *([("/var/lib/adbad", f"{self.folder}/var/lib/adbad"),
                                    ("adbad --check", f"adbad --config {self.conf} --check")]
                                   if "Restoring" in section else [])])


def enough(answered, number):
    wait_for(lambda: len(answered) >= number, f"{number} more are answered")


def test_a_backup_beside_a_running_daemon_is_restored_on_another_machine(lab, tmp_path):
    backup = str(tmp_path / "backup")
    first = Machine(lab, "first")
    first.configure()
    shutil.copytree(lab.realm, os.path.join(first.folder, "etc", "adbad", "realm"))
    first.start()
    lab.install_hostkey(first)
    clients = Clients(lab, first.port, "Windows Server 2022", "Standard")
    for i in range(4):
        assert clients.count(client_id=uuid.UUID(int=i + 1), workstation="EARLY") == i + 1
    answered, ended = [], threading.Event()

    def go_on():
        with clients.connect() as connection:
            while not ended.is_set():
                name = f"PC{len(answered)}"
                clients.count(connection=connection, client_id=uuid.UUID(int=4), workstation=name)
                answered.append(name)

    asking = threading.Thread(target=go_on)
    asking.start()
    try:
        enough(answered, 20)
        before = len(answered)
        said = first.run(lab, "A backup beside a running adbad", backup)
        enough(answered, before + 1)  # nobody was held up
    finally:
        ended.set()
        asking.join()
    assert "whole" in said and len(answered) > before
    assert os.stat(os.path.join(backup, "ledger.db")).st_mode & 0o777 == 0o600
    again = first.ctl("ledger", "backup", os.path.join(backup, "ledger.db"), expect=9)
    assert "there is such a file" in again.err
    first.kill()

    second = Machine(lab, "second")
    # What another ledger left there must not get into this one.
    with open(os.path.join(second.folder, "var", "lib", "adbad", "ledger.db-wal"), "wb") as f:
        f.write(b"\0" * 4096)
    assert "BAD" not in second.run(lab, "Restoring, on this machine or another", backup)
    second.configure()  # a port of its own
    second.start()
    status = second.status()
    assert 4 + before <= status["totals"]["answered"] <= 4 + len(answered)
    kept = {json.loads(line)["workstation"] for line in second.ctl("ledger", "export").out.splitlines()}
    assert {"EARLY", *answered[:before]} <= kept <= {"EARLY", *answered}
    assert status["applications"][0]["count"] == 4
    assert [k["activated"] for k in status["host_keys"]] == [True]
    assert Clients(lab, second.port, "Windows Server 2022", "Standard").count(client_id=uuid.UUID(int=5)) == 5
