"""Where adbad's time goes under one load of ./dev bench host, or a gateway's under one of ./dev bench relay: samples
of its call stacks (perf), sorted into what they do. Needs a build with debug information for names inside adbad."""
import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import host  # noqa: E402
import relay  # noqa: E402
from lab import Lab  # noqa: E402
from load import Load  # noqa: E402

# The first row that matches one of a sample's functions, or its library, takes the sample.
KINDS = [
    ("disk: write, flush", r"pwrite|fdatasync|fsync"),
    ("log, text", r"\blog_|loglimit_|address_format|printf"),
    ("TCP", r"tcp_|inet_|__sys_accept|sock_|net_rx_action|__x64_sys_(socket|shutdown|accept4)"),
    ("epoll", r"epoll|ep_poll"),
    ("wake, wait", r"futex|eventfd|pthread_cond|pthread_mutex|uv_async|uv__async"),
    ("SQLite", r"libsqlite3|\bstore_"),
    ("open, seal", r"libcrypto|\bkms_(open|seal|host_open|host_seal|protector|request|response)"),
    ("count", r"\bkms_(count|host_touch)"),
    ("RPC", r"\brpc_|\bkms_stub"),
    ("relay", r"\b(relaying_call|relay_forward|relay_target_format|add_row|answered|finish|pool_put|pool_take)\b"),
    ("sockets, libuv", r"\bnet_|libuv|\bconn_|\bon_read|_write|_read"),
    ("hand-over", r"\bledger_|\bactivation_|\bworker_|\bdescribe|\brecord"),
]


def samples(data):
    """(functions, libraries) of each sample, leaf first."""
    out = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso"], check=True, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    for block in out.split("\n\n"):
        frames = re.findall(r"^\s*[0-9a-f]+ (.*?) \((.*?)\)$", block, re.MULTILINE)
        if frames:
            yield frames


def kind_of(frames):
    text = "\n".join(f"{symbol} {os.path.basename(dso)}" for symbol, dso in frames)
    for name, pattern in KINDS:
        if re.search(pattern, text):
            return name
    return "other"


def show(data, cpu_us, most):
    kinds, leaves = Counter(), Counter()
    for frames in samples(data):
        kinds[kind_of(frames)] += 1
        leaves[f"{frames[0][0].split('+')[0]} ({os.path.basename(frames[0][1])})"] += 1
    whole = sum(kinds.values())
    print(f"\n{'where':24}{'share':>8}{'µs':>8}   of {cpu_us:.1f} µs of CPU a request, {whole} samples")
    for name, n in kinds.most_common():
        print(f"{name:24}{100 * n / whole:7.1f}%{cpu_us * n / whole:8.2f}")
    print(f"\n{'function':64}{'share':>8}")
    for name, n in leaves.most_common(most):
        print(f"{name[:63]:64}{100 * n / whole:7.1f}%")


@contextlib.contextmanager
def one_host(args):
    """The daemon that is looked at, and the bundle of those who ask it."""
    with Lab(bin_dir=args.bin, folder=args.folder) as lab:
        daemon = host.daemon_of(lab)
        lab.install_hostkey(daemon)
        yield daemon, lab.bundle


@contextlib.contextmanager
def gateway(args):
    with relay.two_realms(args.bin, args.folder) as (_, other, daemon):
        yield daemon, other.bundle


POINTS = {**{name: (one_host, name.split("_")[0], n) for name, n in host.POINTS.items()},
          **{f"relayed_{n}": (gateway, "persistent", n) for n in relay.POINTS.values()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of adbad")
    parser.add_argument("--tools", required=True, help="folder of bench_load")
    parser.add_argument("--folder", required=True, help="scratch, on the disk to be measured")
    parser.add_argument("--point", default="persistent_256", choices=POINTS)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--functions", type=int, default=25, help="how many to show")
    args = parser.parse_args()
    subject, mode, connections = POINTS[args.point]
    shutil.rmtree(args.folder, ignore_errors=True)
    os.makedirs(args.folder, mode=0o700)
    data = args.folder.rstrip("/") + ".perf"  # stays, for perf report
    with subject(args) as (daemon, bundle):
        load = Load(os.path.join(args.tools, "bench_load"), bundle, "--sources", "32")
        words = ("run", daemon.port, mode, connections, 0.2, args.seconds, daemon.process.pid, "sealed")
        plain = load(*words)
        perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "1499",
                                 "--call-graph", "dwarf,4096", "-o", data, "-p",
                                 str(daemon.process.pid)], stderr=subprocess.DEVNULL)
        load(*words)
        perf.terminate()
        perf.wait()
        load.close()
        print(f"{args.point}: {plain['per_second']:.0f} requests/s, {plain['p50_us']:.0f} µs median")
        show(data, plain["server_cpu_us"], args.functions)


if __name__ == "__main__":
    main()
