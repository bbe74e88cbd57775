"""What travels on a test network: captures with dumpcap, and a strict reading of LDAP in them.

clear_ldap() reads every byte of each LDAP connection. In clear there may be only what an LDAP client cannot
do without: reading the rootDSE (netlogon pings ask for it over UDP), StartTLS, and SASL binds. All else has to
be a SASL buffer that is encrypted (RFC 4121, the Sealed flag) or a TLS record; what cannot be read is a
finding too. Needs dumpcap and tshark.
"""
import collections
import contextlib
import os
import socket
import subprocess

from lab import wait_for

LDAP_PORTS = {389, 3268}
LDAPS_PORTS = {636, 3269}
MARKER = b"the capture ends here"
START_TLS = b"1.3.6.1.4.1.1466.20037"
DISCONNECTION = b"1.3.6.1.4.1.1466.20036"
TLS_RECORDS = {20, 21, 22, 23}
SEALED = 2


class Capture:
    """Everything that a node's interface "lan" sends and receives, until stop()."""

    def __init__(self, node, path):
        self.node = node
        self.path = path
        self.process = node.popen(["dumpcap", "-q", "-p", "-i", "lan", "-w", path], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "File:" in line:
                return
        raise RuntimeError(f"dumpcap ended with {self.process.wait()}")

    def _mark(self):
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.sendto(MARKER, (self.node.network.first.address.rsplit(".", 1)[0] + ".1", 9))

    def _has_marker(self):
        with open(self.path, "rb") as f:
            f.seek(max(0, os.path.getsize(self.path) - 65536))
            return MARKER in f.read()

    def stop(self):
        """Ends it when everything until now is in the file; can be called again."""
        if self.process is None:
            return
        self.node.inside(self._mark)
        try:
            wait_for(self._has_marker, "the capture has everything")
        finally:
            self.process.terminate()
            self.process.communicate()
            self.process = None


# -- BER, as far as LDAP needs it (RFC 4511, 5.1) --

class Unfinished(Exception):
    """More bytes are needed."""


def element(data, at=0):
    """(tag, content, where the next one begins)."""
    if len(data) < at + 2:
        raise Unfinished
    tag, size, begin = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        begin += count
        if len(data) < begin:
            raise Unfinished
        size = int.from_bytes(data[at + 2:begin], "big")
    if len(data) < begin + size:
        raise Unfinished
    return tag, data[begin:begin + size], begin + size


def elements(data):
    found, at = [], 0
    while at < len(data):
        tag, content, at = element(data, at)
        found.append((tag, content))
    return found


def bind_request(parts):
    (_, _), (_, name), (tag, credentials) = parts[:3]
    if tag == 0xA3:
        return "SASL bind", True
    if tag == 0x80 and name == b"" and credentials == b"":
        return "anonymous bind", True  # holds nothing at all
    return f"simple bind of {name.decode(errors='replace')}", False


def search_request(parts):
    base, scope = parts[0][1], parts[1][1]
    if base == b"" and scope == b"\0":
        return "rootDSE search", True
    return f"search below {base.decode(errors='replace')}", False


def search_entry(parts):
    name = parts[0][1]
    return ("rootDSE", True) if name == b"" else (f"entry {name.decode(errors='replace')}", False)


def extended_request(parts):
    name = parts[0][1]
    return ("StartTLS", True) if name == START_TLS else (f"extended request {name.decode(errors='replace')}", False)


def extended_answer(parts):
    name = dict(parts).get(0x8A, START_TLS)
    return f"extended answer {name.decode(errors='replace')}", name in (START_TLS, DISCONNECTION)


OPERATIONS = {0x60: bind_request, 0x63: search_request, 0x64: search_entry, 0x77: extended_request,
              0x78: extended_answer, 0x61: lambda _: ("bind answer", True), 0x65: lambda _: ("search done", True),
              0x42: lambda _: ("unbind", True)}


def message(content):
    """What an LDAP message in clear is, and whether it may be."""
    tag, operation = elements(content)[1]
    if tag not in OPERATIONS:
        return f"operation 0x{tag:02x}", False
    try:
        return OPERATIONS[tag](elements(operation) if tag & 0x20 else [])
    except (Unfinished, IndexError, ValueError):
        return f"unreadable operation 0x{tag:02x}", False


# -- one direction of one connection --

def tls_records(data):
    """Each TLS record from the front."""
    at = 0
    while at < len(data):
        if data[at] not in TLS_RECORDS or data[at + 1:at + 2] not in (b"\3", b""):
            yield "bytes that are no TLS", False
            return
        yield "TLS", True
        at += 5 + int.from_bytes(data[at + 3:at + 5], "big")


def sasl_buffers(data):
    """Each SASL buffer (RFC 4422, 3.7) from the front; it has to be an encrypted token of RFC 4121."""
    at = 0
    while at < len(data):
        size, token = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 7]
        if len(token) < 3:
            return  # cut off before anything of it was sent
        if size >= 1 << 24 or token[:2] != b"\5\4":
            yield "bytes that are no SASL buffer", False
            return
        yield ("encrypted", True) if token[2] & SEALED else ("a SASL buffer that is only signed", False)
        at += 4 + size


