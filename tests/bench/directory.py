"""What keeping 100,000 computer accounts costs: reading them all against ldapsearch reading the same
attributes, both as whole processes, in turns; memory; look-ups. Writes a summary as JSON and ends
with 1 if a target is missed."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import bulk  # noqa: E402
from lab import Lab  # noqa: E402

ATTRIBUTES = ["sAMAccountName", "dNSHostName", "userAccountControl", "objectSid", "objectGUID"]
TARGETS = {"ratio": 1.5, "peak_mib": 64, "lookup_ns": 1000}


def timed(argv):
    begin = time.monotonic()
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, "LDAPNOINIT": "1"})
    return time.monotonic() - begin, done.stdout


def ldapsearch(lab, count):
    seconds, out = timed(["ldapsearch", "-Q", "-LLL", "-Y", "EXTERNAL", "-H", lab.directory_uri,
                          "-b", "DC=lab,DC=example", "-E", "pr=1000/noprompt",
                          "(objectClass=computer)", *ATTRIBUTES])
    if out.count(b"\ndn:") + out.startswith(b"dn:") != count:
        raise RuntimeError("ldapsearch did not see every account")
    return seconds


def ours(program, lab, count, *words):
    seconds, out = timed([program, lab.directory_uri, *words])
    result = json.loads(out)
    if result["entries"] != count:
        raise RuntimeError(f"{result['entries']} accounts read instead of {count}")
    return seconds, result


def measure(program, lab, count, rounds):
    ours(program, lab, count, "read")  # both find the database in memory
    theirs_s, ours_s, whole = [], [], []
    for _ in range(rounds):
        theirs_s.append(ldapsearch(lab, count))
        ours_s.append(ours(program, lab, count, "read")[0])
        whole.append(ours(program, lab, count)[1])
    median = statistics.median
    return {
        "accounts": count,
        "rounds": rounds,
        "ldapsearch_seconds": median(theirs_s),
        "full_sync_seconds": median(ours_s),
        "ratio": median(ours_s) / median(theirs_s),
        "sync_without_changes_seconds": median(w["seconds_nothing_changed"] for w in whole),
        "peak_mib": max(w["peak_kib"] for w in whole) / 1024,
        "roster_mib": median(w["roster_bytes"] for w in whole) / 2**20,
        "lookup_ns": median(w["lookup_ns"] for w in whole),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of adbactl")
    parser.add_argument("--program", required=True, help="bench_directory")
    parser.add_argument("--out", required=True, help="summary to write")
    parser.add_argument("--accounts", type=int, default=100000)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    with Lab(bin_dir=args.bin, realm=None) as lab:
        lab.directory_up()
        bulk.load(lab, args.accounts)
        result = measure(args.program, lab, args.accounts, args.rounds)
    result["targets"] = TARGETS
    result["met"] = {name: result[name] <= limit for name, limit in TARGETS.items()}
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
    for name in ("ldapsearch_seconds", "full_sync_seconds", "ratio", "sync_without_changes_seconds",
                 "peak_mib", "roster_mib", "lookup_ns"):
        limit = f"  (target: at most {TARGETS[name]})" if name in TARGETS else ""
        print(f"{name:30} {result[name]:12.4g}{limit}")
    return 0 if all(result["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
