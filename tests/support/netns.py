"""Small networks of Linux namespaces on one machine: a client and servers on a bridge of their own.

Nothing of it is visible outside and nothing survives: a node is a process that holds its namespaces
and waits for the end of its input, so when the process that made it ends, however that happens,
the node ends too, and with it (it is process 1 there) everything that ran in it, its mounts and its
interfaces. What can stay behind after a crash is the scratch folder; cleanup_stale removes it.

Needs root. Only the standard library and Debian's util-linux and iproute2 are used.
"""
import atexit
import concurrent.futures
import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import weakref

from lab import CommandFailed, wait_for

PREFIX = "adbad-net-"
CLONE_NEWNET = 0x40000000

# Arguments: host name, folder that becomes /etc, then pairs SOURCE TARGET ("-" for an empty tmpfs).
HOLDER = """
set -e
hostname "$1"; mount --bind "$2" /etc; shift 2
mount -t tmpfs -o mode=755 adbad /run
while [ $# -gt 0 ]; do
    if [ "$1" = - ]; then mount -t tmpfs -o mode=755 adbad "$2"; else mount --bind "$1" "$2"; fi
    shift 2
done
ip link set lo up
exec /usr/bin/python3 -ISc "$holder"
"""

# Being process 1 in its node it must take in what others leave behind: ignoring the signal does.
HOLDER_REST = """
import signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.read()
"""


def start_time(pid):
    """When a process started, in clock ticks since boot; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return int(f.read().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError):
        return None


def processes_in(kind, namespace):
    """Process ids whose namespace of that kind ("net", "pid") is the given one ("net:[4026…]")."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.readlink(f"/proc/{name}/ns/{kind}") == namespace:
                    found.append(int(name))
            except OSError:
                pass
    return found


def processes_of(folder):
    """Process ids that see a part of this scratch folder mounted as their /etc. (Namespace numbers
    would not do to recognise what is left of a dead owner: the kernel uses them again.)"""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/mountinfo", encoding="utf-8", errors="replace") as f:
                    if any(f"{folder}/" in line and " /etc " in line for line in f):
                        found.append(int(name))
            except OSError:
                pass
    return found


def kill_all(find):
    """SIGKILL to every process that find() names, until there is none."""

    def none_left():
        pids = find()
        send(pids, signal.SIGKILL)
        return not pids

    wait_for(none_left, "the processes of a node end")


def send(pids, sig):
    """Sends a signal to those of the processes that are still there."""
    for pid in pids:
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass


def environment():
    """The caller's environment without what would lead Samba's tools to another configuration."""
    return {k: v for k, v in os.environ.items() if k != "SMB_CONF_PATH"}


def copy_etc(target):
    """A copy of /etc; once more if others changed accounts meanwhile: lock files come and go."""
    for last in (False, False, True):
        done = subprocess.run(["cp", "-a", "/etc", target], capture_output=not last, check=last)
        if done.returncode == 0:
            return
        shutil.rmtree(target)


