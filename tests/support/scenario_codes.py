"""Which documented codes the stories of tests/scenarios produce, as the table of docs/scenarios.md.

As a program it writes the table anew: scenario_codes.py ADBACLIENT
"""
import csv
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BEGIN, END = "<!-- codes: begin -->", "<!-- codes: end -->"


def rows(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def not_met():
    """Codes that no client of the simulated site can meet, each with its reason."""
    return {row["code"]: row["reason"] for row in rows("tests", "scenarios", "not_met.csv")}


def code_table(stories):
    """Each code in the order of data/error_codes.csv, with the stories that produce it."""
    lines = ["| code | name | stories |", "| --- | --- | --- |"]
    for row in rows("data", "error_codes.csv"):
        code = "0x" + row["code"][2:].upper()
        names = sorted(os.path.basename(s["file"])[:-4] for s in stories if code in s["codes"])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        if names:
            lines.append(f"| {code} | {row['name']} | {', '.join(names[:3])}{more} |")
    return "\n".join(lines)


def main():
    files = sorted(glob.glob(os.path.join(ROOT, "tests", "scenarios", "*.scn")))
    done = subprocess.run([sys.argv[1], "scenario", "--json", *files], capture_output=True,
                          text=True, check=True)
    path = os.path.join(ROOT, "docs", "scenarios.md")
    with open(path, encoding="utf-8") as f:
        before, rest = f.read().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{before}{BEGIN}\n{code_table(json.loads(done.stdout)['stories'])}\n{END}{after}")


if __name__ == "__main__":
    main()
