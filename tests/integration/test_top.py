"""adbactl top in a terminal of our own, and its single frame."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import uuid

import pytest

from kms_lab import Clients
from lab import DEADLINE

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Screen:
    """A program in a terminal of so many columns and lines; what it shows is kept as one string."""

    def __init__(self, argv, columns=80, lines=24):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.lines = lines
        self.columns = columns
        self.shown = ""
        self.process = subprocess.Popen(argv, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"},
                                        start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def read(self):
        """What came since, waiting a moment for it."""
        if select.select([self.master], [], [], 0.05)[0]:
            self.shown += os.read(self.master, 65536).decode()

    def wait_for(self, pattern):
        """Reads until a whole frame shows it; returns the match."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            found = re.search(pattern, self.frame())
            if found:
                return found
            self.read()
        raise TimeoutError(f"/{pattern}/ was not shown:\n{self.shown[-3000:]}")

    def frames(self):
        """Those that came whole, without codes."""
        parts = self.shown.split("\x1b[H")
        return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", p).replace("\r\n", "\n") for p in parts[1:] if "q quits" in p]

    def frame(self):
        """The lines of the newest one."""
        return (self.frames() or [""])[-1]

    def press(self, keys):
        os.write(self.master, keys)

    def end(self):
        """Waits for its end and reads the rest; its exit code."""
        code = self.process.wait(timeout=DEADLINE)
        while select.select([self.master], [], [], 0)[0]:
            self.shown += os.read(self.master, 65536).decode()
        return code

    def is_restored(self):
        return (termios.tcgetattr(self.slave) == self.before and self.shown.count(ENTER) == self.shown.count(LEAVE)
                and self.shown.rstrip("\n").endswith(LEAVE))


@pytest.fixture(name="host")
def host_with_key(lab):
    host = lab.daemon()
    lab.install_hostkey(host)
    return host


def command(lab, host):
    return [lab.program("adbactl"), "--config", host.conf, "top"]


def test_it_shows_what_happens_and_leaves_the_terminal_as_it_was(lab, host):
    clients = Clients(lab, host.port, "Windows Server 2022", "Standard")
    with Screen(command(lab, host)) as screen:
        screen.wait_for(r"0 answered \(.*\), 0 refused")
        assert "0 answered (-), 0 refused" in screen.frames()[0]
        for i in range(3):
            clients.count(client_id=uuid.UUID(int=i + 1), workstation=f"srv-{i}\x1b[2J")
        frame = screen.wait_for(r"(?s)3 answered .*count 3").string
        assert "Count        windows    3 of  5  [############........]" in frame
        assert re.search(r"\d\d:\d\d:\d\d  count 3    srv-2\?\[2J +Windows Server 2022 Stand… 127\.0\.0\.1$", frame, re.M)
        screen.wait_for(r"3 answered \(0\.0/s\)")
        assert re.search(r"Ledger       up, \d+ commits \(\d+\.\d/s\), \d+\.\d ms each; 3 records, 0 failures", frame)
        lines = frame.split("\n")
        assert len(lines) <= 24 and all(len(line) <= 80 for line in lines)
        host.stop()
        screen.wait_for("no adbad answers")
        screen.press(b"q")
        assert screen.end() == 0
        assert screen.is_restored()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_restores_the_terminal(lab, host, sig):
    with Screen(command(lab, host)) as screen:
        screen.wait_for("Last decisions")
        screen.process.send_signal(sig)
        assert screen.end() == -sig
        assert screen.is_restored()


def test_a_size_that_changes_and_a_tiny_one(lab, host):
    with Screen(command(lab, host), columns=30, lines=5) as screen:
        frame = screen.wait_for("Connections").string
        assert all(len(line) <= 30 for line in frame.split("\n")) and len(frame.split("\n")) <= 5
        fcntl.ioctl(screen.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
        screen.process.send_signal(signal.SIGWINCH)
        screen.wait_for("Last decisions")
        screen.press(b"q")
        assert screen.end() == 0 and screen.is_restored()


def test_once_prints_one_frame_without_codes(lab, host):
    out = host.ctl("top", "--once").out
    assert "\x1b" not in out and len(out.splitlines()) <= 24
    for word in ("Listening", "Connections", "Requests", "Count", "Ledger", "Directory", "Relay", "Last decisions"):
        assert word in out
    assert "wants a terminal" in host.ctl("top", expect=2).err
    host.stop()
    assert "no adbad answers" in host.ctl("top", "--once", expect=6).out


def test_once_as_json_is_what_the_frame_is_made_of(lab, host):
    Clients(lab, host.port, "Windows Server 2022", "Standard").count(workstation="srv-1")
    said = host.ctl("top", "--once", "--json").json
    assert list(said) == ["status", "membership", "relay", "decisions"]
    assert said["status"]["pid"] == host.process.pid
    assert (said["membership"], said["relay"]["configured"]) == (None, False)
    assert said["decisions"] == host.ctl("kms", "events", "--json").json["events"]
    assert [d["workstation"] for d in said["decisions"]] == ["srv-1"]
    assert "--once" in host.ctl("top", "--json", expect=2).err
    host.stop()
    assert host.ctl("top", "--once", "--json", expect=6).json["error"] == "unreachable"


def test_once_ends_as_any_command_that_asks(lab):
    host = lab.daemon(wait=False)
    host.options["control.socket"] = os.path.join(host.folder, "c" * 108)  # longer than unix(7) has room for
    host.write_conf()
    assert host.ctl("kms", "status", expect=3).err.strip().endswith("the path is too long")
    assert "the path is too long" in host.ctl("top", "--once", expect=3).out.replace("\n", "")  # 80 columns wide
