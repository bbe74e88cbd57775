"""The membership registry with 100,000 computer accounts."""
import pytest

import bulk
from lab import wait_for

ACCOUNTS = 100_000
MIB = 2**20


def status(daemon):
    return daemon.ctl("membership", "status", "--json").json


def sync(daemon):
    return daemon.ctl("membership", "sync", "--json").json["last"]


def verdict(daemon, name):
    return daemon.ctl("membership", "show", name, "--json", expect=None).json["verdict"]


def change(lab, numbers, text):
    """One change to each of these accounts, in one session."""
    lines = "\n".join(f"dn: CN=BULK{n:06},CN=Computers,DC=lab,DC=example\n{text}\n" for n in numbers)
    bulk.ldapmodify(lab, lines)


@pytest.mark.lengthy
def test_a_hundred_thousand_accounts(lab_with_directory):
    lab = lab_with_directory
    bulk.load(lab, ACCOUNTS)
    daemon = lab.daemon(options={"directory.sync_interval": "1h", "directory.timeout": "60s"})
    wait_for(lambda: status(daemon)["state"] == "good", "first reading", 120)

    first = status(daemon)
    assert (first["accounts"], first["disabled"]) == (ACCOUNTS, ACCOUNTS // 100)
    assert (first["last"]["how"], first["last"]["entries"]) == ("full", ACCOUNTS)
    assert first["bytes"] < 32 * MIB

    # What changed is read, and nothing else.
    change(lab, range(1, 100_000, 1000), "changetype: modify\nreplace: userAccountControl\n"
                                         "userAccountControl: 4098\n")
    last = sync(daemon)
    assert (last["how"], last["entries"], last["removed"]) == ("changes", 100, 0)
    assert status(daemon)["disabled"] == ACCOUNTS // 100 + 100
    assert [verdict(daemon, n) for n in ("BULK001001", "BULK001002")] == ["disabled", "member"]
    assert sync(daemon)["entries"] == 0

    # Deletions that slapd remembers, and, restarted, only knows by what is left.
    change(lab, range(2, 10), "changetype: delete\n")
    last = sync(daemon)
    assert (last["how"], last["entries"], last["removed"]) == ("changes", 0, 8)
    change(lab, range(10, 12), "changetype: delete\n")
    lab.directory_down()
    lab.directory_up()
    last = sync(daemon)
    assert (last["how"], last["entries"], last["removed"]) == ("changes", 0, 2)

    # All of it is in the ledger, and there again after a kill, without the directory.
    wait_for(lambda: status(daemon)["saved"], "saved", 120)
    lab.directory_down()
    daemon.kill()
    daemon.start()
    again = status(daemon)
    assert (again["state"], again["accounts"]) == ("good", ACCOUNTS - 10)
    assert [verdict(daemon, n) for n in ("BULK000002", "BULK001001", "BULK099999")] == \
        ["unknown-name", "disabled", "member"]
    lab.directory_up()
    assert sync(daemon)["how"] == "changes"


@pytest.mark.uninstrumented
@pytest.mark.lengthy
def test_memory_stays_below_64_mib(lab_with_directory):
    """Of the whole daemon: first reading, saving, a second reading of everything."""
    lab = lab_with_directory
    bulk.load(lab, ACCOUNTS)
    daemon = lab.daemon(options={"directory.sync_interval": "1h"})
    wait_for(lambda: status(daemon)["saved"], "read and saved", 120)
    daemon.ctl("membership", "sync", "--full")
    change(lab, range(1, 100_000, 1000), "changetype: modify\nreplace: userAccountControl\n"
                                         "userAccountControl: 4098\n")
    assert sync(daemon)["entries"] == 100
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM:"))
    assert peak < 64 * 1024, f"{peak} KiB"
