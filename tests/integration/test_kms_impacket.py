"""An activation driven by other people's DCE/RPC and an independent model of the messages."""
import csv
import io
import os
import subprocess
import time
import uuid

import pytest
from impacket.dcerpc.v5.rpcrt import DCERPCException

import kms_model as model
from kms_impacket import NDR, NDR64, Connection

WINDOWS = uuid.UUID("55c92734-d682-4d71-983e-d6ec3f16059f")
MAJORS = (4, 5, 6)
HOUR = 3600


@pytest.fixture(name="host")
def host_with_a_server_key(lab):
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    return daemon


@pytest.fixture(name="keys")
def keys_of_the_realm(lab):
    return model.Keys.from_bundle(lab.bundle)


@pytest.fixture(name="windows_11")
def ids_of_windows_11(lab):
    out = subprocess.run([lab.program("catalog_dump"), "products"], check=True, timeout=30,
                         capture_output=True).stdout.decode()
    for row in csv.DictReader(io.StringIO(out)):
        if (row["product"], row["edition"]) == ("Windows 11", "Enterprise"):
            return {"application_id": WINDOWS, "activation_id": uuid.UUID(row["activation_id"]),
                    "kms_id": uuid.UUID(row["kms_id"])}
    raise AssertionError("catalog_dump names no Windows 11 Enterprise")


def ask(host, keys, request, syntax=NDR, fragment=None):
    """One activation on a connection of its own: the opened answer (or None) and the result."""
    sealed = model.seal_request(keys, request)
    with Connection("127.0.0.1", host.port, syntax, fragment) as connection:
        data, result = connection.call(sealed)
    return (model.open_response(keys, sealed, data) if data else None), result


@pytest.mark.parametrize("fragment", [None, 64])
@pytest.mark.parametrize("syntax", [NDR, NDR64], ids=["ndr", "ndr64"])
@pytest.mark.parametrize("major", MAJORS)
def test_an_activation_is_answered(host, keys, windows_11, major, syntax, fragment):
    request = model.Request(major, **windows_11)
    answer, result = ask(host, keys, request, syntax, fragment)
    assert result == 0
    assert (answer.major, answer.minor) == (major, 0)
    assert (answer.client_id, answer.client_time) == (request.client_id, request.client_time)
    assert answer.count == 1
    assert (answer.activation_interval, answer.renewal_interval) == (120, 10080)
    assert answer.epid


def test_distinct_clients_are_counted_and_renewals_are_not(host, keys, windows_11):
    requests = [model.Request(6, **windows_11) for _ in range(30)]
    assert [ask(host, keys, r)[0].count for r in requests] == list(range(1, 31))
    assert ask(host, keys, requests[0])[0].count == 30


def test_one_connection_carries_many_calls(host, keys, windows_11):
    with Connection("127.0.0.1", host.port) as connection:
        for number, major in enumerate(MAJORS * 3, 1):
            sealed = model.seal_request(keys, model.Request(major, **windows_11))
            data, result = connection.call(sealed)
            assert result == 0
            assert model.open_response(keys, sealed, data).count == number


@pytest.mark.parametrize("change, result", [
    ({"kms_id": uuid.UUID(int=7)}, 0xC004F042),
    ({"required_count": 1001}, 0x8007000D),
    ({"client_time": model.filetime(time.time() - 5 * HOUR)}, 0xC004F06C),
    ({"client_time": model.filetime(time.time() + 5 * HOUR)}, 0xC004F06C),
    ({"is_virtual": 2}, 0x8007000D),
], ids=["not served", "n-policy", "clock behind", "clock ahead", "field"])
@pytest.mark.parametrize("syntax", [NDR, NDR64], ids=["ndr", "ndr64"])
def test_a_refusal_has_a_result_and_no_message(host, keys, windows_11, change, result, syntax):
    assert ask(host, keys, model.Request(6, **{**windows_11, **change}), syntax) == (None, result)
    assert ask(host, keys, model.Request(6, **windows_11))[0].count == 1


def test_another_realm_is_refused_and_named_in_the_log(host, windows_11):
    other = model.Keys.from_secret(os.urandom(32))
    assert ask(host, other, model.Request(6, **windows_11)) == (None, 0xC004F042)
    host.wait_log(r"refused, 0xC004F042 foreign: .*client\.bundle")


def test_a_workstation_name_cannot_forge_a_log_line(host, keys, windows_11):
    name = "WS\nforged: ready\x1b[31m"
    assert ask(host, keys, model.Request(6, **windows_11, workstation=name))[1] == 0
    assert host.wait_log(r'"WS\?forged: ready\?\[31m" Windows 11 Enterprise: answered, count 1\b')
    assert not [line for line in host.log().splitlines() if line.startswith("forged")]


@pytest.mark.parametrize("message", [b"", b"\0", b"\0\0\6\0", os.urandom(268), bytes(259)],
                         ids=["empty", "1 byte", "version only", "random", "zeros"])
def test_what_is_no_message_is_refused(host, keys, windows_11, message):
    with Connection("127.0.0.1", host.port) as connection:
        assert connection.call(message) == (b"", 0x8007000D)
        sealed = model.seal_request(keys, model.Request(6, **windows_11))
        assert connection.call(sealed)[1] == 0


@pytest.mark.parametrize("size", [0, 1, 267, 269, 2**31, 2**32 - 1])
def test_a_request_size_that_contradicts_the_array_is_a_fault(host, keys, windows_11, size):
    sealed = model.seal_request(keys, model.Request(4, **windows_11))
    with Connection("127.0.0.1", host.port) as connection:
        with pytest.raises(DCERPCException, match="rpc_x_bad_stub_data"):
            connection.call(sealed, size)
        assert connection.call(sealed)[1] == 0
