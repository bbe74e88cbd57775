"""What the system tells of a running process: who its children are, what it has open, and every byte that it
has in memory; and what secret files hold, to look for it. To look into the steward's processes, which let nobody, one must be root."""
import contextlib
import os
import re
import resource
import signal
import subprocess

from lab import wait_for

NOT_MEMORY = ("[vvar", "[vsyscall]", "[vdso]")


def stat(pid):
    """(name, state, parent), or None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            name, rest = re.match(r"\d+ \((.*)\) (.*)", f.read(), re.S).groups()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = rest.split()
    return name, fields[0], int(fields[1])


def children(pid):
    """{pid: (name, state)}, zombies too."""
    found = {}
    for entry in os.listdir("/proc"):
        seen = stat(entry) if entry.isdigit() else None
        if seen is not None and seen[2] == pid:
            found[int(entry)] = seen[:2]
    return found


def child(pid, name):
    """The pid of the living child of that name, or None."""
    return next((p for p, (n, state) in children(pid).items() if n == name and state not in "ZX"), None)


def is_alive(pid):
    seen = stat(pid)
    return seen is not None and seen[1] not in "ZX"


def descriptors(pid):
    """What every thread of the process has open: a list of targets."""
    targets = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError):
            for fd in os.listdir(f"/proc/{pid}/task/{task}/fd"):
                with contextlib.suppress(FileNotFoundError):
                    targets.append(os.readlink(f"/proc/{pid}/task/{task}/fd/{fd}"))
    return targets


@contextlib.contextmanager
def without_more_descriptors(pid):
    """The process can open nothing more meanwhile, not even where it closes something."""
    assert {"0", "1", "2"} <= set(os.listdir(f"/proc/{pid}/fd"))
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def stands_still(pid):
    """Whether every thread of it was stopped, or is gone."""
    states = []
    with contextlib.suppress(FileNotFoundError):
        for task in os.listdir(f"/proc/{pid}/task"):
            seen = stat(f"{pid}/task/{task}")
            states.append(seen[1] if seen else "X")
    return all(state in "TtZX" for state in states)


def stop(pid):
    """SIGSTOP; returns when it has come to every thread: until then one may go on and answer."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: stands_still(pid), f"process {pid} stands still")


@contextlib.contextmanager
def stopped(pid):
    """The process stands still meanwhile."""
    stop(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def mapped(pid):
    """Paths of mapped files."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        return {line.split(maxsplit=5)[5].strip() for line in f if len(line.split()) > 5}


def scan(pid, needles):
    """The names of those needles ({name: bytes}) that are anywhere in the memory of the process."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in maps.readlines():
            where, mode, *rest = line.split(maxsplit=5)
            if "r" not in mode or any(name in line for name in NOT_MEMORY):
                continue
            start, end = (int(x, 16) for x in where.split("-"))
            try:
                mem.seek(start)
                data = mem.read(end - start)
            except OSError:  # a region that has gone meanwhile
                continue
            found |= {name for name, needle in needles.items() if needle in data}
    return found


def private_scalar(path):
    """The secret number of an EC key file (P-256), as 32 bytes."""
    der = subprocess.run(["openssl", "ec", "-in", path, "-outform", "DER"], capture_output=True, check=True).stdout
    at = der.index(b"\x02\x01\x01\x04\x20")  # ECPrivateKey: version 1, then the number (RFC 5915)
    return der[at + 5:at + 37]


def keytab_keys(path):
    """The key of each entry (MIT's keytab format, version 5.2)."""
    with open(path, "rb") as f:
        data = f.read()
    at, keys = 2, {}

    def field(pos):
        n = int.from_bytes(data[pos:pos + 2], "big")
        return data[pos + 2:pos + 2 + n], pos + 2 + n

    while at < len(data):
        size, pos = int.from_bytes(data[at:at + 4], "big"), at + 4
        parts, p = int.from_bytes(data[pos:pos + 2], "big"), pos + 2
        for _ in range(parts + 1):
            _, p = field(p)
        key, _ = field(p + 4 + 4 + 1 + 2)  # name type, time, version, kind of key
        keys[f"key {len(keys)}"] = key
        at = pos + size
    return keys
