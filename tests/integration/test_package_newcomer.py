"""A newcomer's path: two empty Debian machines, docs/samba.md and docs/install.md followed to the letter, from
"samba-tool domain provision" up to the first activation through KMS and the first through the directory."""
import os
import re

import pytest

from apparmor import Profile, opened
from lab import wait_for
from machine import Machine
from netns import Network
from test_package import document, needs_fixture, package_fixture, state_of  # noqa: F401

pytestmark = [pytest.mark.package, pytest.mark.no_program]


def follow(machine, name, heading):
    """Runs all commands of a section; what they said."""
    return "".join(machine.shell(block, timeout=300).out for block in document(name, heading))


def domain_controller(net):
    """The machine on which the document's first command has nothing left to download."""
    packages = re.search(r"apt-get install -y (.*)\n", document("samba.md", "A domain, from an empty machine")[0]).group(1)
    return Machine(packages.split(), net=net, name="dc1")


def make_domain(dc):
    provision, until_ready = document("samba.md", "A domain, from an empty machine")
    done = dc.shell(provision, timeout=300)
    password = re.search(r"^.*Admin password: +(\S+)$", done.out + done.err, re.M).group(1)
    wait_for(lambda: dc.run("kinit", "Administrator", stdin=password + "\n", expect=None).code == 0, "a ticket")
    dc.shell(until_ready)
    for heading in ("Once, as an administrator: the containers", "The service account", "Machine accounts"):
        follow(dc, "samba.md", heading)
    follow(dc, "kerberos.md", "The service's account")


MORE = """
printf '[dns]\\ndomains = lab.example\\nhost = client.lab.example\\nport = 1688\\n[kms]\\nkeytab = /etc/adbad/kms.keytab\\n[relay]\\nupstream = dc1.lab.example:1688\\n[log]\\nfile = /var/log/adbad/adbad.log\\n' >/etc/adbad/conf.d/more.conf
systemctl restart adbad
exec 3<>/dev/tcp/127.0.0.1/8688
printf 'GET /metrics HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3
grep ^adbad_ledger_up <&3
adbactl dns publish
systemctl reload adbad
logrotate --force /etc/logrotate.d/adbad
adbactl membership sync
"""


def hold_against_profile(machine, seen, folder):
    """The kernel of a test machine may know nothing of AppArmor; what it would refuse can be told all the same."""
    path = os.path.join(folder, "profile")
    with open(path, "w", encoding="utf-8") as f:
        f.write(machine.text("/etc/apparmor.d/adbad"))
    profile = Profile(path)
    assert {("/usr/bin/nsupdate", "x"), ("/var/lib/adbad/ledger.db", "w"), ("/var/log/adbad/adbad.log", "w"),
            ("/run/credentials/adbad.service/directory.keytab", "k"), ("/run/credentials/adbad.service/kms.keytab", "r"),
            ("/etc/krb5.conf", "r")} <= seen
    refused = sorted(what for what in seen if not profile.allows(*what))
    assert not refused, "\n".join(map(str, refused))
    assert profile.allows("/etc/adbad/directory.keytab", "rk") and profile.allows("/etc/adbad/kms.keytab", "r")  # where no credential takes its place
    assert not profile.allows("/etc/shadow", "r") and not profile.allows("/etc/adbad/adbad.conf", "w")


def without_systemd(machine):
    """The service as a process of its user, with the same copies of what is root's."""
    machine.run("systemctl", "stop", "adbad.socket", "adbad")
    follow(machine, "install.md", "Without systemd")

    def up():
        status = machine.run("adbactl", "kms", "status", "--json", expect=None)
        return status.code == 0 and status.json["directory"]["state"] == "up"

    wait_for(up, "it serves and sees the directory")
    users = machine.shell('for p in /proc/[0-9]*; do test "$(cat $p/comm)" != adbad || stat -c %U $p; done').out
    assert set(users.split()) == {"adbad"}


def test_from_empty_machines_to_both_first_activations(package, needs, tmp_path):  # noqa: F811
    with Network("newcomer") as network:
        net = {name: ["nsenter", f"--net=/proc/{network.node(name, address).holder.pid}/ns/net", "--"]
               for name, address in (("dc1", "10.53.0.1"), ("client", "10.53.0.100"))}
        with domain_controller(net["dc1"]) as dc, Machine(needs, net=net["client"], name="client") as machine:
            make_domain(dc)

            machine.run("mkdir", "-p", "build/package")
            machine.put(package, "/root/build/package/" + os.path.basename(package))
            follow(machine, "install.md", "Build and install the package")
            assert state_of(machine) == "inactive"
            follow(machine, "install.md", "A realm and a host key")
            assert "Listening on" in follow(machine, "install.md", "Start it")
            assert "Product activated successfully." in follow(machine, "install.md", "The first activation through KMS")

            for keytab in ("svc-adbad.keytab", "svc-machines.keytab"):
                machine.put(f"/proc/{dc.init}/root/root/{keytab}", f"/root/{keytab}", 0o600)
            machine.put(f"/proc/{dc.init}/root/root/kms.keytab", "/etc/adbad/kms.keytab", 0o600)
            with opened(machine, "/usr/sbin/adbad", "/usr/bin/adbactl") as seen:
                follow(machine, "install.md", "Beside an Active Directory domain")
                told = follow(machine, "install.md", "The first activation through the directory")
                machine.run("mkdir", "-p", "/etc/adbad/conf.d")
                machine.shell(MORE, bash=True)
            assert "Product activated successfully." in told and "Licensed by activation object" in told
            # The service sees the object too, with the copy of the keytab that it was given.
            status = machine.run("adbactl", "kms", "status", "--json").json
            assert status["directory"]["state"] == "up"
            hold_against_profile(machine, seen, tmp_path)
            without_systemd(machine)
