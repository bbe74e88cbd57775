"""Every story of tests/scenarios is true, one test each; the list of codes in docs/scenarios.md is
what the stories produce; and stories that are not true are told apart."""
import csv
import glob
import json
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
STORIES = sorted(glob.glob(os.path.join(ROOT, "tests", "scenarios", "*.scn")))
FAILED, USAGE, NOT_FOUND, INVALID = 1, 2, 4, 7

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from lab import BIN
from scenario_codes import BEGIN, END, code_table, not_met  # noqa: E402


def scenario(*argv):
    done = subprocess.run([os.path.join(BIN, "adbaclient"), "scenario", *argv], capture_output=True,
                          text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def story(tmp_path, *lines):
    path = tmp_path / "story.scn"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("path", STORIES, ids=[os.path.basename(p)[:-4] for p in STORIES])
def test_the_story_is_true(path):
    code, out, err = scenario(path)
    assert code == 0, out + err


def test_there_are_many_stories_and_each_has_a_title_of_its_own():
    titles = [re.search(r'^story "(.+)"$', open(p, encoding="utf-8").read(), re.M).group(1)
              for p in STORIES]
    assert len(STORIES) >= 40
    assert len(set(titles)) == len(titles)


def test_the_same_seed_tells_the_same_story_and_another_one_is_told_too():
    path = os.path.join(ROOT, "tests", "scenarios", "second-host-takes-over.scn")
    runs = [scenario("--trace", "--seed", seed, path)[1] for seed in ("7", "7", "8")]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert "event " in runs[0]


def test_a_failed_expectation_names_place_claim_fact_and_the_last_attempt(tmp_path):
    path = story(tmp_path, "host kms1", 'serve kms1 "Volume License for Windows Server 2022"',
                 'machine srv1 "Windows Server 2022 Standard" kms kms1', "ask srv1",
                 "expect srv1 status Licensed")
    code, out, _ = scenario(path)
    assert code == FAILED
    assert f"{path}:5: day 0 00:00: expected srv1 status Licensed, but it is Notification" in out
    assert "KMS  kms1:1688 (set with /skms): 0xC004F038 SL_E_VL_NOT_ENOUGH_COUNT" in out
    assert "the host counts 1 machines, 5 are needed" in out


def test_a_star_stands_for_a_number_and_nothing_else(tmp_path):
    server = '"Windows Server 2022 Standard" kms nowhere'
    path = story(tmp_path, f"machine srv*2 {server}", f"machine sup1 {server}",
                 f"machine srvx {server}", f"machine srv {server}", "ask srv*",
                 *(f"expect {name} questions {n}" for name, n in
                   (("srv1", 1), ("srv2", 1), ("sup1", 0), ("srvx", 0), ("srv", 0))))
    code, out, err = scenario(path)
    assert code == 0, out + err


def test_a_refusal_that_nobody_expects_fails_the_story_where_it_happened(tmp_path):
    path = story(tmp_path, 'machine pc1 "Windows 11 Enterprise"', 'key pc1 "Windows 11 Education"',
                 "pass 1h")
    code, out, _ = scenario("--json", path)
    told = json.loads(out)["stories"][0]
    assert code == FAILED
    assert told["line"] == 2 and not told["true"]
    assert "0xC004F069" in told["failure"]


@pytest.mark.parametrize("line, says", [
    ("colour blue", "is no statement"),
    ("pass", 'is written "pass DURATION"'),
    ("pass 7", "is no duration"),
    ("pass -1d", "time does not go back"),
    ('story "open', "has no end on this line"),
    ("expect nobody status Licensed", 'no machine "nobody"'),
    ('machine pc1 "Windows 12 Enterprise"', "is called"),
    ("host kms1 colour blue", 'no attribute "colour"'),
    ("host kms1 net", "has no value"),
    ('host kms1 os "Windows Server 1999"', "no system is called"),
    ("serve kms1 Group", 'no KMS host "kms1"'),
])
def test_what_breaks_the_language_is_told_with_its_line(tmp_path, line, says):
    path = story(tmp_path, "# a comment", line)
    code, out, _ = scenario(path)
    assert code == INVALID
    assert f"{path}:2: " in out and says in out


def test_a_missing_file_and_no_file():
    assert scenario("/nonexistent/story.scn")[0] == NOT_FOUND
    assert scenario()[0] == USAGE


def test_each_code_that_a_client_can_meet_is_produced_and_docs_say_by_which_story():
    code, out, err = scenario("--json", *STORIES)
    assert code == 0, out + err
    stories = json.loads(out)["stories"]
    produced = {c for s in stories for c in s["codes"]}
    with open(os.path.join(ROOT, "data", "error_codes.csv"), encoding="utf-8", newline="") as f:
        documented = {"0x" + row["code"][2:].upper() for row in csv.DictReader(f)}
    excused = not_met()
    assert excused.keys() <= documented
    assert not produced & excused.keys(), "what a story produces needs no excuse"
    assert documented == (produced & documented) | excused.keys()
    with open(os.path.join(ROOT, "docs", "scenarios.md"), encoding="utf-8") as f:
        told = f.read().split(BEGIN, 1)[1].split(END, 1)[0]
    assert told.strip() == code_table(stories).strip()


def test_help_and_document_have_every_statement():
    code, out, _ = scenario("--help")
    assert code == 0
    with open(os.path.join(ROOT, "docs", "scenarios.md"), encoding="utf-8") as f:
        text = f.read()
    usages = re.findall(r"^  (?=[a-z])(\S.*)$", out.split("Statements:")[1].split("Exit code")[0],
                        re.M)
    assert len(usages) > 50
    for usage in usages:
        assert usage.replace("|", "\\|") in text, usage
