"""A real DNS server (dnsmasq) on a loopback port, with the records that a test gives it."""
import shutil
import socket
import struct
import subprocess

from lab import free_port, wait_for

DNSMASQ = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"


def answers(port):
    """True once the DNS server on that port answers a query for its own name."""
    query = struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + b"\x05probe\x00" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        try:
            s.sendto(query, ("127.0.0.1", port))
            return s.recv(512)[:2] == b"\x00\x01"
        except OSError:
            return False


class Dns:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.process = None

    def start(self, *records):
        argv = [DNSMASQ, "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
                "--pid-file", "--bind-interfaces", "--listen-address=127.0.0.1", "--user=",
                f"--port={self.port}", "--local=/lab.example/", "--address=/probe/127.0.0.1",
                *records]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        wait_for(lambda: self.process.poll() is not None or answers(self.port), "dnsmasq answers")
        assert self.process.poll() is None, self.process.stderr.read()

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
            self.process = None

    def serve(self, *records):
        self.stop()
        self.start(*records)
