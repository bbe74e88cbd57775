#!/usr/bin/python3
"""Counts what a test run left in its results folder and prints the closing line.

A skipped test counts as failed: nothing may be left out silently. A unit-test program that died
without reporting a failure of its own counts as one failure.
"""
import collections
import glob
import json
import os
import sys
import xml.etree.ElementTree as ET


def cases(path):
    """(name, passed) of each test case in a JUnit file; a broken file is one failed case."""
    try:
        root = ET.parse(path).getroot()
    except (ET.ParseError, OSError) as why:
        return [(f"{path}: {why}", False)]
    found = []
    for case in root.iter("testcase"):
        bad = any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
        name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
        found.append((name, not bad))
    return found


def preset_cases(results, ctest_xml):
    """The cmocka cases of one preset, and what ctest knows beyond them."""
    preset = os.path.basename(ctest_xml)[: -len(".ctest.xml")]
    per_program = collections.defaultdict(list)
    for path in glob.glob(f"{results}/{preset}.cmocka/*.xml"):
        per_program[os.path.basename(path).split(".")[0]] += cases(path)
    found = [case for program in per_program.values() for case in program]
    for name, passed in cases(ctest_xml):
        program = name.rsplit("::", 1)[-1]
        reported = per_program.get(program, [])
        if not reported or (not passed and all(ok for _, ok in reported)):
            found.append((program, passed))
    return found


def collect(results):
    groups = {}
    for path in sorted(glob.glob(f"{results}/*.ctest.xml")):
        groups[os.path.basename(path)[: -len(".ctest.xml")] + " unit"] = preset_cases(results, path)
    for path in sorted(glob.glob(f"{results}/*.pytest.xml")):
        groups[os.path.basename(path)[: -len(".pytest.xml")] + " integration"] = cases(path)
    for path in sorted(glob.glob(f"{results}/demo*.json")):
        with open(path, encoding="utf-8") as f:
            steps = json.load(f)["steps"]
        groups[os.path.basename(path)[:-5]] = [(s["id"], s["ok"]) for s in steps]
    checks = [(os.path.basename(p)[:-3], True) for p in glob.glob(f"{results}/*.ok")]
    checks += [(os.path.basename(p)[:-7], False) for p in glob.glob(f"{results}/*.failed")]
    groups["builds and lint"] = checks
    return groups


def main():
    groups = collect(sys.argv[1])
    passed = failed = 0
    width = max(len(name) for name in groups)
    print(f"\n{'tests':<{width}}  passed  failed")
    for name, found in sorted(groups.items()):
        bad = [case for case, ok in found if not ok]
        print(f"{name:<{width}}  {len(found) - len(bad):6}  {len(bad):6}")
        passed += len(found) - len(bad)
        failed += len(bad)
        for case in bad:
            print(f"  failed: {case}")
    if passed == 0:
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
