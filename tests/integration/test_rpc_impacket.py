"""impacket's RPC runtime against adbad: bind, management, fragments of the client's, faults."""
import os
import re
import struct

import pytest
from impacket.dcerpc.v5 import mgmt, transport
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import bin_to_uuidtup, uuidtup_to_bin

HERE = os.path.dirname(os.path.abspath(__file__))
ACTIVATION = ("51C82175-844E-4750-B0D8-EC255555BC06", "1.0")
NDR64 = ("71710533-beba-4937-8319-b5dbef9ccc36", "1.0")
ECHO = 4


def lab_interface():
    with open(os.path.join(HERE, "../../src/rpc/lab.h"), encoding="utf-8") as f:
        return (re.search(r'RPC_LAB_UUID +"([0-9a-f-]+)"', f.read()).group(1), "1.0")


@pytest.fixture
def connect(lab):
    daemon = lab.daemon()
    opened = []

    def open_one(interface, syntax=None):
        rpc = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:127.0.0.1[{daemon.port}]").get_dce_rpc()
        rpc.connect()
        opened.append(rpc)
        options = {} if syntax is None else {"transfer_syntax": syntax}
        rpc.bind(uuidtup_to_bin(interface), **options)
        return rpc

    yield open_one
    for rpc in opened:
        rpc.disconnect()


def echo(rpc, data, wide=False):
    """The bytes that an echo of data brings back."""
    head = struct.pack("<Q" if wide else "<I", len(data))
    rpc.call(ECHO, head + data)
    answer = rpc.recv()
    assert answer[:len(head)] == head
    assert answer[-4:] == b"\0\0\0\0"
    return answer[len(head):len(head) + len(data)]


@pytest.mark.parametrize("syntax", [None, NDR64], ids=["NDR", "NDR64"])
def test_the_interfaces_are_listed(connect, syntax):
    rpc = connect(("afa8bd80-7d8a-11c9-bef4-08002b102989", "1.0"), syntax)
    answer = mgmt.hinq_if_ids(rpc)
    served = set()
    for ident in answer["if_id_vector"]["if_id"]:
        served.add(bin_to_uuidtup(ident["Data"].getData())[0].upper())
    assert served == {ACTIVATION[0], lab_interface()[0].upper(),
                      "AFA8BD80-7D8A-11C9-BEF4-08002B102989"}


@pytest.mark.parametrize("syntax", [None, NDR64], ids=["NDR", "NDR64"])
def test_statistics_are_counted(connect, syntax):
    rpc = connect(("afa8bd80-7d8a-11c9-bef4-08002b102989", "1.0"), syntax)
    mgmt.hinq_if_ids(rpc)
    assert all(n >= 1 for n in mgmt.hinq_stats(rpc)["statistics"])


@pytest.mark.parametrize("syntax", [None, NDR64], ids=["NDR", "NDR64"])
def test_the_server_refuses_to_stop(connect, syntax):
    rpc = connect(("afa8bd80-7d8a-11c9-bef4-08002b102989", "1.0"), syntax)
    assert mgmt.his_server_listening(rpc)["status"] == 0
    rpc.call(3, b"")
    assert rpc.recv() == struct.pack("<I", 5)


@pytest.mark.parametrize("length", [0, 1, 100, 5000, 20000])
@pytest.mark.parametrize("fragment", [None, 64])
def test_an_echo_survives_fragments_both_ways(connect, length, fragment):
    rpc = connect(lab_interface())
    if fragment is not None:
        rpc.set_max_fragment_size(fragment)
    data = bytes(i * 7 & 0xff for i in range(length))
    assert echo(rpc, data) == data
    assert echo(rpc, data[::-1]) == data[::-1]


def test_an_echo_in_ndr64(connect):
    rpc = connect(lab_interface(), NDR64)
    assert echo(rpc, b"abcdefgh", wide=True) == b"abcdefgh"


@pytest.mark.parametrize("operation, stub, text", [
    (99, b"", "nca_s_op_rng_error"),
    (ECHO, b"\xff\xff\xff\xff", "rpc_x_bad_stub_data"),
])
def test_a_fault_is_decoded_and_the_connection_stays(connect, operation, stub, text):
    rpc = connect(lab_interface())
    rpc.call(operation, stub)
    with pytest.raises(DCERPCException) as error:
        rpc.recv()
    assert text in str(error.value).lower()
    assert echo(rpc, b"still here") == b"still here"


def test_a_foreign_interface_is_refused_at_bind(connect):
    with pytest.raises(DCERPCException) as error:
        connect(("12345778-1234-abcd-ef00-0123456789ab", "0.0"))
    assert "abstract_syntax_not_supported" in str(error.value)
