"""tshark's dissector finds nothing wrong with what adbad and adbaclient send: a capture of every version in both
transfer syntaxes, fragments both ways, faults and refusals is decoded without malformed packet or error."""
import os
import signal
import socket
import subprocess

import pytest
import rpc_pdu
from impacket.dcerpc.v5 import mgmt, transport
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import uuidtup_to_bin
from lab import read_until_closed, wait_for
from rpc_pdu import ACTIVATION, NDR
from test_rpc_impacket import NDR64, echo, lab_interface

MGMT = ("afa8bd80-7d8a-11c9-bef4-08002b102989", "1.0")


@pytest.fixture
def captured(lab, tmp_path):
    """The daemon, and a function that ends the capture of its port and names the file."""
    daemon = lab.daemon()
    path = tmp_path / "lo.pcap"
    capture = subprocess.Popen(
        ["tshark", "-i", "lo", "-f", f"tcp port {daemon.port}", "-w", str(path), "-q"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in capture.stderr:  # the last line before packets are taken
        if "File: " in line:
            break

    def packets(expression, *fields, whole=True):
        """The lines of the packets that the display filter selects, or those of their fields."""
        columns = ["-T", "fields", *(x for f in fields for x in ("-e", f))] if fields else []
        done = subprocess.run(["tshark", "-r", str(path), "-d", f"tcp.port=={daemon.port},dcerpc",
                               "-Y", expression, *columns], capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not whole, done.stderr  # a growing file may be cut short
        return done.stdout

    def stop():
        # The last connection's end is in the file, so everything before it is, too.
        wait_for(lambda: packets("dcerpc.opnum == 99", whole=False), "the last request in the capture")
        capture.send_signal(signal.SIGINT)
        capture.communicate(timeout=30)
        return packets

    yield daemon, stop
    if capture.poll() is None:
        capture.kill()
        capture.wait()


def connect(daemon, interface, syntax=None):
    rpc = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:127.0.0.1[{daemon.port}]").get_dce_rpc()
    rpc.connect()
    rpc.bind(uuidtup_to_bin(interface), **({} if syntax is None else {"transfer_syntax": syntax}))
    return rpc


# Each names one of the protocol's versions to its client.
PRODUCTS = {4: ("Windows 7", "Enterprise"), 5: ("Windows Server 2012", "Standard"), 6: ("Windows 11", "Enterprise")}
FEATURES = "6cb71c2c-9812-4540-0300-000000000000"  # both that exist (MS-RPCE 3.3.1.5.3)
OFFERS = {(): [NDR64[0], NDR[0], FEATURES], ("--ndr20",): [NDR[0], FEATURES], ("--ndr64",): [NDR64[0], FEATURES]}


def activate(lab, daemon):
    """Each version asks with every offer of transfer syntaxes, whole and in fragments of 64 bytes."""
    for major, (product, edition) in PRODUCTS.items():
        machine = os.path.join(lab.folder, f"PC{major}")
        lab.client("--machine", machine, "init", "--product", product, "--edition", edition,
                   "--bundle", lab.bundle, "--kms", daemon.address)
        for offer in OFFERS:
            for size in ((), ("--max-fragment", 64)):
                said = lab.client("--machine", machine, *offer, *size, "/ato", expect=10)
                assert "0xC004F038" in said.out  # answered, with a count that is too low
        with open(os.path.join(machine, "machine.json"), encoding="utf-8") as f:
            assert not {"ndr", "fragment"} & set(f.read().lower().split('"'))


def echo_both_ways(daemon):
    for syntax, wide in ((None, False), (NDR64, True)):
        rpc = connect(daemon, lab_interface(), syntax)
        assert echo(rpc, b"abcdefgh", wide=wide) == b"abcdefgh"
        rpc.set_max_fragment_size(64)
        assert echo(rpc, bytes(20000), wide=wide) == bytes(20000)


def provoke_refusals(daemon):
    with pytest.raises(DCERPCException):
        connect(daemon, ("12345778-1234-abcd-ef00-0123456789ab", "0.0"))
    with socket.create_connection(("127.0.0.1", daemon.port)) as s:
        s.sendall(rpc_pdu.request(b"before bind"))
        read_until_closed(s)


def finish(daemon):
    rpc = connect(daemon, lab_interface())
    rpc.call(99, b"some")
    with pytest.raises(DCERPCException):
        rpc.recv()


def values(lines):
    """One list for each line, of a list for each column."""
    return [[column.split(",") for column in line.split("\t")] for line in lines.splitlines()]


def test_tshark_finds_nothing_wrong(lab, captured):
    daemon, stop = captured
    lab.install_hostkey(daemon)
    activate(lab, daemon)
    mgmt.hinq_if_ids(connect(daemon, MGMT))
    mgmt.his_server_listening(connect(daemon, MGMT))
    echo_both_ways(daemon)
    provoke_refusals(daemon)
    finish(daemon)
    packets = stop()
    assert packets("_ws.malformed || _ws.expert.severity >= error") == ""
    # And it saw what is claimed: the offers, the syntax agreed on, the versions, and fragments both ways.
    kms = f"dcerpc.cn_bind_to_uuid == {ACTIVATION[0]}"
    offers = [row[0] for row in values(packets(f"dcerpc.pkt_type == 11 && {kms}", "dcerpc.cn_bind_trans_id"))]
    assert sorted(offers) == sorted(offer for offer in OFFERS.values() for _ in range(6))
    streams = {row[0][0] for row in values(packets(f"dcerpc.pkt_type == 11 && {kms}", "tcp.stream"))}
    agreed = {row[0][0]: row[1][0] for row in values(
        packets("dcerpc.pkt_type == 12 && dcerpc.cn_ack_result == 0", "tcp.stream", "dcerpc.cn_ack_trans_id"))}
    asked = set()
    for (stream,), flags, stub in values(packets("dcerpc.pkt_type == 0", "tcp.stream", "dcerpc.cn_flags", "dcerpc.stub_data")):
        if stream in streams:
            wide = agreed[stream] == NDR64[0]
            asked.add((int(stub[0].replace(":", "")[2 * (18 if wide else 10):][:2], 16), wide, len(flags) > 1))
    assert asked == {(major, wide, split) for major in PRODUCTS for wide in (False, True) for split in (False, True)}
    middle = "dcerpc.cn_flags.first_frag == 0 && dcerpc.cn_flags.last_frag == 0"
    assert packets(f"dcerpc.pkt_type == 2 && {middle}") != ""
