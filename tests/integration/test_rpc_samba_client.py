"""Samba's own RPC client, which negotiates features at bind time, against adbad."""
import os

os.environ.setdefault("SMB_CONF_PATH", "/dev/null")

from samba import NTSTATUSError  # noqa: E402
from samba.credentials import Credentials  # noqa: E402
from samba.dcerpc import base, mgmt  # noqa: E402
from samba.param import LoadParm  # noqa: E402

import pytest  # noqa: E402

PROCNUM_OUT_OF_RANGE = 0xC002002E  # the NTSTATUS of nca_s_op_rng_error
MGMT = ("afa8bd80-7d8a-11c9-bef4-08002b102989", 1)


def binding(daemon, options=""):
    return f"ncacn_ip_tcp:127.0.0.1[{daemon.port}{options}]"


def anonymous():
    creds = Credentials()
    creds.set_anonymous()
    return creds


@pytest.fixture
def settings():
    return LoadParm()


@pytest.mark.parametrize("options", ["", ",bigendian"])
def test_management_interface_is_decoded(lab, settings, options):
    daemon = lab.daemon()
    client = mgmt.mgmt(binding(daemon, options), settings, anonymous())
    ids = client.inq_if_ids()
    assert MGMT[0] in {str(ident.id.uuid) for ident in ids.if_id}
    stats = client.inq_stats(4, 0)
    assert stats.count == 4
    assert stats.statistics[0] >= 2
    assert client.is_server_listening()


def test_raw_connection_gets_a_fault_for_an_operation_out_of_range(lab, settings):
    daemon = lab.daemon()
    client = base.ClientConnection(binding(daemon), MGMT, settings)
    assert len(client.request(0, b"")) > 20
    with pytest.raises(NTSTATUSError) as error:
        client.request(99, b"")
    assert error.value.args[0] == PROCNUM_OUT_OF_RANGE
    assert len(client.request(0, b"")) > 20
