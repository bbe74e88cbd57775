"""The C code's activation IDs against an independent model (tests/support/activation_ids.py)."""
import os
import uuid

import pytest

import activation_ids as model
from model_tool import Tool

GROUPS = ("Volume License for Windows Server 2022", "Volume License for Windows 8.1")


class Ids(Tool):
    def __call__(self, *words):
        answer = self.ask(*words).split()
        if answer[0] == "error":
            raise model.Refused(answer[1])
        return answer[1:]


@pytest.fixture(name="realm")
def realm_of_both(rng):
    secret = rng.randbytes(32)
    tool = Ids("ids_tool", secret)
    yield model.clearing_key(secret), tool
    assert tool.close() == 0


def any_hardware(rng):
    return str(uuid.UUID(int=rng.getrandbits(128)))


@pytest.mark.parametrize("leader", model.LEADERS)
def test_both_make_the_same_digits_of_a_machine(rng, leader):
    secret = rng.randbytes(32)
    tool = Ids("ids_tool", secret)
    for _ in range(50):
        key, hardware = model.key_text(rng.randrange(31 ** 19), leader), any_hardware(rng)
        confirm = model.machine_key(secret, key)
        iid = model.Iid.make_machine(key, hardware, confirm)
        assert tool("machine", key, hardware) == [iid.text(), iid.cid(confirm)]
        assert tool("read", iid.text())[2] == key
        assert model.Iid.read(iid.text()) == iid
    assert tool.close() == 0


def any_iid(rng, clearing):
    key, group = model.key_text(rng.randrange(31 ** 19)), rng.choice(GROUPS)
    confirm = model.confirmation_key(clearing, key, group)
    target = rng.randbytes(16)
    return model.Iid.make(rng.randrange(2), key, group, target, confirm), confirm, target, group


def test_the_documents_example_holds_for_both():
    path = os.path.join(os.path.dirname(__file__), "../../docs/protocol/activation-ids.md")
    with open(path, encoding="utf-8") as f:
        said = dict(line.strip().split("  ", 1) for line in f if line.startswith("    ") and "  " in line.strip())
    said = {name: value.strip() for name, value in said.items()}
    secret = bytes(range(32))
    clearing = model.clearing_key(secret)
    confirm = model.confirmation_key(clearing, said["host key"], said["group"])
    target = model.forest_target("lab.example")
    iid = model.Iid.make(model.FOREST, said["host key"], said["group"], target, confirm)
    assert (clearing.hex(), confirm.hex()) == (said["clearing key"], said["confirmation key"])
    assert target.hex() == said["target"]
    assert (iid.text(), iid.cid(confirm)) == (said["IID"], said["CID"])
    tool = Ids("ids_tool", secret)
    assert tool("make", "1", iid.key, target.hex(), said["group"]) == [said["IID"], said["CID"]]
    assert tool.close() == 0


def test_both_make_the_same_digits(realm, rng):
    clearing, tool = realm
    for _ in range(200):
        iid, confirm, target, group = any_iid(rng, clearing)
        assert tool("make", str(iid.kind), iid.key, target.hex(), group) == [
            iid.text(), iid.cid(confirm)]


def test_each_reads_what_the_other_wrote(realm, rng):
    clearing, tool = realm
    for _ in range(200):
        iid, _, target, group = any_iid(rng, clearing)
        assert tool("read", iid.text()) == [str(v) for v in (
            iid.kind, iid.group, iid.key, iid.binding, iid.seal)]
        assert model.Iid.read(tool("make", str(iid.kind), iid.key, target.hex(), group)[0]) == iid


def test_both_refuse_the_same_single_errors_and_swaps(realm, rng):
    clearing, tool = realm
    text = any_iid(rng, clearing)[0].text()
    bad = set()
    for i, c in enumerate(text):
        if c != "-":
            bad.update(text[:i] + d + text[i + 1:] for d in "0123456789" if d != c)
        if text[i:i + 2].isdigit() and len(text[i:i + 2]) == 2 and text[i] != text[i + 1]:
            bad.add(text[:i] + text[i + 1] + text[i] + text[i + 2:])
    assert len(bad) > 63 * 9
    for wrong in sorted(bad):
        with pytest.raises(model.Refused, match="0xC004F04D"):
            tool("read", wrong)
        with pytest.raises(model.Refused, match="group"):
            model.Iid.read(wrong)


def test_a_mixed_up_confirmation_id_is_told_apart(realm, rng):
    clearing, tool = realm
    iid, confirm, target, group = any_iid(rng, clearing)
    assert tool("check", iid.cid(confirm), iid.text(), group) == []
    other_key, other_confirm, _, _ = any_iid(rng, clearing)
    with pytest.raises(model.Refused, match="0xC004F07E"):
        tool("check", other_key.cid(other_confirm), iid.text(), group)
    elsewhere = model.Iid.make(iid.kind, iid.key, group, rng.randbytes(16), confirm)
    with pytest.raises(model.Refused, match="0xC004F07F"):
        tool("check", elsewhere.cid(confirm), iid.text(), group)
    other_kind = model.Iid.make(1 - iid.kind, iid.key, group, target, confirm)
    with pytest.raises(model.Refused, match="0xC004F031"):
        tool("check", other_kind.cid(confirm), iid.text(), group)
    with pytest.raises(model.Refused, match="0xC004F02F"):
        tool("check", iid.cid(confirm)[:-1], iid.text(), group)
