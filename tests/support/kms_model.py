"""A second implementation of the lab's KMS messages, written from docs/protocol/kms.md alone.

It shares nothing with the C code: layout by struct, cryptography by python3-cryptography.
"""
import hmac
import json
import os
import struct
import time
import uuid
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7

HEAD = 4 + 16
IV_LEN = {4: 0, 5: 16, 6: 12}
TAG_LEN = {4: 16, 5: 32, 6: 16}
REQUEST_LEN = {4: 268, 5: 308, 6: 280}
RESPONSE_LEN = {4: (78, 204), 5: (116, 244), 6: (90, 216)}
ZERO_GUID = uuid.UUID(int=0)


class Refused(Exception):
    """The message does not open; foreign tells whether it was for its tag."""

    foreign = False


class Foreign(Refused):
    """The tag does not hold."""

    foreign = True


def filetime(unix):
    """A Unix time as FILETIME."""
    return int((unix + 11644473600) * 10_000_000)


@dataclass
class Request:
    """Section 3.1."""

    major: int = 6
    minor: int = 0
    is_virtual: int = 0
    status: int = 2
    minutes_left: int = 0
    application_id: uuid.UUID = ZERO_GUID
    activation_id: uuid.UUID = ZERO_GUID
    kms_id: uuid.UUID = ZERO_GUID
    client_id: uuid.UUID = field(default_factory=uuid.uuid4)
    required_count: int = 25
    client_time: int = field(default_factory=lambda: filetime(time.time()))
    previous_client_id: uuid.UUID = ZERO_GUID
    workstation: str = "MODEL"

    LAYOUT = struct.Struct("<HHIII16s16s16s16sIQ16s128s")

    def pack(self):
        return self.LAYOUT.pack(
            self.minor, self.major, self.is_virtual, self.status, self.minutes_left,
            self.application_id.bytes_le, self.activation_id.bytes_le, self.kms_id.bytes_le,
            self.client_id.bytes_le, self.required_count, self.client_time,
            self.previous_client_id.bytes_le, self.workstation.encode("utf-16-le"))

    @classmethod
    def unpack(cls, body):
        if len(body) != cls.LAYOUT.size:
            raise Refused(f"a request body of {len(body)} bytes")
        (minor, major, is_virtual, status, minutes, app, act, kms, client, required, when, previous,
         name) = cls.LAYOUT.unpack(body)
        if is_virtual > 1 or status > 6 or name[126:] != b"\0\0":
            raise Refused("a field has a value that is not allowed")
        guid = [uuid.UUID(bytes_le=g) for g in (app, act, kms, client, previous)]
        text = name.decode("utf-16-le", "replace").split("\0", 1)[0]
        return cls(major, minor, is_virtual, status, minutes, *guid[:4], required, when, guid[4],
                   text)


@dataclass
class Response:
    """Section 3.2."""

    major: int
    epid: str
    client_id: uuid.UUID
    client_time: int
    count: int
    activation_interval: int = 120
    renewal_interval: int = 10080
    minor: int = 0

    def pack(self):
        epid = self.epid.encode("utf-16-le") + b"\0\0"
        return (struct.pack("<HHI", self.minor, self.major, len(epid)) + epid +
                self.client_id.bytes_le +
                struct.pack("<QIII", self.client_time, self.count, self.activation_interval,
                            self.renewal_interval))

    @classmethod
    def unpack(cls, body):
        if len(body) < 8:
            raise Refused("a short response body")
        minor, major, length = struct.unpack_from("<HHI", body)
        if length % 2 or not 2 <= length <= 128 or len(body) != 44 + length:
            raise Refused(f"an ePID of {length} bytes in a body of {len(body)}")
        epid = body[8:8 + length].decode("utf-16-le", "replace")
        if epid.find("\0") != length // 2 - 1:
            raise Refused("an ePID that does not end where it should")
        client_id = uuid.UUID(bytes_le=body[8 + length:24 + length])
        when, count, activation, renewal = struct.unpack_from("<QIII", body, 24 + length)
        if not (15 <= activation <= 43200 and 15 <= renewal <= 43200):
            raise Refused("an interval out of its range")
        return cls(major, epid[:-1], client_id, when, count, activation, renewal, minor)


