"""docs/backup.md followed to the letter: a machine is saved while it serves, lost, and another one, on which users
have other numbers, goes on. The directory is a third machine's, and stays."""
import os
import re
import shutil

import pytest

import docs
from lab import wait_for
from machine import Machine
from netns import Network
from test_package import LAB, activations, document, install, needs_fixture, package_fixture, set_up  # noqa: F401

pytestmark = [pytest.mark.package, pytest.mark.no_program]

DIRECTORY = """
[directory]
uri = ldapi://%2Frun%2Fdirectory
mechanism = scram-sha-256
user = adbad
password_file = /etc/adbad/directory.password
lab_forest = lab.example
"""

# Its way to the other machine: passwords are not told over a connection that others could read.
WAY = """
cd /etc/systemd/system
printf '[Socket]\nListenStream=/run/directory\n[Install]\nWantedBy=sockets.target\n' >directory.socket
printf '[Service]\nExecStart=/lib/systemd/systemd-socket-proxyd 127.0.0.1:3890\n' >directory.service
systemctl enable --now directory.socket
"""

# A server after the other asks for an activation, and is noted when it has its answer, until nobody wants more.
GO_ON = """
n=0
while [ ! -e /root/enough ]; do
    n=$((n + 1))
    adbaclient --machine /root/more$n init --bundle /etc/adbad/realm/client.bundle \\
        --product "Windows Server 2022" --edition Standard
    adbaclient --machine /root/more$n /skms 127.0.0.1:1688
    adbaclient --machine /root/more$n /ato
    echo MORE$n >>/root/answered
done
"""


def commands(heading):
    """All of a section's, also those that need systemd."""
    return re.findall(r"^```(?:sh)?\n(.*?)^```$", docs.text_of("backup.md", heading), re.M | re.S)


def answered(machine):
    return machine.shell("cat /root/answered 2>/dev/null || true").out.split()


def at_work(machine, password):
    """Everything that there is to lose: a realm, an activated host key, an activation object, counted machines."""
    set_up(machine)
    machine.shell(WAY)
    machine.put(password, "/etc/adbad/directory.password", 0o600)
    machine.shell(f"cat >>/etc/adbad/adbad.conf <<'CONF'\n{DIRECTORY}CONF\n"
                  "adbactl ao create --group 'Volume License for Windows Server 2022'\n"
                  "systemctl restart adbad\n")
    machine.shell(document("install.md", "The first activation through KMS")[0])


def held(machine):
    """What must be the same on another machine."""
    def status_with_directory():
        said = machine.run("adbactl", "kms", "status", "--json").json
        return said if said["directory"]["state"] == "up" else None

    status = wait_for(status_with_directory, "it sees the directory")
    objects = machine.run("adbactl", "ao", "verify", "--json").json
    return {"host keys": machine.run("adbactl", "hostkey", "list", "--json").json,
            "objects": {o["name"]: o["verdict"] for o in objects["activation_objects"]},
            "host": machine.text("/var/lib/adbad/host.id"),
            "realm": machine.run("sh", "-c", "cd /etc/adbad/realm && sha256sum *").out,
            "serves": status["host_keys"], "epid": status["epid"]}


def owners(machine):
    said = machine.run("find", "/var/lib/adbad", "/var/lib/adbad.private", "/etc/adbad", "-printf", "%p %u %m\\n").out
    return {line for line in said.splitlines() if not re.search(r"/ledger\.db-(wal|shm) ", line)}


def test_another_machine_goes_on_where_a_lost_one_was_saved(package, needs, tmp_path):  # noqa: F811
    with Network("restore") as network:
        net = ["nsenter", f"--net=/proc/{network.node('lan', '10.53.0.1').holder.pid}/ns/net", "--"]
        with Machine([*needs, *LAB], net=net, name="directory") as directory:
            install(directory, package)
            directory.run("adbactl", "lab", "up", "--ldap-port", "3890", "/root/lab")
            password = f"/proc/{directory.init}/root/root/lab/service.password"
            with Machine([*needs, *LAB], net=net, name="first") as first:
                install(first, package)
                at_work(first, password)
                first.shell(f"nohup sh -euc '{GO_ON}' >/root/said 2>&1 &")
                wait_for(lambda: len(answered(first)) >= 3, "they ask")
                before = answered(first)
                for block in commands("A backup beside a running adbad"):
                    first.shell(block)
                wait_for(lambda: len(answered(first)) > len(before) + 1, "they still ask")
                first.run("touch", "/root/enough")
                had, contacts, files = held(first), activations(first), owners(first)
                assert [key["activated"] for key in had["host keys"]["host_keys"]] == [True]
                assert had["objects"] == {"Volume License for Windows Server 2022": "good"}
                user = first.run("id", "-u", "adbad").out
                shutil.copytree(f"/proc/{first.init}/root/srv/backup", tmp_path / "backup")

            with Machine([*needs, *LAB], net=net, name="second") as second:
                second.shell(f"for name in one two three; do useradd --system $name; done\n{WAY}")
                install(second, package)
                assert second.run("id", "-u", "adbad").out != user
                second.run("mkdir", "-p", "/srv/backup", "-m", "0700")
                for name in os.listdir(tmp_path / "backup"):
                    second.put(tmp_path / "backup" / name, f"/srv/backup/{name}", 0o600)
                said = "".join(second.shell(block).out for block in commands("Restoring, on this machine or another"))
                assert "good" in said and "BAD" not in said
                assert held(second) == had
                assert owners(second) == files

                kept = {row["workstation"]: row for row in activations(second)["contacts"]}
                assert {f"SRV{n}" for n in range(1, 6)} | set(before) <= set(kept)
                assert all(row in contacts["contacts"] for row in kept.values())
                assert second.run("adbactl", "ledger", "check", "--json").json["good"]
                # And it goes on.
                second.shell('adbaclient --machine /root/late init --bundle /etc/adbad/realm/client.bundle '
                             '--product "Windows Server 2022" --edition Standard\n'
                             'adbaclient --machine /root/late /skms 127.0.0.1:1688\n'
                             'adbaclient --machine /root/late /ato\n')
                assert "LATE" in {row["workstation"] for row in activations(second)["contacts"]}
