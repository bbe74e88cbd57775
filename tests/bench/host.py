"""What the KMS host costs: adbad with its durable ledger against an echo server that moves the same
bytes and does nothing else, in turns within one run, medians. Also memory, start-up with a million
recorded activations, and the disk's flush. Writes a summary as JSON."""
import argparse
import json
import os
import resource
import shutil
import socket
import sqlite3
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from lab import Lab, wait_for  # noqa: E402
from load import Echo, Load, memory  # noqa: E402

POINTS = {"persistent_1": 1, "persistent_64": 64, "persistent_256": 256, "fresh_1": 1,
          "fresh_16": 16}
AT_LEAST = {"persistent_256": 0.7, "persistent_64": 0.6, "fresh_1": 0.85, "fresh_16": 0.85}
AT_MOST = {"p99_ratio_64": 3, "idle_anonymous_mib": 8, "idle_rss_mib": 24, "idle_10000_mib": 28,
           "start_ms": 100}
IDLE = 10000
ROWS = 1000000
MIB = 2**20


def flush_us(folder, seconds):
    """The median time of one durable write as a commit makes it: a page, then fdatasync."""
    path = os.path.join(folder, "flush")
    page = bytes(4096)
    times = []
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(fd, bytes(MIB), 0)
        os.fsync(fd)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.perf_counter()
            os.pwrite(fd, page, len(times) * 4096 % MIB)
            os.fdatasync(fd)
            times.append(time.perf_counter() - begin)
    finally:
        os.close(fd)
        os.unlink(path)
    return statistics.median(times) * 1e6


def medians(runs):
    return {key: statistics.median(r[key] for r in runs)
            for key in ("per_second", "server_cpu_us", "generator_cpu_us", "p50_us", "p99_us",
                        "p999_us")}


def measure_load(load, daemon, echo, rounds, seconds):
    """Each point's rounds, adbad and echo in turns; and the disk's flush, once in each round."""
    sides = {"server": (daemon.port, daemon.process.pid, "sealed"),
             "echo": (echo.port, echo.process.pid, "canned")}
    runs = {side: {point: [] for point in POINTS} for side in sides}
    warm_up = min(0.2, seconds / 4)
    flushes = []
    for _ in range(rounds):
        flushes.append(flush_us(daemon.folder, seconds / 4))
        for point, connections in POINTS.items():
            for side, (port, pid, answers) in sides.items():
                runs[side][point].append(load("run", port, point.split("_")[0], connections,
                                              warm_up, seconds, pid, answers))
    measured = {side: {point: medians(r) for point, r in points.items()}
                for side, points in runs.items()}
    measured["flush_us"] = statistics.median(flushes)
    return measured


def idle_connections(load, daemon):
    before = memory(daemon.process.pid)
    load("hold", daemon.port, IDLE)
    after = memory(daemon.process.pid)
    load("release")
    return before, {key: after[key] - before[key] for key in after}


def fill(path, rows):
    """Gives a ledger as many activations as it lacks to have so many, by SQL alone."""
    with sqlite3.connect(path) as db:
        had = db.execute("SELECT count(*) FROM activations").fetchone()[0]
        db.execute("""
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO activations (at, channel, peer, version, application_id, activation_id, kms_id,
                client_id, previous_client_id, required_count, licence_status, minutes_left,
                is_virtual, count, workstation)
            SELECT a.at, a.channel, a.peer, a.version, a.application_id, a.activation_id, a.kms_id,
                randomblob(16), a.previous_client_id, a.required_count, a.licence_status,
                a.minutes_left, a.is_virtual, a.count, a.workstation
            FROM n CROSS JOIN (SELECT * FROM activations ORDER BY id DESC LIMIT 1) AS a""",
                   (max(rows - had, 0),))
    db.close()


def start_ms(daemon):
    """From starting the program until its port takes a connection."""
    begin = time.perf_counter()
    daemon.launch()
    while True:
        try:
            socket.create_connection(("127.0.0.1", daemon.port)).close()
            break
        except ConnectionRefusedError:
            if daemon.process.poll() is not None:
                raise RuntimeError(f"adbad ended:\n{daemon.log()}") from None
            threading.Event().wait(0.0002)  # leaves it the processor
    elapsed = (time.perf_counter() - begin) * 1000
    wait_for(lambda: "ready: " in daemon.log(), "adbad serves")
    return elapsed


def start_up(daemon, rounds):
    """The first start has to take in rows that somebody else wrote; the others are what is told."""
    fill(os.path.join(daemon.folder, "state", "ledger.db"), ROWS)
    times = []
    for _ in range(rounds + 1):
        os.unlink(daemon.log_path)
        times.append(start_ms(daemon))
        daemon.stop()
    return {"start_ms": statistics.median(times[1:]), "start_after_import_ms": times[0],
            "start_rows": ROWS}


