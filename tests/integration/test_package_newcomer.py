"""A newcomer's path: an empty Debian machine in an Active Directory domain, docs/install.md and docs/samba.md
followed to the letter, up to the first activation through KMS and the first through the directory."""
import os

import pytest

from machine import Machine
from sambalab import SambaLab, shell_examples
from test_package import document, install, needs_fixture, package_fixture, start  # noqa: F401

pytestmark = [pytest.mark.package, pytest.mark.no_program]


def test_from_an_empty_machine_to_both_first_activations(package, needs):
    with SambaLab("one") as samba:
        # On the domain's side, by its administrator.
        _, keytab = samba.prepare()
        account, export = shell_examples("Machine accounts")
        samba.run_example(account)
        makers = os.path.join(samba.folder, "svc-machines.keytab")
        samba.dc1.run("sh", "-euc", export.replace("/root/svc-machines.keytab", makers))

        # On the new machine, which is in the domain's network and asks its DNS.
        net = ["nsenter", f"--net=/proc/{samba.client.holder.pid}/ns/net", "--"]
        with Machine(needs, net=net, name="client") as machine:
            for name in ("hosts", "krb5.conf"):
                machine.put(os.path.join(samba.client.etc, name), f"/etc/{name}")
            machine.shell("printf 'search lab.example\\noptions timeout:2 attempts:3\\nnameserver 10.53.0.1\\n' >/etc/resolv.conf")
            machine.put(keytab, "/root/svc-adbad.keytab", 0o600)
            machine.put(makers, "/root/svc-machines.keytab", 0o600)
            install(machine, package)
            for block in document("install.md", "A realm and a host key"):
                machine.shell(block)
            start(machine)
            kms = "".join(machine.shell(b).out for b in document("install.md", "The first activation through KMS"))
            assert "Product activated successfully." in kms
            for block in document("install.md", "Beside an Active Directory domain"):
                machine.shell(block)
            machine.run("systemctl", "restart", "adbad")
            ad = "".join(machine.shell(b).out
                         for b in document("install.md", "The first activation through the directory"))
            assert "Product activated successfully." in ad and "Licensed by activation object" in ad
            # The service sees the object too, with the copy of the keytab that it was given.
            status = machine.run("adbactl", "kms", "status", "--json").json
            assert status["directory"]["state"] == "up"
