"""HTTP as monitoring and browsers speak it to adbad, and as slow clients do."""
import contextlib
import http.client
import socket
import threading

from lab import DEADLINE, wait_for

# What the dashboard's page asks for on its own while it is open (src/dashboard/static: main.js, machines.js).
PAGE = ["/api/status", "/api/objects", "/api/warnings", "/api/activations?range=30d", "/api/decisions?limit=20",
        "/api/machines?limit=50"]
DRIP_SECONDS = 0.02


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()
        self.text = self.body.decode("utf-8")


def get(port, path="/", address="127.0.0.1", method="GET", **headers):
    """One request on a connection of its own; header names with _ for -."""
    connection = http.client.HTTPConnection(address, port, timeout=DEADLINE)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def fill(s):
    """Whether no more requests go in to a connection whose answers nobody takes."""
    try:
        for path in PAGE * 16:
            s.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    except (BlockingIOError, ConnectionError):
        return True
    return False


class SlowClients:
    """So many connections that take what they can get of the server: a fifth each is silent, stops within the request's
    head, has sent no end of it, drips its head byte by byte, and reads its answers byte by byte from behind a window that
    is full. All stay open until the end of the with statement."""

    KINDS = [b"", b"GET ", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n", "drips", "reads slowly"]

    def __init__(self, port, number):
        self.port, self.number = port, number
        self.sockets, self.dripping, self.reading = [], [], []
        self.moved = {"drips": 0, "reads slowly": 0}  # bytes
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._go_on)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for i in range(self.number):
                self._begin(stack, self.KINDS[i % len(self.KINDS)])
            stack.callback(self.thread.join)
            stack.callback(self.ended.set)
            self.thread.start()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *unused):
        self.stack.close()

    def _begin(self, stack, kind):
        s = stack.enter_context(socket.socket())
        if kind == "reads slowly":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        s.settimeout(DEADLINE)
        s.connect(("127.0.0.1", self.port))
        if kind == "drips":
            self.dripping.append(s)
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ")
        elif kind == "reads slowly":
            self.reading.append(s)
            s.setblocking(False)
            wait_for(lambda: fill(s), "the server reads no more")
        else:
            s.sendall(kind)
        self.sockets.append(s)

    def _go_on(self):
        for s in self.dripping:
            s.setblocking(False)
        while not self.ended.wait(DRIP_SECONDS):
            for s in self.dripping:
                with contextlib.suppress(OSError):
                    self.moved["drips"] += s.send(b"x")
            for s in self.reading:
                with contextlib.suppress(OSError):
                    self.moved["reads slowly"] += len(s.recv(1))

    def stop(self):
        """They move no more, and are open."""
        self.ended.set()
        self.thread.join()

    def closed(self):
        """The kinds of those that the server has closed or, but for those that read, has said something to."""
        self.stop()
        return [self.KINDS[i % len(self.KINDS)] for i, s in enumerate(self.sockets) if not self._is_open(s)]

    def _is_open(self, s):
        s.setblocking(False)
        try:
            return s.recv(1) != b"" and s in self.reading
        except BlockingIOError:
            return True
        except ConnectionError:
            return False

    @staticmethod
    def is_closed(s):
        """Whether the server has closed it, whatever it said before."""
        s.settimeout(DEADLINE)
        with contextlib.suppress(ConnectionError):  # with what was on the way
            while s.recv(65536):
                pass
        return True
