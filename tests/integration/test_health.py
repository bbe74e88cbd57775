"""adbactl health beside a real daemon: what monitoring sees when something breaks."""
import os
import re
import subprocess

import pytest

import docs
from lab import free_port, wait_for

OK, WARNING, CRITICAL, UNKNOWN = range(4)


def health(host, *argv):
    said = host.ctl("health", "--json", *argv, expect=None)
    assert ("ok", "warning", "critical", "unknown")[said.code] == said.json["state"]
    return said.code, {c["check"]: c["text"] for c in said.json["checks"]}


def documented():
    """The checks of docs/monitoring.md's table."""
    return re.findall(r"(?m)^\| `([a-z ]+)`", docs.text_of("monitoring.md", "Health"))


def test_help_and_document_name_the_same_checks(lab):
    told = re.search(r"(?s)Looks at: (.*?);", lab.adbactl("health", "--help").out)[1]
    assert [re.sub(r" \(.*\)", "", name) for name in re.split(r",\s+", told)] == documented()


def test_exit_codes_tell_the_worst(lab_with_directory):
    lab = lab_with_directory
    host = lab.daemon()
    code, checks = health(host)
    assert code == CRITICAL and "0xC004F042" in checks["host keys"]
    lab.install_hostkey(host)
    host.ctl("ao", "create", "--group", "Volume License for Windows Server 2022")
    wait_for(lambda: "days left" in health(host)[1].get("activation object", ""), "the object was seen")
    wait_for(lambda: health(host)[0] == OK, "the accounts were read")
    checks = health(host)[1]
    assert list(checks) == ["daemon", "listening", "ledger", "host keys", "directory", "activation object", "registry",
                            "confinement"]
    assert set(checks) < set(documented())
    assert re.fullmatch(r"by Landlock \(version \d+\) and a filter", checks["confinement"])
    host.ctl("ao", "delete", "Volume License for Windows Server 2022", "--yes")
    wait_for(lambda: health(host)[0] == WARNING, "the object is missed")
    assert "adbactl ao create" in health(host)[1]["activation object"]
    assert health(host, "--kms-only")[0] == OK
    host.ctl("ao", "create", "--group", "Volume License for Windows Server 2022")
    wait_for(lambda: health(host)[0] == OK, "the object is back")
    line = host.ctl("health").out
    assert line.startswith("OK: daemon: adbad ") and line.count("\n") == 1
    code, checks = health(host, "--days", "731")
    assert code == WARNING and "adbactl ao steward" in checks["activation object"]
    assert "activation object  warning" in host.ctl("health", "--all", "--days", "731", expect=WARNING).out
    lab.directory_down()
    wait_for(lambda: health(host)[0] == WARNING, "the directory is missed")
    assert "directory" in host.ctl("health", expect=WARNING).out


def test_a_ledger_that_is_gone_and_a_daemon_that_is(lab):
    host = lab.daemon()
    lab.install_hostkey(host)
    assert health(host)[0] == OK
    ledger = os.path.join(host.folder, "state", "ledger.db")
    os.rename(ledger, ledger + ".away")
    wait_for(lambda: health(host)[0] == CRITICAL, "the ledger is missed")
    assert "nothing is answered" in health(host)[1]["ledger"]
    host.kill()
    code, checks = health(host)
    assert code == CRITICAL and "no adbad answers" in checks["daemon"]


def test_a_relay_without_upstream(lab):
    host = lab.daemon(options={"relay.upstream": f"127.0.0.1:{free_port()}", "relay.check": "1s"})
    lab.install_hostkey(host)
    wait_for(lambda: health(host)[0] == CRITICAL, "the upstream is missed")
    assert "none of 1 upstreams" in host.ctl("health", expect=CRITICAL).out


def test_what_cannot_be_found_out_is_unknown(lab):
    host = lab.daemon(wait=False)
    host.ctl("health", "--colour", expect=UNKNOWN)
    with open(host.conf, "a", encoding="utf-8") as f:
        f.write("[nonsense]\na = b\n")
    assert host.ctl("health", expect=UNKNOWN).out.startswith("UNKNOWN: daemon: ")
    host.ctl("health", "--help", expect=OK)


NOBODY = 65534


@pytest.mark.parametrize("command, code", [
    (("health",), UNKNOWN), (("kms", "status"), 5), (("top", "--once"), 5), (("ledger", "check"), 5),
    (("hostkey", "list"), 5), (("kms", "contacts"), 5), (("report", "machines"), 5)])
def test_somebody_else_is_told_who_may(lab, command, code):
    host = lab.daemon()
    for way in (lab.folder, host.folder):
        os.chmod(way, 0o711)
    os.chmod(host.conf, 0o644)
    said = subprocess.run([lab.program("adbactl"), "--config", host.conf, *command], capture_output=True, text=True,
                          check=False, timeout=60, user=NOBODY, group=NOBODY, extra_groups=[])
    assert said.returncode == code, said
    text = (said.stdout + said.stderr).replace("\n", "")  # top's lines are 80 columns wide
    assert "Permission denied; run it as root or as adbad's user" in text
