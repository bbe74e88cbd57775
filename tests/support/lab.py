"""A lab for tests and the demo: folders, a realm, the lab directory, daemons, simulated machines.

Everything runs in one temporary folder on loopback addresses; what was started is stopped by its
own process id. Only the standard library is used.
"""
import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

# The build tree that is tested: its programs, and the tests' own tools.
BUILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "dev")
BIN = os.path.abspath(os.environ.get("ADBAD_BIN", os.path.join(BUILD, "bin")))
TOOLS = os.path.abspath(os.environ.get("ADBAD_TOOLS", os.path.join(BUILD, "tests")))
DEADLINE = float(os.environ.get("ADBAD_TEST_DEADLINE", "30"))
# Of a lab directory's activation objects.
CONTAINER = "CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,DC=lab,DC=example"


class CommandFailed(Exception):
    """A command ended with an exit code that its caller did not expect."""


# A process begins with the peak of the one that started it (getrusage(2) counts over exec), and pytest is large:
# a small one in between.
MEASURE = """import os, resource, sys
code = os.spawnv(os.P_WAIT, sys.argv[2], sys.argv[2:])
with open(sys.argv[1], "w") as f:
    f.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


@contextlib.contextmanager
def measured(argv, folder):
    """Yields the lines of what the program says, and a list that has its peak of resident KiB afterwards."""
    path, peak = os.path.join(folder, "peak"), []
    with subprocess.Popen([sys.executable, "-S", "-E", "-c", MEASURE, path, *argv], stdout=subprocess.PIPE,
                          text=True) as process:
        yield process.stdout, peak
    assert process.returncode == 0
    with open(path, encoding="ascii") as f:
        peak.append(int(f.read()))


def wait_for(condition, what, deadline=DEADLINE):
    """Calls condition until it is true or the deadline has passed; returns its value."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {deadline:.0f} s")
        time.sleep(0.02)


class Ports:
    """Hands out ports below the range from which the kernel takes those of outgoing connections.

    Each process has a slice of its own for as long as it lives: a port that was handed out is still nobody's when
    its daemon binds it, whoever else runs tests on this machine.
    """

    FIRST, SLICE, SLICES = 20000, 100, 120

    def __init__(self):
        self.start = self.lock = None
        self.next = 0

    def take_slice(self):
        for turn in range(self.SLICES):
            number = (os.getpid() + turn) % self.SLICES
            path = os.path.join(tempfile.gettempdir(), f"adbad-ports-{os.getuid()}-{number}")
            lock = open(path, "w", encoding="ascii")  # pylint: disable=consider-using-with
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            self.lock, self.start = lock, self.FIRST + number * self.SLICE
            return
        raise RuntimeError("every slice of ports is taken")

    def free(self, host="127.0.0.1"):
        """A TCP port nobody listens on at the moment."""
        if self.start is None:
            self.take_slice()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for _ in range(self.SLICE):
            port = self.start + self.next % self.SLICE
            self.next += 1
            with socket.socket(family, socket.SOCK_STREAM) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind((host, port))
                    return port
                except OSError:
                    continue
        raise RuntimeError("no free port")


free_port = Ports().free


class Result:
    """What a command said: code, out, err."""

    def __init__(self, argv, done):
        self.argv = argv
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"$ {' '.join(self.argv)}\n[exit {self.code}]\n{self.out}{self.err}"


class Daemon:
    """One adbad. Its log goes to a file that can be searched."""

    def __init__(self, lab, name="kms", options=None, wait=True, prefix=(), env=None):
        self.lab = lab
        self.name = name
        self.port = free_port()
        self.folder = os.path.join(lab.folder, name)
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.conf = os.path.join(self.folder, "adbad.conf")
        self.log_path = os.path.join(self.folder, "log")
        self.control = os.path.join(self.folder, "control.sock")
        self.process = None
        self.options = options or {}
        self.prefix = list(prefix)
        self.env = env
        self.write_conf()
        if wait:
            self.start()

    def write_conf(self):
        """The configuration file from the lab's facts; self.options overrides single keys."""
        values = {
            "realm": {"dir": self.lab.realm},
            "store": {"state_dir": os.path.join(self.folder, "state")},
            "kms": {"listen": f"127.0.0.1:{self.port}"},
            "directory": self.lab.directory_settings(),
            "web": {"listen": "none"},
            "control": {"socket": self.control},
            "lab": {"enabled": "yes", "clock": self.lab.clock},
            "log": {"level": "debug"},
        }
        for key, value in self.options.items():
            section, name = key.split(".", 1)
            values.setdefault(section, {})[name] = value
        with open(self.conf, "w", encoding="utf-8") as f:
            for section, keys in values.items():
                kept = {k: v for k, v in keys.items() if v is not None}
                if kept:
                    f.write(f"[{section}]\n")
                    f.writelines(f"{k} = {v}\n" for k, v in kept.items())
        os.makedirs(os.path.join(self.folder, "state"), mode=0o700, exist_ok=True)

    def launch(self):
        """Starts the process without waiting for it."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.lab.prefix + self.prefix + [self.lab.program("adbad"), "--config", self.conf],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(self.env or {})})
        return self

    def start(self):
        """Starts the process and waits until it serves."""
        begin = len(self.log())
        self.launch()

        def ready():
            if self.process.poll() is not None:
                raise CommandFailed(f"adbad ended with {self.process.returncode}:\n{self.log()[begin:]}")
            return "ready: " in self.log()[begin:]

        wait_for(ready, f"{self.name} serves")
        return self

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, deadline=DEADLINE):
        """Waits until a line matches the regular expression; returns the match."""
        return wait_for(lambda: re.search(pattern, self.log()), f"log line /{pattern}/ of {self.name}",
                        deadline)

    def stop(self, sig=signal.SIGTERM):
        """Ends the process and returns its exit code (negative: the signal)."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        code = self.process.wait(timeout=DEADLINE)
        self.process = None
        return code

    def kill(self):
        return self.stop(signal.SIGKILL)

    def connect(self):
        """To its control socket."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(DEADLINE)
        s.connect(self.control)
        return s

    def ask(self, cmd, **args):
        """One command of the control socket, whatever the configuration says by now; its answer."""
        with self.connect() as s, s.makefile("rw") as f:
            f.write(json.dumps({"cmd": cmd, **args}) + "\n")
            f.flush()
            return json.loads(f.readline())

    def ctl(self, *argv, **kw):
        """adbactl with this daemon's configuration."""
        return self.lab.run("adbactl", "--config", self.conf, *argv, **kw)

    def status(self):
        return self.ctl("kms", "status", "--json").json

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