def ldap_stream(data):
    """(what, whether it may be in clear) of everything that one side of a connection sent."""
    at = 0
    while at < len(data):
        if data[at] in TLS_RECORDS:
            yield from tls_records(data[at:])
            return
        if data[at] == 0:
            yield from sasl_buffers(data[at:])
            return
        try:
            tag, content, end = element(data, at)
            if tag != 0x30:
                raise ValueError
            yield message(content)
        except (Unfinished, IndexError, ValueError):
            yield "bytes that are no LDAP message", False
            return
        at = end


def payload(segments):
    """The bytes of one direction from (sequence number, bytes); None if some are missing."""
    data, begin = b"", 1  # tshark counts from the SYN
    for seq, part in sorted(segments):
        done = begin + len(data)
        if seq > done:
            return None
        data += part[done - seq:]
    return data


def packets(path, client, *fields):
    """Those of a client's packets that carry LDAP, by tshark; a tuple of texts each."""
    ports = " ".join(str(p) for p in sorted(LDAP_PORTS | LDAPS_PORTS)).replace(" ", ", ")
    wanted = f"ip.addr == {client} && ((tcp.len > 0 && tcp.port in {{{ports}}}) || udp.port == 389)"
    argv = ["tshark", "-r", path, "-n", "-Y", wanted, "-T", "fields", "-E", "occurrence=f"]
    # Only TCP itself: each packet's own bytes, whatever protocol would be seen in them.
    for protocol in ("ldap", "cldap", "tls"):
        argv += ["--disable-protocol", protocol]
    out = subprocess.run([*argv, *(x for f in fields for x in ("-e", f))], capture_output=True, text=True,
                         check=True).stdout
    return [tuple(line.split("\t")) for line in out.splitlines()]


def conversations(path, client):
    """(port, bytes or None) of each direction of each LDAP connection, and of each datagram."""
    streams = collections.defaultdict(list)
    for stream, source, sport, dport, seq, data, datagram in packets(
            path, client, "tcp.stream", "ip.src", "tcp.srcport", "tcp.dstport", "tcp.seq", "tcp.payload", "udp.payload"):
        if stream == "":
            yield 389, bytes.fromhex(datagram)
            continue
        port = next(p for p in (int(sport), int(dport)) if p in LDAP_PORTS | LDAPS_PORTS)
        streams[stream, source, port].append((int(seq), bytes.fromhex(data)))
    for (_, _, port), segments in streams.items():
        yield port, payload(segments)


def clear_ldap(path, client):
    """What a client said and was told over LDAP: (Counter of what may be, Counter of findings)."""
    fine, findings = collections.Counter(), collections.Counter()
    for port, data in conversations(path, client):
        if data is None:
            findings["a connection with missing packets"] += 1
            continue
        for what, may in (tls_records if port in LDAPS_PORTS else ldap_stream)(data):
            (fine if may else findings)[what] += 1
    return fine, findings


@contextlib.contextmanager
def captured(node, path):
    capture = Capture(node, path)
    try:
        yield capture
    finally:
        capture.stop()
