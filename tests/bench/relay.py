"""What the relay costs: requests through a gateway of another realm against the same requests to the upstream itself,
in turns within one run, medians. All processes and the load share the machine's cores. Writes a summary as JSON."""
import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from lab import Lab, wait_for  # noqa: E402
from load import Load, memory  # noqa: E402

POINTS = {"persistent_1": 1, "persistent_64": 64, "persistent_256": 256}
RATIO_AT_LEAST = {"persistent_64": 0.45, "persistent_256": 0.45}
P50_ADDED_US_AT_MOST = 150
FIGURES = ("per_second", "server_cpu_us", "upstream_cpu_us", "generator_cpu_us", "p50_us", "p99_us", "p999_us")


def medians(runs):
    return {key: statistics.median(r[key] for r in runs) for key in FIGURES}


def host(lab, name, **options):
    return lab.daemon(name, options={"lab.enabled": None, "lab.clock": None, "log.level": "warn", **options})


@contextlib.contextmanager
def two_realms(bin_dir, folder):
    """An upstream, its lab, and a gateway that relays to it."""
    for part in "ab":
        os.makedirs(os.path.join(folder, part), mode=0o700)
    with Lab(bin_dir=bin_dir, realm="B", folder=os.path.join(folder, "b")) as other, \
            Lab(bin_dir=bin_dir, realm="A", folder=os.path.join(folder, "a")) as lab:
        upstream = host(other, "upstream")
        other.install_hostkey(upstream)
        gateway = host(lab, "gateway", **{"relay.upstream": upstream.address, "relay.connections": "256"})
        wait_for(lambda: gateway.ctl("relay", "status", "--json").json["upstreams"][0]["state"] == "up", "it is up")
        yield upstream, other, gateway


def cpu(pid):
    """Seconds of CPU time of a process and all its threads."""
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes it


def one_run(load, daemon, upstream, connections, args):
    """A window of load on daemon; upstream_cpu_us: what upstream took of it for each answer."""
    pids = daemon.process.pid, upstream.process.pid
    before = [cpu(pid) for pid in pids]
    run = load("run", daemon.port, "persistent", connections, min(0.2, args.seconds / 4), args.seconds, pids[0], "sealed")
    spent, of_upstream = (cpu(pid) - was for pid, was in zip(pids, before))
    return {**run, "upstream_cpu_us": run["server_cpu_us"] * of_upstream / spent}


def measure(bin_dir, folder, args):
    with two_realms(bin_dir, folder) as (upstream, other, gateway):
        load = Load(os.path.join(os.path.abspath(args.tools), "bench_load"), other.bundle, "--sources", "32")
        sides = {"relayed": gateway, "direct": upstream}
        runs = {side: {point: [] for point in POINTS} for side in sides}
        try:
            for _ in range(args.rounds):
                for point, connections in POINTS.items():
                    for side, daemon in sides.items():
                        runs[side][point].append(one_run(load, daemon, upstream, connections, args))
            load.close()
        finally:
            load.process.kill()
        status = gateway.ctl("relay", "status", "--json").json
        failed = {k: n for k, n in status["since_start"].items() if n and k != "relay-answered"}
        assert not failed, failed
        facts = {"gateway_rss_mib": memory(gateway.process.pid)["rss"] / 2**20,
                 "relayed": status["since_start"]["relay-answered"], "unrecorded": status["unrecorded"]}
    return {side: {point: medians(r) for point, r in points.items()} for side, points in runs.items()}, facts


def of_all(f, side):
    """The CPU time of one answer, whoever spends it."""
    gateway = f["server_cpu_us"] if side == "relayed" else 0
    return gateway + f["upstream_cpu_us"] + f["generator_cpu_us"]


def summarize(measured, facts, args):
    by_cpu = {p: of_all(measured["direct"][p], "direct") / of_all(measured["relayed"][p], "relayed") for p in POINTS}
    ratios = {p: measured["relayed"][p]["per_second"] / measured["direct"][p]["per_second"] for p in POINTS}
    added = {p: measured["relayed"][p]["p50_us"] - measured["direct"][p]["p50_us"] for p in POINTS}
    met = {f"ratio_{p}": ratios[p] >= limit for p, limit in RATIO_AT_LEAST.items()}
    met["p50_added_us"] = added["persistent_1"] < P50_ADDED_US_AT_MOST
    return {**measured, "facts": facts, "ratios": ratios, "ratios_by_cpu": by_cpu, "p50_added_us": added, "ratio_at_least": RATIO_AT_LEAST,
            "p50_added_us_at_most": P50_ADDED_US_AT_MOST, "met": met, "rounds": args.rounds, "seconds": args.seconds,
            "cores": os.cpu_count()}


def show(summary):
    print(f"{'':16}{'requests/s':>12}{'CPU µs':>9}{'upstream':>9}{'p50 µs':>9}{'p99 µs':>9}{'p99.9 µs':>10}{'ratio':>8}"
          f"{'by CPU':>8}{'p50 added':>11}  target")
    for point in POINTS:
        for side in ("relayed", "direct"):
            f = summary[side][point]
            gateway, last = "", ""
            if side == "relayed":
                gateway = f"{f['server_cpu_us']:.2f}"
                target = f"ratio ≥ {RATIO_AT_LEAST[point]}" if point in RATIO_AT_LEAST else \
                    f"added < {P50_ADDED_US_AT_MOST} µs"
                last = f"{summary['ratios'][point]:8.2f}{summary['ratios_by_cpu'][point]:8.2f}" \
                       f"{summary['p50_added_us'][point]:8.0f} µs  {target}"
            print(f"{point if side == 'relayed' else '  direct':16}{f['per_second']:12.0f}{gateway:>9}"
                  f"{f['upstream_cpu_us']:9.2f}{f['p50_us']:9.0f}{f['p99_us']:9.0f}{f['p999_us']:10.0f}{last}")
    print()
    for name, value in summary["facts"].items():
        print(f"{name:24}{value:10.1f}")
    missed = [name for name, met in summary["met"].items() if not met]
    print("\nEvery target is met." if not missed else f"\nMissed: {', '.join(missed)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of adbad")
    parser.add_argument("--tools", required=True, help="folder of bench_load")
    parser.add_argument("--out", required=True, help="summary to write")
    parser.add_argument("--folder", required=True, help="scratch, on the disk to be measured")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1, help="window of one point in one round")
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    os.makedirs(args.folder, mode=0o700)
    measured, facts = measure(args.bin, args.folder, args)
    summary = summarize(measured, facts, args)
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(summary, f, indent=2)
        f.write("\n")
    show(summary)
    return 0 if all(summary["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
