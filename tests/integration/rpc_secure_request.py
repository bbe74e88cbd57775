"""One RequestActivation with Samba's gensec, in packets made by hand (Samba's own client speaks only to interfaces that it
knows): `rpc_secure_request.py SERVER PORT USER CCACHE LEVEL TARGET [LOGINS [--no-header-signing]]`. The stub comes in hexadecimal on
standard input, and so the answer's goes out. LEVEL is connect, packet or sign; LOGINS so many connections, one after another."""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from rpc_pdu import ALTER, BIND, BIND_ACK, FIRST, LAST, RESPONSE, bind_pdu, read_pdu, request  # noqa: E402
from rpc_secure import login  # noqa: E402
from samba import gensec  # noqa: E402

LEVELS = {"connect": 2, "packet": 4, "sign": 5}
KERBEROS, CONTEXT = 16, 7
HEADER_SIGNING = 0x04
HEADER, TRAILER = 24, 8


def trailer(level, padding=0):
    return struct.pack("<BBBxI", KERBEROS, level, padding, CONTEXT)


class Caller:
    def __init__(self, server, port, user, ccache, level, target, sign_headers):
        _, lp, creds = login(server, port, user, ccache, "krb5", level, target)
        self.level, self.flags = LEVELS[level], HEADER_SIGNING if sign_headers else 0
        self.socket = socket.create_connection((server, int(port)), 60)
        self.gensec = gensec.Security.start_client({"lp_ctx": lp, "target_hostname": target})
        self.gensec.set_credentials(creds)
        self.gensec.want_feature(gensec.FEATURE_DCE_STYLE)
        self.gensec.start_mech_by_authtype(KERBEROS, self.level)
        ack = self.leg(BIND, self.gensec.update(b"")[1])
        assert ack[2] == BIND_ACK
        token = ack[len(ack) - struct.unpack_from("<H", ack, 10)[0]:]
        finished, last = self.gensec.update(token)
        assert finished
        if ack[3] & HEADER_SIGNING:  # as Samba's own client: without, it goes on
            self.gensec.want_feature(gensec.FEATURE_SIGN_PKT_HEADER)
        self.leg(ALTER, last)

    def leg(self, ptype, token):
        self.socket.sendall(bind_pdu(ptype=ptype, tail=trailer(self.level) + token, auth_length=len(token),
                                     flags=FIRST | LAST | self.flags))
        return read_pdu(self.socket)

    def call(self, stub):
        if self.level == LEVELS["connect"]:
            self.socket.sendall(request(stub))
            return read_pdu(self.socket)[HEADER:]
        padding = -len(stub) % 16
        data = stub + bytes(padding)
        size = self.gensec.sig_size(len(data))
        whole = request(data + trailer(self.level, padding) + bytes(size), hint=len(stub), auth_length=size)[:-size]
        self.socket.sendall(whole + self.gensec.sign_packet(data, whole))
        answer = read_pdu(self.socket)
        assert answer[2] == RESPONSE, answer.hex()
        signature = len(answer) - struct.unpack_from("<H", answer, 10)[0]
        data = answer[HEADER:signature - TRAILER]
        self.gensec.check_packet(data, answer[:signature], answer[signature:])
        return data[:len(data) - answer[signature - TRAILER + 2]]


def main(server, port, user, ccache, level, target, logins="1", *options):
    stub = bytes.fromhex(sys.stdin.read())
    for _ in range(int(logins)):
        caller = Caller(server, port, user, ccache, level, target, "--no-header-signing" not in options)
        answer = caller.call(stub)
        caller.socket.close()
    print(answer.hex())


if __name__ == "__main__":
    main(*sys.argv[1:])