class Node:
    """One machine: its own network, mounts, host name and /etc; with pids also its own process ids.

    In a node without pids, processes keep their ids (send signals as usual)."""

    def __init__(self, network, name, address, binds=(), pids=True):
        self.network = network
        self.name = name
        self.address = address
        self.pids = pids
        self.folder = os.path.join(network.folder, name)
        self.etc = os.path.join(self.folder, "etc")
        os.makedirs(self.folder, exist_ok=True)
        copy_etc(self.etc)
        self.write_etc("hostname", f"{name}\n")
        self._hold(binds)

    def _hold(self, binds):
        fork = ["--pid", "--fork", "--kill-child", "--mount-proc"] if self.pids else []
        flat = [part for pair in binds for part in pair]
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "--ipc", *fork,
             "sh", "-c", HOLDER, "holder", self.name, self.etc, *flat],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "holder": HOLDER_REST})
        if self.holder.stdout.readline() != "ready\n":
            self.holder.wait()
            raise CommandFailed(f"node {self.name}: its namespaces could not be made (root needed)")
        ns = f"/proc/{self.holder.pid}/ns"
        self.net_ns = os.readlink(f"{ns}/net")
        self.pid_ns = os.readlink(f"{ns}/pid_for_children") if self.pids else None

    def write_etc(self, path, text):
        """Replaces a file of this node's own /etc."""
        full = os.path.join(self.etc, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if os.path.lexists(full):
            os.unlink(full)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)

    def enter(self, cwd=None, pids=True):
        """The words to put before a command so that it runs in this node."""
        ns = f"/proc/{self.holder.pid}/ns"
        pid = [f"--pid={ns}/pid_for_children"] if self.pids and pids else []
        return ["nsenter", f"--net={ns}/net", f"--mount={ns}/mnt", f"--uts={ns}/uts",
                f"--ipc={ns}/ipc", *pid, "--", "env", "-C", cwd or os.getcwd()]

    def popen(self, argv, cwd=None, **kw):
        """subprocess.Popen in this node."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("env", environment())
        return subprocess.Popen([*self.enter(cwd), *map(str, argv)], **kw)

    def run(self, *argv, expect=0, stdin=None, env=None, cwd=None, timeout=120):
        """Runs a command here and returns what subprocess.run does (text). expect: the exit code
        wanted, None for any."""
        full = [*self.enter(cwd), "timeout", "-k", "5", str(timeout), *map(str, argv)]
        done = subprocess.run(full, capture_output=True, text=True, input=stdin, check=False,
                              env={**environment(), **(env or {})},
                              stdin=subprocess.DEVNULL if stdin is None else None)
        if expect is not None and done.returncode != expect:
            raise CommandFailed(f"{self.name}$ {' '.join(map(str, argv))}\n[exit {done.returncode}]\n"
                                f"{done.stdout}{done.stderr}")
        return done

    def inside(self, function):
        """What function returns, called in a thread whose new sockets are in this node's network."""
        libc = ctypes.CDLL(None, use_errno=True)

        def call():
            with open(f"/proc/{self.holder.pid}/ns/net", "rb") as ns:
                if libc.setns(ns.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"the network of {self.name} cannot be entered")
            return function()

        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            return thread.submit(call).result()

    def processes(self):
        """Ids (as seen from outside) of what runs here, without the node's own process."""
        if not self.pids:
            return [p for p in processes_in("net", self.net_ns) if p != self.holder.pid]
        return [p for p in processes_in("pid", self.pid_ns) if not self._is_init(p)]

    @staticmethod
    def _is_init(pid):
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as f:
                inner = next((line for line in f if line.startswith("NSpid:")), "")
        except OSError:
            return False
        return inner.split()[-1:] == ["1"]

    def signal(self, sig):
        """Sends a signal to everything that runs here, also to what is started meanwhile."""
        done = set()
        while new := set(self.processes()) - done:
            send(new, sig)
            done |= new
        if self.pids and sig != signal.SIGSTOP:
            # nsenter waits outside for what it started, and stops itself when that is stopped.
            send(set(processes_in("net", self.net_ns)) - done, signal.SIGCONT)

    def close(self):
        if self.holder.poll() is None:
            self.signal(signal.SIGKILL)
            self.holder.stdin.close()
            self.holder.wait(timeout=30)
            kill_all(lambda: processes_in("net", self.net_ns))
        self.holder.stdout.close()


class Network:
    """Nodes on one bridge, which is the interface "lan" of the first node. Use it with "with"."""

    _live = weakref.WeakSet()

    def __init__(self, label):
        cleanup_stale()
        self.folder = tempfile.mkdtemp(prefix=f"{PREFIX}{label}-")
        os.chmod(self.folder, 0o755)
        self.nodes = {}
        self.first = None
        self._record_owner()
        Network._live.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def _record_owner(self):
        """Leaves for cleanup_stale who made this."""
        owner = {"pid": os.getpid(), "start": start_time(os.getpid())}
        with open(os.path.join(self.folder, "owner.json"), "w", encoding="utf-8") as f:
            json.dump(owner, f)

    def node(self, name, address, **kw):
        """Adds a machine with an IPv4 address in the network's /24."""
        node = Node(self, name, address, **kw)
        self.nodes[name] = node
        if self.first is None:
            self.first = node
            self._ip(node, "link", "add", "lan", "type", "bridge")
        else:
            pid = node.holder.pid
            self._ip(self.first, "link", "add", f"to-{name}", "type", "veth",
                     "peer", "name", "lan", "netns", str(pid))
            self._ip(self.first, "link", "set", f"to-{name}", "master", "lan", "up")
        self._ip(node, "addr", "add", f"{address}/24", "dev", "lan")
        self._ip(node, "link", "set", "lan", "up")
        return node

    @staticmethod
    def _ip(node, *argv):
        """ip in the node's network, with process ids as seen from outside."""
        subprocess.run(["nsenter", f"--net=/proc/{node.holder.pid}/ns/net", "ip", *argv],
                       check=True, stdin=subprocess.DEVNULL)

    def close(self):
        """Ends every node and removes the scratch folder. Can be called again."""
        for node in reversed(list(self.nodes.values())):
            node.close()
        self.nodes.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        Network._live.discard(self)


@atexit.register
def _close_all():
    for network in list(Network._live):
        network.close()


def cleanup_stale(folder=None):
    """Removes what owners left that ended without closing; returns the folders removed."""
    base = folder or tempfile.gettempdir()
    removed = []
    for name in os.listdir(base):
        path = os.path.join(base, name)
        if not name.startswith(PREFIX) or not os.path.isdir(path):
            continue
        try:
            with open(os.path.join(path, "owner.json"), encoding="utf-8") as f:
                owner = json.load(f)
        except (OSError, ValueError):
            continue  # being made at this moment, or not ours
        if start_time(owner["pid"]) == owner["start"]:
            continue
        kill_all(lambda: processes_of(path))
        shutil.rmtree(path, ignore_errors=True)
        removed.append(path)
    return removed