class Lab:
    """A temporary folder with a realm and a lab clock; directory and daemons on request."""

    def __init__(self, bin_dir=None, realm="LAB", folder=None, prefix=(), directory=None):
        """prefix: words before every command, to run it in a namespace; directory: a settings
        function instead of the lab directory's own."""
        self.bin = os.path.abspath(bin_dir or BIN)
        self.folder = os.path.abspath(folder) if folder else tempfile.mkdtemp(prefix="adbad-")
        self.realm = os.path.join(self.folder, "realm")
        self.clock = os.path.join(self.folder, "clock")
        self.bundle = os.path.join(self.realm, "client.bundle")
        self.directory = None
        self.daemons = []
        self.forest = "lab.example"
        self.prefix = list(prefix)
        self.other_directory = directory
        if realm:
            try:
                self.adbactl("realm", "init", realm, self.realm)
            except Exception:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self, keep=False):
        for daemon in self.daemons:
            daemon.kill()
        if self.directory is not None and os.path.isdir(self.directory):
            self.run("adbactl", "lab", "down", self.directory, expect=None)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, name):
        return os.path.join(self.bin, name)

    def run(self, program, *argv, expect=0, stdin=None, env=None):
        """Runs one of our programs; expect is the exit code wanted, None for any."""
        full = [*self.prefix, self.program(program), *map(str, argv)]
        inherited = {k: v for k, v in os.environ.items() if k != "ADBAD_CONF"}
        done = subprocess.run(full, capture_output=True, text=True, input=stdin, check=False,
                              timeout=120, env={**inherited, **(env or {})},
                              stdin=subprocess.DEVNULL if stdin is None else None)
        result = Result(full, done)
        if expect is not None and result.code != expect:
            raise CommandFailed(repr(result))
        return result

    def adbactl(self, *argv, **kw):
        return self.run("adbactl", *argv, **kw)

    # -- the lab directory --

    def directory_up(self, *options):
        """Starts the lab directory (or starts it again)."""
        self.directory = os.path.join(self.folder, "directory")
        return self.adbactl("lab", "up", self.directory, *options)

    def directory_pid(self):
        return self.adbactl("lab", "status", self.directory, "--json").json["pid"]

    def directory_down(self):
        return self.adbactl("lab", "down", self.directory)

    @property
    def directory_uri(self):
        return "ldapi://" + os.path.join(self.directory, "ldapi").replace("/", "%2F")

    def directory_settings(self):
        if self.other_directory is not None:
            return self.other_directory()
        if self.directory is None:
            return {}
        return {
            "uri": self.directory_uri,
            "mechanism": "scram-sha-256",
            "user": "adbad",
            "password_file": os.path.join(self.directory, "service.password"),
            "lab_forest": self.forest,
            "retry": "1s",
        }

    # -- daemons --

    def daemon(self, name="kms", **kw):
        daemon = Daemon(self, name, **kw)
        self.daemons.append(daemon)
        return daemon

    def install_hostkey(self, daemon, group="Volume License for Windows Server 2022", activate=True):
        """Issues a host key, installs and activates it at a daemon; the daemon picks it up."""
        path = os.path.join(daemon.folder, f"{len(os.listdir(daemon.folder))}.hostkey")
        daemon.ctl("hostkey", "issue", "--group", group, "--out", path)
        return daemon.ctl("hostkey", "install", *(["--activate"] if activate else []), path)

    # -- machines --

    def client(self, *argv, **kw):
        return self.run("adbaclient", *argv, **kw)


def read_until_closed(sock, deadline=DEADLINE):
    """All bytes until the peer closes; raises TimeoutError if it does not."""
    data = b""
    end = time.monotonic() + deadline
    while True:
        ready, _, _ = select.select([sock], [], [], max(0, end - time.monotonic()))
        if not ready:
            raise TimeoutError("the peer did not close")
        part = sock.recv(65536)
        if not part:
            return data
        data += part
