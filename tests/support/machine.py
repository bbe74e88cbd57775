"""A Debian machine of its own for tests: systemd is its process 1, in namespaces, on a copy of a fresh
Debian 12 that is made once and kept in build/.

    with Machine() as machine:
        machine.run("systemctl", "is-system-running")

Needs root. Nothing of it survives its end: its files are an overlay in a scratch folder.
"""
import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile

from lab import CommandFailed, Result, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("ADBAD_DEBIAN_CACHE", os.path.join(HERE, "..", "..", "build", "debian-cache"))
MIRROR = os.environ.get("ADBAD_DEBIAN_MIRROR", "http://deb.debian.org/debian")
PACKAGES = ("systemd", "systemd-sysv", "logrotate", "iproute2")
DEADLINE = 60

# Arguments: group of processes, then what BOOT takes. In a mount namespace of its own.
OUTER = """
set -e
mount --make-rprivate /
mount -t cgroup2 none /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$1"
echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"
shift
exec "$@"
"""

# Arguments: the fresh Debian, scratch folder (upper, work, root).
BOOT = """
set -e
mount --make-rprivate /
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" adbad "$2/root"
cd "$2/root"
mount -t proc proc proc
mount -t tmpfs -o mode=755 adbad sys
mkdir -p sys/fs/cgroup
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=755 adbad run
mount -t tmpfs -o mode=1777 adbad tmp
mount -t tmpfs -o mode=755 adbad dev
for name in null zero full random urandom tty; do : >dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 adbad dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ip link set lo up
pivot_root . mnt
umount -l mnt
mount --make-rshared /
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=multi-user.target \\
    --log-target=journal --show-status=no
"""


def fresh_debian(packages):
    """The folder with a Debian 12 of the smallest kind and those packages; made if it is not there."""
    wanted = sorted({*PACKAGES, *packages})
    name = hashlib.sha256("\n".join([MIRROR, *wanted]).encode()).hexdigest()[:16]
    folder = os.path.abspath(os.path.join(CACHE, name))
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            part = folder + ".part"
            shutil.rmtree(part, ignore_errors=True)
            done = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(wanted)}",
                                   "--aptopt=Acquire::Retries 3", "bookworm", part, MIRROR],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise CommandFailed(f"mmdebstrap:\n{done.stderr}")
            os.rename(part, folder)
    return folder


class Machine:
    """One machine; net: the words that run a command in the network it shall have (default: its own,
    with nothing but a loopback)."""

    def __init__(self, packages=(), net=(), name="machine"):
        base = fresh_debian(packages)
        self.folder = tempfile.mkdtemp(prefix="adbad-machine-")
        for part in ("upper", "work", "root"):
            os.mkdir(os.path.join(self.folder, part))
        os.chmod(os.path.join(self.folder, "upper"), 0o755)
        os.mkdir(os.path.join(self.folder, "upper", "etc"), 0o755)
        for path, text in (("hostname", f"{name}\n"), ("hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n")):
            with open(os.path.join(self.folder, "upper", "etc", path), "w", encoding="ascii") as f:
                f.write(text)
        self.group = os.path.basename(self.folder)
        self.console = os.path.join(self.folder, "console")
        own_net = [] if net else ["--net"]
        try:
            with open(self.console, "w", encoding="utf-8") as console:
                self.holder = subprocess.Popen(
                    [*net, "unshare", "--mount", "sh", "-c", OUTER, "outer", self.group,
                     "unshare", "--fork", "--kill-child", "--pid", "--mount", "--cgroup", "--ipc", "--uts", *own_net,
                     "sh", "-c", BOOT, "boot", base, self.folder],
                    stdin=subprocess.DEVNULL, stdout=console, stderr=console)
            self.init = wait_for(self._find_init, "the machine's first process", DEADLINE)
            wait_for(self._is_up, "the machine is up", DEADLINE)
        except BaseException:
            self.close()
            raise

    def said(self):
        with open(self.console, encoding="utf-8", errors="replace") as f:
            return f.read()

    def _children(self, pid):
        with contextlib.suppress(FileNotFoundError):
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                return [int(n) for n in f.read().split()]
        return []

    def _find_init(self):
        if self.holder.poll() is not None:
            raise CommandFailed(f"the machine did not start:\n{self.said()}")
        for pid in self._children(self.holder.pid):
            with contextlib.suppress(FileNotFoundError):
                with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                    if f.read() == "systemd\n":
                        return pid
        return None

    def _is_up(self):
        if self.holder.poll() is not None:
            raise CommandFailed(f"the machine ended:\n{self.said()}")
        state = self.run("systemctl", "is-system-running", expect=None).out.strip()
        return state in ("running", "degraded")

    def run(self, *argv, expect=0, stdin=None, timeout=120):
        """Runs a command as root in /root."""
        full = ["nsenter", f"--target={self.init}", "--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup", "--",
                "env", "-i", "-C", "/root", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *map(str, argv)]
        done = subprocess.run(full, capture_output=True, text=True, input=stdin, check=False, timeout=timeout,
                              stdin=subprocess.DEVNULL if stdin is None else None)
        result = Result(list(map(str, argv)), done)
        if expect is not None and result.code != expect:
            raise CommandFailed(repr(result))
        return result

    def shell(self, script, bash=False, **kw):
        """Runs lines of a document as they stand there."""
        return self.run("bash" if bash else "sh", "-euc", script, **kw)

    def put(self, source, target, mode=0o644):
        """Copies a file of this machine there."""
        with open(source, "rb") as f:
            data = f.read()
        subprocess.run(["nsenter", f"--target={self.init}", "--mount", "--", "sh", "-c",
                        'umask 077; cat >"$1" && chmod "$2" "$1"', "put", target, f"{mode:o}"], input=data, check=True)

    def text(self, path):
        return self.run("cat", path).out

    def exists(self, path):
        return self.run("test", "-e", path, expect=None).code == 0

    def journal(self, *match):
        return self.run("journalctl", "--no-pager", "-o", "cat", *match).out

    def close(self):
        holder = getattr(self, "holder", None)
        if holder is not None and holder.poll() is None:
            holder.send_signal(signal.SIGKILL)  # and with it process 1 and all others
            holder.wait()
        # The group is empty as soon as the kernel has ended them all.
        script = ('mount -t cgroup2 none /sys/fs/cgroup && cd /sys/fs/cgroup && [ ! -d "$1" ] || '
                  'find "$1" -depth -type d -exec rmdir {} +')
        wait_for(lambda: subprocess.run(["unshare", "--mount", "sh", "-c", script, "close", self.group],
                                        capture_output=True, check=False).returncode == 0, "the machine ends")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
