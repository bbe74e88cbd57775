"""What a program opens on a machine, held against its AppArmor profile, where no kernel enforces one: strace sees
the paths, AppArmor's own parser resolves what the profile includes.

    with opened(machine, "/usr/sbin/adbad") as seen:
        …
    refused = [what for what in seen if not Profile(path).allows(*what)]
"""
import contextlib
import glob
import os
import re
import signal
import subprocess
import tempfile

from lab import wait_for

CALLS = "trace=%file,%process,connect,bind,sendto,sendmsg,fcntl,flock,mmap"


# -- the profile --

def alternatives(text):
    """The regular expression of an AppArmor path (apparmor.d(5), globbing)."""
    words = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}
    depth, out = 0, []
    for part in re.findall(r"\*\*|\[[^]]*\]|\\.|.", text):
        depth += (part == "{") - (part == "}")
        if part in words:
            out.append(words[part])
        elif part == "," and depth > 0:
            out.append("|")
        else:
            out.append(part if part[0] in "[\\" else re.escape(part))
    return re.compile("".join(out))


class Profile:
    """The file rules of a profile without variables but those that its includes define."""

    def __init__(self, path):
        text = subprocess.run(["apparmor_parser", "--preprocess", path], capture_output=True, text=True, check=True).stdout
        self.variables = dict(re.findall(r"^(@\{\w+\}) *= *(.+?) *$", text, re.M))
        found = re.findall(r"^\s*(?:owner\s+)?([/@]\S*)\s+([a-zA-Z]+),", text, re.M)
        self.rules = [(alternatives(self.expand(path)), perms) for path, perms in found]
        assert len(self.rules) > 50, text

    def expand(self, path):
        def values(match):
            each = [value.strip('"') for value in self.variables[match[1]].split()]
            return "{" + ",".join(value.rstrip("/") if match[2] else value for value in each) + "}" + match[2]

        while "@{" in path:
            path = re.sub(r"(@\{\w+\})(/?)", values, path)
        return path

    def allows(self, path, perms):
        return all(any(perm in given and rule.fullmatch(path) for rule, given in self.rules) for perm in perms)


# -- what is opened --

def open_perms(flags):
    words = set(flags.split("|"))
    if "O_PATH" in words:
        return ""
    writes = words & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"}
    return ("" if "O_WRONLY" in words else "r") + ("w" if writes else "")


def named(folder, name):
    return os.path.normpath(os.path.join(folder, name))


def touched(line):
    """What one line of strace -y asks of AppArmor: (path, permissions), …"""
    call, rest = re.match(r"(\w+)\((.*)", line, re.S).groups()
    if re.search(r" = -1 E\w+ \(.*\)$", line) or "</memfd:" in line:  # where nothing can be mounted nothing is mediated
        return []
    if call in ("open", "openat", "openat2", "creat"):
        path, = re.findall(r" = \d+<(.*)>$", line)
        return [(path, open_perms(re.search(r'", (?:\{flags=)?([A-Z_|0-9]+)', rest)[1]))]
    if call == "mmap":
        return [(path, "m") for path in re.findall(r"PROT_EXEC, .*, \d+<(/.*?)>, ", rest)]
    if call in ("fcntl", "flock"):
        return [(path, "k") for path in re.findall(r"^\d+<(/.*?)>, (?:F_(?:OFD_)?SETLKW?|LOCK_)", rest)]
    if call in ("connect", "bind", "sendto", "sendmsg"):
        return [(path, "w") for path in re.findall(r'sun_path="(/.*?)"', rest)]
    if call.startswith(("mkdir", "rmdir")):
        return [(path + "/", perm) for path, perm in paths_of(rest)]
    if re.match("unlink|rename|symlink|mknod|truncate|chmod|fchmodat|chown|lchown|fchownat|utime", call):
        return paths_of(rest)
    if call.startswith("link"):
        return [(path, "l") for path, _ in paths_of(rest)[1:]]
    return []


def paths_of(rest):
    return [(named(folder or "/", name), "w") for folder, name in re.findall(r'(?:<(/[^>]*)>, )?"((?:[^"\\]|\\.)*)"', rest)]


def read(folder, programs):
    """All that the programs and their children asked for."""
    lines = {}
    for path in glob.glob(os.path.join(folder, "trace.*")):
        with open(path, encoding="utf-8", errors="replace") as f:
            lines[int(path.rsplit(".", 1)[1])] = [line.rstrip("\n") for line in f]
    seen, todo = set(), []
    for pid, said in lines.items():
        for i, line in enumerate(said):
            if any(line.startswith(f'execve("{program}"') and line.endswith(" = 0") for program in programs):
                todo.append((pid, i + 1))
    for pid, begin in todo:  # grows
        for line in lines.get(pid, [])[begin:]:
            child = re.search(r"^(?:clone3?|v?fork)\(.* = \d+(?: /\* (\d+) in strace's PID NS \*/)?$", line)
            if child:
                todo.append((int(child[1]), 0))
            elif re.match(r"\w+\(", line):
                seen.update((path.removesuffix(" (deleted)"), perm) for path, perms in touched(line) for perm in perms)
            if line.startswith("execve(") and line.endswith(" = 0"):
                seen.add((re.match(r'execve\("(.*?)"', line)[1], "x"))
    return seen


@contextlib.contextmanager
def opened(machine, *programs):
    """A set that holds, afterwards, each (path, permission) that those programs asked for: those that systemd started there
    meanwhile, and their children. A folder's path ends with a slash, as AppArmor has it."""
    seen = set()
    with tempfile.TemporaryDirectory(prefix="adbad-trace-") as folder:
        with subprocess.Popen(["strace", "-ff", "-y", "-qq", "--decode-pids=pidns", "-e", CALLS, "-e", "signal=none",
                               "-o", os.path.join(folder, "trace"), "-p", str(machine.init)],
                              stderr=subprocess.PIPE, text=True) as tracer:
            try:
                wait_for(lambda: glob.glob(os.path.join(folder, "trace.*")), "strace watches")
                yield seen
            finally:
                tracer.send_signal(signal.SIGINT)
                tracer.communicate()
        for path, perm in read(folder, programs):
            is_folder = os.path.isdir(f"/proc/{machine.init}/root{path}") and not path.endswith("/")
            seen.add((path + "/" if is_folder else path, perm))
