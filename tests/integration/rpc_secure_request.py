"""Sends one request with Samba's own client, authenticated as by rpc_secure.py:
`rpc_secure_request.py SERVER PORT USER CCACHE SECURITY LEVEL TARGET INTERFACE OPNUM`. The stub is read in hexadecimal, and
so is the answer's written. INTERFACE is a UUID, of version 1.0."""
import sys

from rpc_secure import login
from samba.dcerpc import base


def main(server, port, user, ccache, security, level, target, interface, opnum):
    binding, lp, creds = login(server, port, user, ccache, security, level, target)
    client = base.ClientConnection(binding, (interface, 1), lp, creds)
    print(client.request(int(opnum), bytes.fromhex(sys.stdin.read())).hex())


if __name__ == "__main__":
    main(*sys.argv[1:])
