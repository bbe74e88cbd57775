"""The C code's KMS messages against an independent model (tests/support/kms_model.py)."""
import uuid

import pytest

import kms_model as model
from model_tool import Tool

MAJORS = (4, 5, 6)


class Messages(Tool):
    def __call__(self, verb, *args):
        """The bytes that the tool answers; Foreign or Refused if it refuses."""
        word, rest = self.ask(verb, *(a.hex() for a in args)).split(" ", 1)
        if word == "ok":
            return bytes.fromhex(rest)
        raise (model.Foreign if rest == "not of this realm" else model.Refused)(rest)


@pytest.fixture(name="realm")
def realm_of_both(rng):
    """The same realm on both sides: the model's keys and the C program."""
    secret = rng.randbytes(32)
    tool = Messages("kms_tool", secret)
    yield model.Keys.from_secret(secret), tool
    assert tool.close() == 0


def any_request(rng, major):
    def guid():
        return uuid.UUID(bytes=rng.randbytes(16))

    return model.Request(major, 0, rng.randrange(2), rng.randrange(7), rng.getrandbits(32), guid(),
                         guid(), guid(), guid(), rng.getrandbits(32), rng.getrandbits(64), guid(),
                         "".join(rng.choices("abcXYZ-0189\u00fc\u65e5", k=rng.randrange(64))))


def any_response(rng, request):
    return model.Response(request.major, "".join(rng.choices("0123456789-", k=rng.randrange(64))),
                          request.client_id, request.client_time, rng.getrandbits(32),
                          rng.randrange(15, 43201), rng.randrange(15, 43201))


@pytest.mark.parametrize("major", MAJORS)
def test_c_opens_what_the_model_seals(realm, rng, major):
    keys, tool = realm
    for _ in range(50):
        request = any_request(rng, major)
        sealed = model.seal_request(keys, request)
        assert len(sealed) == model.REQUEST_LEN[major]
        assert tool("open-request", sealed) == request.pack()
        response = any_response(rng, request)
        answer = model.seal_response(keys, sealed, response)
        assert tool("open-response", sealed, answer) == response.pack()


@pytest.mark.parametrize("major", MAJORS)
def test_the_model_opens_what_c_seals(realm, rng, major):
    keys, tool = realm
    for _ in range(50):
        request = any_request(rng, major)
        sealed = tool("seal-request", request.pack())
        assert model.open_request(keys, sealed) == request
        response = any_response(rng, request)
        answer = tool("seal-response", sealed, response.pack())
        assert model.open_response(keys, sealed, answer) == response


@pytest.mark.parametrize("major", MAJORS)
def test_both_refuse_the_same_flipped_bits(realm, rng, major):
    keys, tool = realm
    request = any_request(rng, major)
    sealed = model.seal_request(keys, request)
    answer = model.seal_response(keys, sealed, any_response(rng, request))
    for at in range(len(answer)):
        bad = bytearray(answer)
        bad[at] ^= 1 << rng.randrange(8)
        with pytest.raises(model.Refused) as ours:
            tool("open-response", sealed, bytes(bad))
        with pytest.raises(model.Refused) as theirs:
            model.open_response(keys, sealed, bytes(bad))
        assert ours.value.foreign == theirs.value.foreign, f"byte {at}"


@pytest.mark.parametrize("major", MAJORS)
def test_an_answer_to_another_request_is_foreign_to_both(realm, rng, major):
    keys, tool = realm
    request = any_request(rng, major)
    first, second = (model.seal_request(keys, request) for _ in range(2))
    answer = model.seal_response(keys, first, any_response(rng, request))
    with pytest.raises(model.Foreign):
        tool("open-response", second, answer)
    with pytest.raises(model.Foreign):
        model.open_response(keys, second, answer)


@pytest.mark.parametrize("major", MAJORS)
def test_another_realm_is_foreign_to_c(realm, rng, major):
    _, tool = realm
    other = model.Keys.from_secret(rng.randbytes(32))
    with pytest.raises(model.Foreign):
        tool("open-request", model.seal_request(other, any_request(rng, major)))
