"""The contract suite of the directory port against real servers."""
import os
import subprocess

import pytest

from lab import Lab


def contract(lab, suite="test_dir_contract", **env):
    program = os.path.join(lab.bin, "..", "tests", suite)
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, "DIR_CONTRACT_URI": lab.directory_uri,
                               "DIR_CONTRACT_FOREST": lab.forest, **env})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("who", ["administrator", "service"])
def test_slapd_keeps_the_contract(who):
    with Lab(realm=None) as lab:
        lab.directory_up()
        with open(os.path.join(lab.directory, "service.password"), encoding="ascii") as f:
            password = f.read().strip()
        contract(lab, **({"DIR_CONTRACT_USER": "adbad", "DIR_CONTRACT_PASSWORD": password}
                         if who == "service" else {}))


def test_slapd_tells_changes_as_the_contract_says():
    with Lab(realm=None) as lab:
        lab.directory_up()
        contract(lab, suite="test_changes_contract")
