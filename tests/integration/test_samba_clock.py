"""A KMS host whose clock is ten minutes ahead of the domain's."""
import glob
import re

import pytest

from lab import Lab
from sambalab import ACCOUNT, DOMAIN, SambaLab

# Through the environment, since the wrapper "faketime" would not pass signals on to the daemon.
TEN_MINUTES_AHEAD = {"LD_PRELOAD": glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[0], "FAKETIME": "+10m"}


class Ahead:
    """The client of a domain, and hosts on it whose clock is ahead."""

    def __init__(self, ad, lab):
        self.ad = ad
        self.lab = lab

    def host(self, name, krb5=""):
        """A KMS host; krb5: more in [libdefaults] of krb5.conf."""
        self.ad.write_network_files(self.ad.client, extra_krb5=krb5)
        return self.lab.daemon(name, env=TEN_MINUTES_AHEAD)


@pytest.fixture(scope="module")
def ahead():
    with SambaLab("one") as ad:
        keytab = ad.prepare()[1]
        settings = {"uri": ad.dc1.uri, "mechanism": "gssapi", "keytab": keytab, "principal": ACCOUNT,
                    "lab_forest": DOMAIN, "timeout": "20s", "retry": "1s"}
        with Lab(prefix=ad.client.enter(), directory=lambda: settings) as lab:
            yield Ahead(ad, lab)


def test_the_daemon_logs_in_and_the_doctor_warns_with_the_offset(ahead):
    daemon = ahead.host("ahead")
    daemon.wait_log("directory .* is up")
    daemon.wait_log("computer accounts?, read in full")
    checks = daemon.ctl("directory", "check", "--json", expect=None, env=TEN_MINUTES_AHEAD).json["checks"]
    found = {line["check"]: line for line in checks}
    assert found["login"]["state"] == "ok"
    assert found["clock"]["state"] == "warning"
    assert re.search(r"clock is (10 ?min|9 ?min 5\d ?s).* ahead of the server's", found["clock"]["finding"])
    assert "set this host's clock" in found["clock"]["remedy"]


def test_where_kerberos_may_not_make_up_for_it_the_daemon_says_that_the_clocks_differ(ahead):
    daemon = ahead.host("refused", "    kdc_timesync = 0\n")
    line = daemon.wait_log("directory .* is not usable: (.*)")[1]
    assert "clocks differ" in line and "KMS requests are served meanwhile" in line
    daemon.wait_log("computer accounts could not be read: .*clocks differ")
