"""tools/fidelity.py: what it holds against docs/fidelity.md. Test runs are made up here, so that they may be
wrong in one thing at a time."""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DOCUMENT = os.path.join(ROOT, "docs", "fidelity.md")
TOOL = os.path.join(ROOT, "tools", "fidelity.py")
sys.path.insert(0, os.path.join(ROOT, "tools"))

import fidelity  # noqa: E402

pytestmark = pytest.mark.no_program


class Run:
    """The document, and a run in which every test that it names passed."""

    def __init__(self, folder):
        self.folder = folder
        self.document = open(DOCUMENT, encoding="utf-8").read()
        self.passed = {t: True for b in fidelity.read(DOCUMENT) for t in b.tests}

    def write(self):
        suites = {}
        for test, passed in self.passed.items():
            where, _, name = test.partition("::")
            place = ("dev.pytest.xml", f"tests.integration.{where[:-3]}") if where.endswith(".py") \
                else (f"dev.cmocka/{where}.tests.xml", "tests")
            suite = suites.setdefault(place[0], ET.Element("testsuite"))
            case = ET.SubElement(suite, "testcase", classname=place[1], name=name)
            if not passed:
                ET.SubElement(case, "failure")
        os.makedirs(self.folder / "dev.cmocka", exist_ok=True)
        for name, suite in suites.items():
            ET.ElementTree(suite).write(self.folder / name)
        (self.folder / "document.md").write_text(self.document, encoding="utf-8")

    def judge(self, *argv):
        self.write()
        done = subprocess.run([TOOL, "--results", str(self.folder), "--document",
                               str(self.folder / "document.md"), *argv], cwd=ROOT, text=True,
                              capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(name="run")
def good_run(tmp_path):
    return Run(tmp_path)


def test_where_all_named_tests_passed_enough_is_shown(run):
    code, out, err = run.judge()
    shown, listed = map(int, re.search(r"(\d+) of (\d+) facts shown$", out).groups())
    assert (code, err) == (0, "")
    assert shown * 100 >= 95 * listed and listed > 300
    assert listed == len(fidelity.read(DOCUMENT))


def test_a_test_that_failed_or_did_not_run_shows_nothing(run):
    one = "test_licensing::activation_type_limits_who_is_asked"
    other = "test_scenarios.py::test_the_story_is_true[leaving-the-domain]"
    run.passed[one] = False
    del run.passed[other]
    code, _, err = run.judge()
    assert code == 1 and f"{one} failed" in err and f"{other} did not run" in err
    code, _, err = run.judge("--partial")
    assert code == 1 and f"{one} failed" in err and other not in err


def test_a_name_stands_for_all_cases_of_a_test(run):
    run.passed["test_kms_impacket.py::test_an_activation_is_answered[6-ndr-64]"] = False
    assert "test_kms_impacket.py::test_an_activation_is_answered failed" in run.judge()[2]


@pytest.mark.parametrize("before, after, says", [
    ("| `event/12288` |", "| `event/invented` |", "event/12288: a row of the tables"),
    ("| `slmgr/upk` |", "| `slmgr/ipk` |", "slmgr/ipk: stands there 2 times"),
    ("clients-24-and-25.scn`", "clients-24-and-26.scn`", "there is no test"),
    ("not modelled: policies", "policies", "neither a test nor a reason"),
])
def test_a_mistake_in_the_document_is_named(run, before, after, says):
    assert before in run.document
    run.document = run.document.replace(before, after, 1)
    code, _, err = run.judge()
    assert code == 1 and says in err


def test_too_small_a_share_fails(run):
    rows = [line for line in run.document.splitlines() if line.startswith("| `update/")]
    for row in rows:
        run.document = run.document.replace(row, re.sub(r"\|[^|]*\|$", "| not shown: a test of this |", row))
    code, _, err = run.judge()
    assert code == 1 and "fewer than 95 %" in err


def test_without_a_run_there_is_nothing_to_judge(tmp_path):
    done = subprocess.run([TOOL, "--results", str(tmp_path)], cwd=ROOT, text=True, capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == 2 and "./dev test" in done.stderr
