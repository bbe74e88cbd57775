#!/usr/bin/python3
"""Holds docs/fidelity.md against the last test run.

Every behaviour of the document names the tests that show it. This checks that each of them exists,
ran and passed, that every row of the tables below data/ stands in the document once, and prints how
many of the behaviours are shown. Exit code 0 only if all names hold and the share is high enough.
"""
import argparse
import collections
import csv
import functools
import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from count import cases, collect  # noqa: E402

SHARE = 95  # per cent
ARGUED = ("not modelled:", "not shown:")
ROW = re.compile(r"^\| `([a-z0-9/_.:-]+)` \| (.*) \| (.*) \|$")


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def rows(name):
    with open(f"data/{name}.csv", encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def expected_ids():
    """The ids that the tables demand: one for each row, in the table's own key."""
    seen = collections.Counter()

    def unique(wanted):
        seen[wanted] += 1
        return wanted if seen[wanted] == 1 else f"{wanted}.{seen[wanted]}"

    ids = [unique("slmgr" + r["option"]) for r in rows("slmgr_options")]
    ids += [unique("ospp" + r["option"]) for r in rows("ospp_options")]
    ids += [unique("state/" + r["number"]) for r in rows("license_states")]
    ids += [unique("event/" + r["event_id"]) for r in rows("event_ids")]
    for r in rows("avma_matrix"):
        host, guest = list(r.values())[:2]
        ids.append(unique(f"avma/{slug(host)}/{slug(guest)}"))
    for r in rows("host_updates"):
        ids.append(unique(f"update/{slug(r['host_os'])}/{slug(r['client_os'])}/{slug(r['update'])}"))
    with open("tests/scenarios/not_met.csv", encoding="utf-8", newline="") as f:
        excused = {r["code"].lower() for r in csv.DictReader(f)}
    ids += [unique("error/" + r["code"].lower()) for r in rows("error_codes")
            if r["code"].lower() not in excused]
    return ids


def spelt_out(test):
    """A story stands for its test; a bar inside a table is written with a backslash."""
    if test.endswith(".scn"):
        return f"test_scenarios.py::test_the_story_is_true[{test[:-4]}]"
    return test.replace("\\|", "|")


class Behaviour:
    def __init__(self, chapter, line, ident, text, shown):
        self.chapter, self.line, self.ident, self.text = chapter, line, ident, text
        self.shown = shown.strip()
        self.argued = self.shown.startswith(ARGUED) and len(self.shown.partition(":")[2]) > 10
        self.tests = [] if self.argued else [spelt_out(t) for t in re.findall(r"`([^`]+)`", self.shown)]


def read(path):
    """The behaviours of the document, in order. A chapter headed "Carried" holds none."""
    chapter, found = "", []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("## "):
                chapter = line[3:].strip()
            match = ROW.match(line.rstrip("\n"))
            if match and not chapter.startswith("Carried"):
                found.append(Behaviour(chapter, number, *match.groups()))
    return found


def ran(results):
    """name → passed everywhere, for every test of the run in the document's spelling."""
    outcome = {}

    def note(name, passed):
        outcome[name] = outcome.get(name, True) and passed

    for path in glob.glob(f"{results}/*.cmocka/*.xml"):
        program = os.path.basename(path).split(".")[0]
        for name, passed in cases(path):
            note(f"{program}::{name.rsplit('::', 1)[-1]}", passed)
    for path in glob.glob(f"{results}/*.pytest.xml"):
        for name, passed in cases(path):
            module, _, case = name.partition("::")
            test = f"{module.rsplit('.', 1)[-1]}.py::{case}"
            note(test, passed)
            if "[" in case:  # without its parameters a test stands for all its cases
                note(test.partition("[")[0], passed)
    for group, steps in collect(results).items():
        if group.startswith("demo"):
            for name, passed in steps:
                note(f"{group}::{name}", passed)
    return outcome


@functools.lru_cache(maxsize=None)
def source(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as f:
        return f.read()


def written(test):
    """Whether the sources have a test of that name."""
    where, _, name = test.partition("::")
    name = name.split("[")[0]
    if where.startswith("demo"):
        return True
    if name == "test_the_story_is_true":
        return os.path.exists(f"tests/scenarios/{test.split('[')[1][:-1]}.scn")
    if where.endswith(".py"):
        return f"def {name}(" in source(f"tests/integration/{where}")
    return any(f"void {name}(" in source(path)
               for path in glob.glob("tests/unit/*/*.c") + glob.glob("tests/contract/*.c"))


def complaints(behaviours, outcome, partial):
    """What is wrong, as printable lines."""
    ids = collections.Counter(b.ident for b in behaviours)
    for ident, times in ids.items():
        if times > 1:
            yield f"{ident}: stands there {times} times"
    for ident in expected_ids():
        if ident not in ids:
            yield f"{ident}: a row of the tables that the document leaves out"
    for b in behaviours:
        if not b.tests and not b.argued:
            yield f"line {b.line}: {b.ident}: neither a test nor a reason"
        for test in b.tests:
            if not written(test):
                yield f"line {b.line}: {b.ident}: there is no test {test}"
            elif test not in outcome:
                if not partial:
                    yield f"line {b.line}: {b.ident}: {test} did not run"
            elif not outcome[test]:
                yield f"line {b.line}: {b.ident}: {test} failed"


def shown(b, outcome, partial):
    return bool(b.tests) and all(outcome.get(t, partial) for t in b.tests)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", default="build/test-results", help="of the last test run")
    parser.add_argument("--document", default="docs/fidelity.md")
    parser.add_argument("--partial", action="store_true",
                        help="the run left parts out: tests that did not run are not held against it")
    args = parser.parse_args()
    behaviours = read(args.document)
    outcome = ran(args.results)
    if not outcome:
        print(f"fidelity: no test results in {args.results}; run ./dev test first", file=sys.stderr)
        return 2
    wrong = list(complaints(behaviours, outcome, args.partial))
    chapters = collections.OrderedDict()
    for b in behaviours:
        chapters.setdefault(b.chapter, []).append(b)
    width = max(len(name) for name in chapters)
    for name, part in chapters.items():
        count = sum(shown(b, outcome, args.partial) for b in part)
        print(f"{name:<{width}}  {count:4} of {len(part):4} shown")
    total = sum(shown(b, outcome, args.partial) for b in behaviours)
    for line in wrong:
        print(f"fidelity: {line}", file=sys.stderr)
    enough = total * 100 >= SHARE * len(behaviours)
    if not enough:
        print(f"fidelity: fewer than {SHARE} % are shown", file=sys.stderr)
    print(f"{total} of {len(behaviours)} facts shown")
    return 1 if wrong or not enough else 0


if __name__ == "__main__":
    sys.exit(main())
