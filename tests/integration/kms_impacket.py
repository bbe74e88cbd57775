"""RequestActivation by impacket's DCE/RPC and NDR (docs/protocol/kms.md, sections 1 and 2), and those operations
of the lab interface (docs/protocol/lab.md) that have the same parameters."""
from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.dtypes import DWORD, ULONG
from impacket.dcerpc.v5.ndr import NDRCALL, NDRPOINTER, NDRUniConformantArray
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import uuidtup_to_bin

ACTIVATION = uuidtup_to_bin(("51c82175-844e-4750-b0d8-ec255555bc06", "1.0"))
LAB = uuidtup_to_bin(("ad22ec4d-b220-4117-b990-c68825db23e5", "1.0"))
NDR = ("8a885d04-1ceb-11c9-9fe8-08002b104860", "2.0")
NDR64 = ("71710533-beba-4937-8319-b5dbef9ccc36", "1.0")


class DCERPCSessionError(DCERPCException):
    """impacket looks this class up by its name."""


class BYTES(NDRUniConformantArray):
    item = "c"


class PBYTES(NDRPOINTER):
    referent = (("Data", BYTES),)


class RequestActivation(NDRCALL):
    opnum = 0
    structure = (("RequestSize", DWORD), ("Request", BYTES))


class RequestActivationResponse(NDRCALL):
    structure = (("ResponseSize", DWORD), ("Response", PBYTES), ("ErrorCode", ULONG))


class ActivateHostKey(RequestActivation):
    opnum = 5


class ActivateHostKeyResponse(RequestActivationResponse):
    pass


class ReportActivation(RequestActivation):
    opnum = 6


class ReportActivationResponse(RequestActivationResponse):
    pass


def end_at_eof(tcp):
    """impacket's transport asks a connection that its peer closed again and again, for ever."""
    s, recv = tcp.get_socket(), tcp.get_socket().recv

    class Socket:
        def __getattr__(self, name):
            return getattr(s, name)

        def recv(self, n):
            data = recv(n)
            if not data:
                raise EOFError("the peer closed the connection")
            return data

    tcp._TCPTransport__socket = Socket()  # pylint: disable=protected-access


class Connection:
    """One association with a KMS host; a context manager."""

    def __init__(self, host, port, syntax=NDR, fragment=None, interface=ACTIVATION):
        tcp = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{host}[{port}]")
        tcp.set_connect_timeout(10)
        self.dce = tcp.get_dce_rpc()
        self.dce.connect()
        end_at_eof(tcp)
        try:
            self.dce.bind(interface, transfer_syntax=syntax)
            if fragment is not None:
                self.dce.set_max_fragment_size(fragment)
        except Exception:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.dce.disconnect()

    def call(self, message, size=None, operation=RequestActivation):
        """Sends message; returns the answer's bytes and the result. size overrides request_size."""
        request = operation()
        request["RequestSize"] = len(message) if size is None else size
        request["Request"] = [bytes([b]) for b in message]
        answer = self.dce.request(request, checkError=False)
        data = b"".join(answer["Response"]) if answer.fields["Response"]["ReferentID"] else b""
        assert answer["ResponseSize"] == len(data)
        return data, answer["ErrorCode"]


def call_lab(daemon, operation, message):
    """One call of the lab interface on a connection of its own: the answer's bytes and the result."""
    with Connection("127.0.0.1", daemon.port, interface=LAB) as c:
        return c.call(message, operation=operation)
