"""Kerberos tickets of a running daemon."""
import os

import wire
from lab import Lab, wait_for
from sambalab import ACCOUNT, DOMAIN, SambaLab


def logins(ad, path):
    """How many initial tickets were given (RFC 4120 5.4.2: AS-REP is message type 11)."""
    out = ad.client.run("tshark", "-r", path, "-Y", "kerberos.msg_type == 11", expect=None).stdout
    return len(out.splitlines())


def test_every_look_at_the_directory_has_a_ticket_of_its_own(tmp_path):
    """Tickets that last five minutes: the daemon does not live on one."""
    with SambaLab("one") as ad:
        settings = {"uri": ad.dc1.uri, "mechanism": "gssapi", "keytab": ad.prepare()[1],
                    "principal": ACCOUNT, "lab_forest": DOMAIN, "timeout": "20s", "retry": "1s"}
        ad.write_network_files(ad.client, extra_krb5="    ticket_lifetime = 5m\n")
        with Lab(prefix=ad.client.enter(), directory=lambda: settings) as lab:
            daemon = lab.daemon(wait=False)
            path = os.path.join(tmp_path, "wire.pcap")
            with wire.captured(ad.client, path):
                daemon.start()
                daemon.wait_log("directory .* is up")
                wait_for(lambda: daemon.status()["directory"]["check"] >= 4, "four looks")
            assert logins(ad, path) >= 4
            assert daemon.status()["directory"]["state"] == "up"
