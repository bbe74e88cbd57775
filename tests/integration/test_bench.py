"""The load generator counts only answers that are right, and the echo server moves the same bytes."""
import json
import os
import sqlite3
import subprocess
import sys

import pytest

from lab import BIN, wait_for
from load import Echo, Load

BENCH = os.path.join(os.path.dirname(os.path.abspath(BIN)), "bench")


@pytest.fixture
def daemon(lab):
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    return daemon


@pytest.fixture
def load(lab):
    load = Load(os.path.join(BENCH, "bench_load"), lab.bundle, "--requests", "600",
                stderr=os.path.join(lab.folder, "load.err"))
    yield load
    load.close()


@pytest.fixture
def echo(lab, daemon, load):
    echo = Echo(os.path.join(BENCH, "bench_echo"), lab.folder, load("probe", daemon.port), 2)
    yield echo
    echo.close()


def run(load, port, mode, pid, kind):
    """A window with answers in it: a busy disk may hold back all of a short one."""
    for seconds in (0.3, 1, 4, 16):
        result = load("run", port, mode, 8, 0.05, seconds, pid, kind)
        if result["answered"] > 0:
            break
    return result


@pytest.mark.parametrize("mode", ["persistent", "fresh"])
def test_every_answer_is_recorded(daemon, load, mode):
    result = run(load, daemon.port, mode, daemon.process.pid, "sealed")
    assert result["answered"] > 0 and result["opened"] > 0
    assert 0 < result["p50_us"] <= result["p99_us"] <= result["p999_us"]
    assert result["server_cpu_us"] > 0
    with sqlite3.connect(os.path.join(daemon.folder, "state", "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM activations").fetchone()[0] >= result["answered"]


def test_the_echo_answers_with_copies(echo, load):
    result = run(load, echo.port, "persistent", echo.process.pid, "canned")
    assert result["answered"] > 0 and result["opened"] == 0


def test_a_copied_answer_is_none(echo, load):
    with pytest.raises(RuntimeError):
        load("run", echo.port, "persistent", 8, 0.05, 0.2, 0, "sealed")
    assert load.process.wait() == 1
    assert "another realm" in load.errors() or "tag" in load.errors()


def test_a_refusal_is_no_answer(lab, load):
    daemon = lab.daemon("empty")
    with pytest.raises(RuntimeError):
        load("run", daemon.port, "persistent", 1, 0.05, 0.2, 0, "sealed")
    assert load.process.wait() == 1
    assert "refused" in load.errors()


def test_idle_connections_are_held(daemon, load):
    assert load("hold", daemon.port, 300) == {"held": 300}
    assert daemon.status()["connections"]["open"] == 300
    assert load("release") == {"held": 0}
    wait_for(lambda: daemon.status()["connections"]["open"] == 0, "the connections are closed")


SLOW_HTTP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "slow_http.py")


@pytest.mark.uninstrumented
def test_a_measurement_in_a_relative_folder(tmp_path):
    """As ./dev bench calls it. What it measures is not this test's: nothing here is quiet."""
    done = subprocess.run([sys.executable, SLOW_HTTP, "--bin", BIN, "--folder", "scratch", "--out", "out.json", "--rounds", "1"],
                          cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "met" in json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
