"""Samba's raw DCE/RPC suite (88 tests that need no service of Samba's own) against adbad.

The suite insists on port 135, so the daemon gets a network namespace of its own. It has several workers: the
connections of one test need not meet on the same."""
import os
import re
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = os.path.join(HERE, "..", "fixtures", "rpc", "samba_raw_tests.txt")
ISOLATED = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "adbad"]


@pytest.fixture
def port_135(lab):
    return lab.daemon(prefix=ISOLATED, options={"kms.listen": "127.0.0.1:135", "kms.workers": "4"})


@pytest.mark.lengthy
def test_sambas_raw_suite_passes(port_135, tmp_path):
    with open(LIST, encoding="ascii") as f:
        count = len(f.read().split())
    assert count == 88
    output = tmp_path / "samba_raw.log"
    with open(output, "wb") as log:
        done = subprocess.run(
            ["nsenter", f"--target={port_135.process.pid}", "--net", sys.executable,
             os.path.join(HERE, "samba_raw.py"), LIST],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=240, check=False)
    text = output.read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, "\n".join(re.findall(r"(?:FAIL|ERROR): .*", text)) or text[-2000:]
    assert f"{count} of {count} run, 0 failed, 0 broken" in text
    assert port_135.process.poll() is None
