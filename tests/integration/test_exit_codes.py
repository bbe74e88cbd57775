"""docs/exit-codes.md: what a command is about, and is not configured, ends with 3 and is named."""
import pytest

from lab import Lab

NOT_CONFIGURED = [
    ("relay test", "[relay] upstream"),
    ("dns check", "[dns] domains"), ("dns publish", "[dns] domains"),
    ("ao list", "[directory] uri"), ("machine list", "[directory] uri"),
    ("membership status", "[directory] uri"), ("membership sync", "[directory] uri"),
    ("clearing status", "[clearing] serve"), ("clearing list", "[clearing] serve"), ("mak list", "[clearing] serve"),
    ("mak proxy --machines .", "[clearing] host"),
]


@pytest.fixture(name="bare", scope="module")
def bare_host():
    """A host with a realm and nothing else."""
    with Lab() as lab:
        yield lab.daemon(options={"lab.enabled": None, "lab.clock": None})


@pytest.mark.parametrize("command, key", NOT_CONFIGURED + [("clock advance 1d", "[lab] enabled")])
def test_what_is_not_configured_is_named(bare, command, key):
    assert key in bare.ctl(*command.split(), expect=3).err


def test_a_product_with_editions_needs_one(bare):
    said = bare.ctl("mak", "issue", "--product", "Windows Server 2022", expect=2).err
    assert said.startswith("adbactl: Windows Server 2022 needs --edition: ") and "Standard, Datacenter" in said
    assert "nearest" in bare.ctl("mak", "issue", "--product", "Windows 111", expect=4).err