def daemon_of(lab):
    return lab.daemon(options={"lab.enabled": None, "lab.clock": None, "log.level": "info",
                               "kms.max_connections": 2 * IDLE})


def by_cpu(server, echo):
    """The ratio that CPU times alone give with every core busy: the machine's other work touches it less."""
    return ((echo["server_cpu_us"] + echo["generator_cpu_us"]) /
            (server["server_cpu_us"] + server["generator_cpu_us"]))


def summarize(measured, facts, args):
    server, echo = measured["server"], measured["echo"]
    ratios = {p: server[p]["per_second"] / echo[p]["per_second"] for p in POINTS}
    figures = {"p99_ratio_64": server["persistent_64"]["p99_us"] / echo["persistent_64"]["p99_us"],
               "idle_anonymous_mib": facts["idle"]["anonymous"] / MIB,
               "idle_rss_mib": facts["idle"]["rss"] / MIB,
               "idle_10000_mib": facts["idle_10000"]["rss"] / MIB,
               "start_ms": facts["start_ms"]}
    met = {p: ratios[p] >= limit for p, limit in AT_LEAST.items()}
    met.update({name: figures[name] <= limit for name, limit in AT_MOST.items()})
    return {"ratios": ratios, "ratios_by_cpu": {p: by_cpu(server[p], echo[p]) for p in POINTS},
            "server": {**server, **facts}, "echo": echo, "figures": figures,
            "at_least": AT_LEAST, "at_most": AT_MOST, "met": met,
            "rounds": args.rounds, "seconds": args.seconds, "cores": os.cpu_count()}


def show(summary):
    head = f"{'':16}{'requests/s':>12}{'CPU µs':>9}{'p50 µs':>9}{'p99 µs':>9}{'p99.9 µs':>10}"
    print(f"{head}{'ratio':>8}{'by CPU':>8}  target")
    for point in POINTS:
        for side in ("server", "echo"):
            f = summary[side][point]
            last = ""
            if side == "server":
                limit = f"  ≥ {AT_LEAST[point]}" if point in AT_LEAST else "  bounded by the flush"
                last = f"{summary['ratios'][point]:8.2f}{summary['ratios_by_cpu'][point]:8.2f}{limit}"
            print(f"{point if side == 'server' else '  echo':16}{f['per_second']:12.0f}"
                  f"{f['server_cpu_us']:9.2f}{f['p50_us']:9.0f}{f['p99_us']:9.0f}"
                  f"{f['p999_us']:10.0f}{last}")
    print()
    for name, limit in AT_MOST.items():
        print(f"{name:24}{summary['figures'][name]:10.2f}  ≤ {limit}")
    for name in ("flush_us", "flushes_per_answer", "start_after_import_ms"):
        print(f"{name:24}{summary['server'][name]:10.2f}")
    missed = [name for name, met in summary["met"].items() if not met]
    print("\nEvery target is met." if not missed else f"\nMissed: {', '.join(missed)}")


def measure(lab, args):
    tools = os.path.abspath(args.tools)
    daemon = daemon_of(lab)
    lab.install_hostkey(daemon)
    daemon.stop()
    daemon.start()  # memory as after a start, not as after an import
    load = Load(os.path.join(tools, "bench_load"), lab.bundle, "--sources", "32",
                "--versions", args.versions, "--clients", str(args.clients),
                "--requests", str(args.requests))
    echo = Echo(os.path.join(tools, "bench_echo"), lab.folder, load("probe", daemon.port),
                os.cpu_count())
    try:
        facts = {}
        facts["idle"], facts["idle_10000"] = idle_connections(load, daemon)
        measured = measure_load(load, daemon, echo, args.rounds, args.seconds)
        load.close()
    finally:
        echo.close()
        load.process.kill()
    facts["flush_us"] = measured["flush_us"]
    facts["flushes_per_answer"] = measured["server"]["persistent_1"]["p50_us"] / facts["flush_us"]
    facts["loaded"] = memory(daemon.process.pid)
    daemon.stop()
    facts.update(start_up(daemon, args.rounds))
    return summarize(measured, facts, args)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of adbad")
    parser.add_argument("--tools", required=True, help="folder of bench_load and bench_echo")
    parser.add_argument("--out", required=True, help="summary to write")
    parser.add_argument("--folder", required=True, help="scratch, on the disk to be measured")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1, help="window of one point in one round")
    parser.add_argument("--versions", default="456", help="protocol generations that ask")
    parser.add_argument("--requests", type=int, default=65536, help="distinct requests")
    parser.add_argument("--clients", type=int, default=0,
                        help="distinct CMIDs (0: one for each request)")
    args = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    shutil.rmtree(args.folder, ignore_errors=True)
    os.makedirs(args.folder, mode=0o700)
    with Lab(bin_dir=args.bin, folder=args.folder) as lab:
        summary = measure(lab, args)
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(summary, f, indent=2)
        f.write("\n")
    show(summary)
    return 0 if all(summary["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
