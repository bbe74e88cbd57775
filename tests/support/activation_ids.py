"""Installation and confirmation IDs, and the clearing house's messages: an independent model, written
from docs/protocol/activation-ids.md, lab.md and hostkeys.md on Python's own hashes and big integers."""
import hashlib
import hmac
import struct
from dataclasses import dataclass

DAMM = ("0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
        "3674209581", "5869720134", "8945362017", "9438617205", "2581436790")
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
HOST, FOREST, MACHINE = 0, 1, 2
LEADERS = "AEUSZ"  # host key, MAK, retail, OEM, evaluation


class Refused(Exception):
    """The digits or the message do not hold."""


def hkdf(secret, info):
    """HKDF-SHA256 (RFC 5869), 32 bytes, with the realm's salt."""
    prk = hmac.digest(b"adbad lab realm", secret, "sha256")
    return hmac.digest(prk, info.encode() + b"\x01", "sha256")


def clearing_key(realm_secret):
    return hkdf(realm_secret, "clearing")


def confirmation_key(clearing, key, group):
    return hkdf(clearing, f"hostkey {key} {group}")


def machine_key(realm_secret, key):
    """The confirmation key of a key whose text a machine knows."""
    return hkdf(hkdf(realm_secret, "kms 6 request mac"), f"machine {key}")


def h(label, text):
    return hashlib.sha256(label.encode() + b"\0" + text.encode()).digest()


def m(confirm, label, data):
    return hmac.digest(confirm, label.encode() + b"\0" + data, "sha256")


def first_bits(data, n):
    return int.from_bytes(data, "big") >> (8 * len(data) - n)


# ---- digits ----

def state(place, digits):
    for d in digits:
        place = int(DAMM[place][int(d)])
    return place


def write_groups(number, groups, width):
    payload = str(number).zfill(groups * (width - 1))
    parts = [payload[i * (width - 1):(i + 1) * (width - 1)] for i in range(groups)]
    return "-".join(f"{p}{state(i, p)}" for i, p in enumerate(parts))


def read_groups(text, groups, width):
    digits = text.replace("-", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit()) or len(digits) != groups * width:
        raise Refused("length")
    number = ""
    for i in range(groups):
        group = digits[i * width:(i + 1) * width]
        if state(i, group) != 0:
            raise Refused(f"group {i + 1}")
        number += group[:-1]
    return int(number)


# ---- host keys ----

def key_number(key):
    values = [ALPHABET.index(c) for c in key.replace("-", "")[1:20]]
    number = 0
    for v in values:
        number = number * 31 + v
    return number


def key_text(number, leader="A"):
    """The whole text: its check characters make it a polynomial with the roots 3, 9, 27, 19, 26."""
    free = []
    for _ in range(19):
        number, v = divmod(number, 31)
        free.insert(0, v)
    if number:
        raise Refused("key")
    word = [ALPHABET.index(leader), *free]
    generator = [1]
    for root in (3, 9, 27, 19, 26):
        generator = [(a - root * b) % 31 for a, b in zip(generator + [0], [0] + generator)]
    rest = word + [0] * 5
    for i in range(20):
        factor = rest[i]
        for j, g in enumerate(generator):
            rest[i + j] = (rest[i + j] - factor * g) % 31
    word += [(-v) % 31 for v in rest[20:]]
    text = "".join(ALPHABET[v] for v in word)
    return "-".join(text[i:i + 5] for i in range(0, 25, 5))


# ---- IDs ----

def forest_target(name, sid=""):
    return h("adbad forest", f"{name.lower()} {sid}")[:16]


def host_target(name):
    return h("adbad host", name)[:16]


def machine_target(hardware):
    return h("adbad machine", hardware)[:16]


def binding_of(target):
    return first_bits(hashlib.sha256(target).digest(), 32)


@dataclass
class Iid:
    kind: int
    group: int
    key: str
    binding: int
    seal: int = 0

    @staticmethod
    def make(kind, key, group, target, confirm):
        iid = Iid(kind, first_bits(h("adbad group", group), 20), key, binding_of(target))
        iid.seal = iid.right_seal(confirm)
        return iid

    @staticmethod
    def make_machine(key, hardware, confirm):
        """hardware: a GUID's text."""
        iid = Iid(MACHINE, LEADERS.index(key[0]), key, binding_of(machine_target(hardware)))
        iid.seal = iid.right_seal(confirm)
        return iid

    def number(self, seal=None):
        n = 1
        for value, bits in ((self.kind, 2), (self.group, 20), (key_number(self.key), 95),
                            (self.binding, 32), (self.seal if seal is None else seal, 26)):
            n = n << bits | value
        return n

    def right_seal(self, confirm):
        return first_bits(m(confirm, "adbad iid", self.number(0).to_bytes(23, "big")), 26)

    def text(self):
        return write_groups(self.number(), 9, 7)

    @staticmethod
    def read(text):
        n = read_groups(text, 9, 7)
        fields = []
        for bits in (26, 32, 95, 20, 2):
            fields.append(n & ((1 << bits) - 1))
            n >>= bits
        seal, binding, key, group, kind = fields
        if n != 1 or kind > 2 or (kind == MACHINE and group >= len(LEADERS)):
            raise Refused("version or kind")
        leader = LEADERS[group] if kind == MACHINE else "A"
        return Iid(kind, group, key_text(key, leader), binding, seal)

    def cid(self, confirm):
        n = 1 << 16 | first_bits(h("adbad key", self.key), 16)
        n = n << 16 | self.binding >> 16
        mac = m(confirm, "adbad cid", self.number().to_bytes(23, "big"))
        return write_groups(n << 96 | first_bits(mac, 96), 8, 6)


# ---- messages (docs/protocol/lab.md) ----

def request(iid, confirm, target, pid="", name="", nonce=bytes(16)):
    body = (struct.pack("<H", 1) + target + iid.text().replace("-", "").encode()
            + bytes([len(pid)]) + pid.encode()
            + bytes([len(name.encode())]) + name.encode() + nonce)
    return body + m(confirm, "adbad clearing request", body)


@dataclass
class Answer:
    cid: str
    used: int
    left: int
    hosts_used: int
    hosts_left: int
    when: int


def open_answer(asked, confirm, data):
    body, tag = data[:-32], data[-32:]
    if tag != m(confirm, "adbad clearing answer", asked[-32:] + body):
        raise Refused("tag")
    version, reserved, cid, *numbers = struct.unpack("<HH48sIIIIq", body)
    if (version, reserved) != (1, 0):
        raise Refused("version")
    return Answer(cid.decode(), *numbers)
