"""adbactl explain: every row of error_codes.csv and event_ids.csv in every form in which people meet
it. The forms are computed here, from the tables alone."""
import csv
import json
import os
import re
import subprocess

import pytest

from lab import BIN

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
NOT_FOUND, USAGE = 4, 2
BIT28 = 0x10000000


def table(name):
    with open(os.path.join(ROOT, "data", name + ".csv"), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


ERRORS, EVENTS = table("error_codes"), table("event_ids")
BY_CODE = {int(row["code"], 16): row for row in ERRORS}
BY_EVENT = {int(row["event_id"]): row for row in EVENTS}


def explain(*argv):
    done = subprocess.run([os.path.join(BIN, "adbactl"), "explain", *argv, "--json"], timeout=30,
                          capture_output=True, text=True,
                          env={k: v for k, v in os.environ.items() if k != "ADBAD_CONF"})
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def explain_lines(questions, expect):
    """The answers to many questions in one run."""
    done = subprocess.run([os.path.join(BIN, "adbactl"), "explain", "-", "--json"], timeout=60,
                          input="\n".join(questions) + "\n\n", capture_output=True, text=True,
                          env={k: v for k, v in os.environ.items() if k != "ADBAD_CONF"})
    assert done.returncode == expect, done.stderr
    answers = json.loads(done.stdout)["answers"]
    assert [a["text"] for a in answers] == questions
    return answers


def forms(code):
    """How a code is written: by slmgr, in event logs, by scripts, by PowerShell, by C programmers."""
    signed = code - (1 << 32) if code & 0x80000000 else code
    yield f"0x{code:08X}"
    yield f"0x{code:08x}"
    yield f"{code:08X}"
    yield str(signed)
    yield str(code)
    yield f"0x{code:08X}L"
    yield f"hr=0x{code:08X}"
    yield f"HRESULT: 0x{code:08x}."
    yield f"Error code 0x{code:08X}"
    if code & 0x80000000:
        yield f"0xFFFFFFFF{code:08X}"
    if code >> 28 == 0xC:
        yield f"0x{code | BIT28:08X}"
        yield f"NTSTATUS 0x{code:08X}"
    if code >> 16 == 0x8007:
        yield str(code & 0xFFFF)
        yield f"error {code & 0xFFFF}"
    if BY_CODE[code]["name"]:
        yield BY_CODE[code]["name"]
        yield BY_CODE[code]["name"].lower()


def check_error(found, row):
    assert found["code"] == row["code"].upper().replace("X", "x")
    assert found["name"] == row["name"]
    assert found["meaning"] == row["meaning"]
    assert found["remedy"] == row["advice"]
    assert found["source"] == row["source"]


def test_every_code_is_explained_in_every_form():
    asked = [(text, code) for code in BY_CODE for text in forms(code)]
    assert len(asked) > 10 * len(BY_CODE) > 1700
    for (text, code), said in zip(asked, explain_lines([text for text, _ in asked], 0)):
        found = {int(m["code"], 16): m for m in said["matches"] if m["kind"] == "error"}
        assert code in found, (text, said)
        check_error(found[code], BY_CODE[code])


def test_a_form_means_one_thing_unless_two_are_called_so():
    asked = [text for code in BY_CODE
             for text in (f"0x{code:08X}", str(code), BY_CODE[code]["name"] or f"0x{code:08X}")]
    for said in explain_lines(asked, 0):
        assert len(said["matches"]) == 1, said


def test_every_event_is_explained_in_every_form():
    asked = [(text, number) for number in BY_EVENT
             for text in (str(number), f"event {number}", f"Event ID: {number}")]
    for (_, number), said in zip(asked, explain_lines([text for text, _ in asked], 0)):
        found = next(m for m in said["matches"] if m["kind"] == "event")
        row = BY_EVENT[number]
        assert found["event"] == number
        for key, column in (("name", "meaning"), ("meaning", "explanation"), ("remedy", "advice"),
                            ("fields", "fields"), ("log", "log"), ("where", "where"),
                            ("source", "reference")):
            assert found[key] == row[column], (number, key)


def test_the_list_has_every_row():
    status, said, _ = explain("--list")
    assert status == 0
    assert {int(m["code"], 16) for m in said["errors"]} == set(BY_CODE)
    assert {m["event"] for m in said["events"]} == set(BY_EVENT)
    assert {"clock-skew", "source-limit", "relay-down", "other-name"} <= {m["word"] for m in said["words"]}


def test_every_row_says_in_words_what_it_means_and_what_to_do():
    for row in ERRORS:
        assert row["meaning"].endswith(".") and row["advice"].endswith("."), row["code"]
        assert row["meaning"] != row["remedy"], row["code"]
    for row in EVENTS:
        assert row["explanation"].endswith(".") and row["advice"].endswith("."), row["event_id"]


def test_four_digits_with_a_letter_are_the_end_of_a_code():
    ends = {}
    for code in BY_CODE:
        ends.setdefault(f"{code & 0xFFFF:04X}", set()).add(code)
    asked = [end for end in ends if not end.isdigit()]
    for said in explain_lines(asked, 0):
        assert {int(m["code"], 16) for m in said["matches"]} == ends[said["text"]], said


def typos(text):
    """One letter wrong, missing, doubled, swapped with its neighbour."""
    middle = len(text) // 2
    yield text[:middle] + "Q" + text[middle + 1:]
    yield text[:middle] + text[middle + 1:]
    yield text[:middle] + text[middle] + text[middle:]
    if text[middle] != text[middle + 1]:
        yield text[:middle] + text[middle + 1] + text[middle] + text[middle + 2:]


def test_a_mistyped_name_is_among_the_nearest():
    asked = [(text, row["name"]) for row in ERRORS if row["name"] for text in typos(row["name"])
             if text not in {r["name"] for r in ERRORS}]
    for (text, name), said in zip(asked, explain_lines([text for text, _ in asked], NOT_FOUND)):
        assert not said["matches"]
        assert name in {m.get("name") for m in said["nearest"]}, (text, name)
    _, said, err = explain("SL_E_VL_NOT_ENOUGH_COUMT")
    assert said["nearest"][0]["name"] == "SL_E_VL_NOT_ENOUGH_COUNT"
    assert "SL_E_VL_NOT_ENOUGH_COUNT" in err and "SL_E_VL_NOT_ENOUGH_COUMT" in err


@pytest.mark.parametrize("text, code", [
    ("0xC0O4F074", "0xC004F074"),    # a letter O
    ("0xC04F038", "0xC004F038"),     # a digit lost
    ("0xC004F0422", "0xC004F042"),   # a digit doubled
    ("0xC004F065", "0x4004F065"),    # another severity
    ("-10734181224", "0xC004F074"),  # a digit more than -1073418124
    ("NOT_ENOUGH_COUNT", "0xC004F038"),
])
def test_a_mistyped_code_is_among_the_nearest(text, code):
    status, said, _ = explain(text)
    assert status == NOT_FOUND
    assert code in {m.get("code") for m in said["nearest"]}


def test_of_codes_as_near_in_letters_the_nearest_in_number_comes_first():
    assert explain("0xC004F037")[1]["nearest"][0]["code"] == "0xC004F038"  # 0xC004F036 is none
    assert explain("0xC004F065")[1]["nearest"][0]["code"] == "0x4004F065"


def test_event_and_code_can_be_told_apart():
    assert explain("event", "1722")[0] == NOT_FOUND
    assert explain("error", "12288")[0] == NOT_FOUND
    assert 12288 in {m.get("event") for m in explain("event", "12287")[1]["nearest"]}


@pytest.mark.parametrize("text", ["", " ", "xyzzy", "0x", "-0", "--", "0x1FFFFFFFFC004F038",
                                  "99999999999999999999", "0xC004F038 and more", "é" * 60])
def test_what_nobody_knows_is_not_found(text):
    status, said, err = explain(text) if text != "--" else explain("x", "y", "z")
    assert status == NOT_FOUND
    assert said["error"] == "not found" and "explain --list" in err


def test_every_word_that_tells_of_a_proof_is_explained():
    with open(os.path.join(ROOT, "docs", "kerberos.md"), encoding="utf-8") as f:
        rows = f.read().split("| must hold | else |")[1].split("\n\n")[0]
    words = re.findall(r"\| `([a-z-]+)` \|$", rows, re.M)
    assert len(words) == 10
    for word in words:
        code, answer, _ = explain(word)
        (one,) = answer["matches"]
        assert code == 0 and (one["kind"], one["word"]) == ("proof", word)
        assert one["meaning"] and one["remedy"]


def between(document, begin, end):
    with open(os.path.join(ROOT, "docs", document), encoding="utf-8") as f:
        return f.read().split(begin)[1].split(end)[0]


def cells(table, column):
    """The words in code in one column of a table's rows."""
    return [word for row in table.splitlines() if row.startswith("| ")
            for word in re.findall(r"`([a-z-]+)`", row.strip("| ").split(" | ")[column])]


# Wherever a document lists reasons that the log names, and what they are told of.
LISTED = {
    "request": lambda: re.findall(r"`([a-z-]+)`", between("daemon.md", "(version M.N)`; reasons:", "([what")),
    "connection": lambda: cells(between("daemon.md", "| reason | meaning |", "| any other"), 0)
    + cells(between("protocol/rpc.md", "| input | answer | reason |", "\n\n"), -1),
    "relay": lambda: cells(between("relay.md", "| name | fault | when |", "\n\n"), 0),
}


@pytest.mark.parametrize("kind", LISTED)
def test_every_reason_that_a_document_lists_is_explained(kind):
    words = set(LISTED[kind]())
    assert len(words) >= 6
    for word in words:
        code, answer, _ = explain(word)
        found = [m for m in answer["matches"] if m["kind"] == kind]
        assert code == 0 and [m["word"] for m in found] == [word] and found[0]["meaning"], word


def test_a_word_of_several_meanings_tells_them_all():
    kinds = [m["kind"] for m in explain("bad-version")[1]["matches"]]
    assert kinds == ["request", "connection"]
    request, = (m for m in explain("clock-skew")[1]["matches"] if m["kind"] == "request")
    assert request["code"] == "0xC004F06C"  # KMS.md: more than four hours
    said = explain_lines(["clock-skew", "0xC004F06C"], 0)
    assert [m["kind"] for m in said[0]["matches"]] == ["request", "self-report"]
    assert said[1]["matches"][0]["code"] == "0xC004F06C"


def test_the_command_line_is_checked():
    assert explain()[0] == USAGE
    assert explain("0xC004F038", "--list")[0] == USAGE


def test_people_read_it_in_lines_that_fit():
    for row in ERRORS[::9]:
        out = subprocess.run([os.path.join(BIN, "adbactl"), "explain", row["code"]], check=True,
                             capture_output=True, text=True, timeout=30).stdout
        assert max(map(len, out.splitlines())) <= 96
        words = " ".join(out.split())
        assert row["meaning"] in words and row["advice"] in words