class Keys:
    """The twelve protocol keys of a realm: key[generation][direction][purpose]."""

    def __init__(self, key):
        self.key = key

    @classmethod
    def from_secret(cls, secret):
        def derive(info):
            return HKDF(hashes.SHA256(), 32, b"adbad lab realm", info.encode("ascii")).derive(secret)

        return cls({g: {d: {p: derive(f"kms {g} {d} {p}") for p in ("enc", "mac")}
                        for d in ("request", "response")} for g in (4, 5, 6)})

    @classmethod
    def from_bundle(cls, path):
        with open(path, encoding="utf-8") as f:
            bundle = json.load(f)
        assert bundle["format"] == "adbad-bundle-1"
        return cls({int(g): {d: {p: bytes.fromhex(h) for p, h in pair.items()}
                             for d, pair in both.items()} for g, both in bundle["keys"].items()})


def tag_of(sealed, major):
    return sealed[-TAG_LEN[major]:]


def _mac(major, pair, data):
    if major == 4:
        mac = CMAC(algorithms.AES(pair["mac"][:16]))
        mac.update(data)
        return mac.finalize()
    return hmac.digest(pair["mac"], data, "sha256")


def _cbc(pair, head):
    return Cipher(algorithms.AES(pair["enc"][:16]), modes.CBC(head[20:36]))


def _gcm(pair, head):
    return AESGCM(hmac.digest(pair["enc"], b"adbad kms 6 message" + head[4:20], "sha256"))


def _seal(major, pair, bind, body):
    head = body[:4] + os.urandom(16 + IV_LEN[major])
    plain = body[4:]
    if major == 6:
        return head + _gcm(pair, head).encrypt(head[20:32], plain, bind + head)
    if major == 5:
        padder = PKCS7(128).padder()
        encryptor = _cbc(pair, head).encryptor()
        plain = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return head + plain + _mac(major, pair, bind + head + plain)


def _open(major, pair, bind, sealed):
    head = sealed[:HEAD + IV_LEN[major]]
    rest = sealed[len(head):]
    if major == 6:
        try:
            return head[:4] + _gcm(pair, head).decrypt(head[20:32], rest, bind + head)
        except InvalidTag as e:
            raise Foreign("the tag does not hold") from e
    payload, tag = rest[:-TAG_LEN[major]], rest[-TAG_LEN[major]:]
    if not hmac.compare_digest(_mac(major, pair, bind + head + payload), tag):
        raise Foreign("the tag does not hold")
    if major == 5:
        decryptor = _cbc(pair, head).decryptor()
        unpadder = PKCS7(128).unpadder()
        try:
            payload = unpadder.update(decryptor.update(payload)) + unpadder.finalize()
        except ValueError as e:
            raise Refused("padding") from e
    return head[:4] + payload


def version_of(sealed):
    if len(sealed) < 4:
        raise Refused("no version")
    minor, major = struct.unpack_from("<HH", sealed)
    if minor != 0 or major not in IV_LEN:
        raise Refused(f"version {major}.{minor}")
    return major


def seal_request(keys, request):
    return _seal(request.major, keys.key[request.major]["request"], b"", request.pack())


def open_request(keys, sealed):
    major = version_of(sealed)
    if len(sealed) != REQUEST_LEN[major]:
        raise Refused(f"a request of {len(sealed)} bytes")
    return Request.unpack(_open(major, keys.key[major]["request"], b"", sealed))


def seal_response(keys, sealed_request, response):
    major = version_of(sealed_request)
    return _seal(major, keys.key[major]["response"], tag_of(sealed_request, major),
                 response.pack())


def open_response(keys, sealed_request, sealed):
    major = version_of(sealed)
    if major != version_of(sealed_request):
        raise Foreign("an answer of another generation")
    least, most = RESPONSE_LEN[major]
    if not least <= len(sealed) <= most:
        raise Refused(f"an answer of {len(sealed)} bytes")
    if major == 5 and (len(sealed) - HEAD - IV_LEN[5] - TAG_LEN[5]) % 16:
        raise Refused("an answer that is no whole number of blocks")
    return Response.unpack(_open(major, keys.key[major]["response"],
                                 tag_of(sealed_request, major), sealed))
