"""tshark's dissector finds nothing wrong with what adbad sends: a capture of binds in both transfer
syntaxes, fragments both ways, faults and refusals of ours is decoded without malformed packet or error."""
import signal
import subprocess

import pytest
from impacket.dcerpc.v5 import mgmt, transport
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import uuidtup_to_bin
from lab import wait_for
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

    def packets(expression, whole=True):
        """The lines of the packets that the display filter selects."""
        done = subprocess.run(["tshark", "-r", str(path), "-d", f"tcp.port=={daemon.port},dcerpc",
                               "-Y", expression], capture_output=True, text=True, check=False)
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


def test_tshark_finds_no_malformed_packet(captured):
    daemon, stop = captured
    mgmt.hinq_if_ids(connect(daemon, MGMT))
    wide = connect(daemon, lab_interface(), NDR64)
    assert echo(wide, b"abcdefgh", wide=True) == b"abcdefgh"
    with pytest.raises(DCERPCException):
        connect(daemon, ("12345778-1234-abcd-ef00-0123456789ab", "0.0"))
    rpc = connect(daemon, lab_interface())
    rpc.set_max_fragment_size(64)
    assert echo(rpc, bytes(20000)) == bytes(20000)
    rpc.call(99, b"some")
    with pytest.raises(DCERPCException):
        rpc.recv()
    packets = stop()
    assert packets("dcerpc.pkt_type == 12").count("\n") >= 4
    assert packets("dcerpc.pkt_type == 2").count("\n") >= 3
    assert packets("_ws.malformed || _ws.expert.severity >= error") == ""
