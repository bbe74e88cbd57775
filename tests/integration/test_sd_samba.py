"""Security descriptors beside Samba's own implementation: same bytes, same text, same decisions."""
import os
import random
import subprocess

import pytest
from samba import NTSTATUSError
from samba import security as access
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.ntstatus import NT_STATUS_ACCESS_DENIED

from lab import TOOLS

DOMAIN = "S-1-5-21-1004336348-1177238915-682003330"

# The containers' entries as forest preparation writes them, objects as an administrator and as a
# delegated account make them, and what else directories hold.
TEXTS = [
    "O:BAG:BAD:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)(A;;RPLCLORC;;;AU)",
    "D:(A;;RPLCLORC;;;AU)(A;;RPWPCRLCLOCCRCWDWOSW;;;EA)(A;;RPWPCRLCLOCCDCRCWDWOSDDTSW;;;SY)",
    "D:(A;;RPWPLCLORCWDSD;;;S-1-5-21-1004336348-1177238915-682003330-1107)(A;;RPLCLORC;;;AU)",
    "O:DAG:DUD:PAI(A;CIID;GA;;;SY)(D;OICI;WP;;;WD)",
    "D:ARAI(OA;CIIO;RPWP;bf967a86-0de6-11d0-a285-00aa003049e2;bf967aba-0de6-11d0-a285-00aa003049e2;PS)",
    "D:(OA;;CCDC;bf967a86-0de6-11d0-a285-00aa003049e2;;AO)(OD;;WP;;bf967a86-0de6-11d0-a285-00aa003049e2;BU)",
    "O:SYG:SYD:(A;;GRGX;;;RU)S:PAI(AU;SAFA;WDWOWPCCDCSW;;;WD)(OU;CISA;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;DU)",
    "O:LAG:LGD:(A;;0x1200a9;;;IU)(A;NP;CR;;;AN)",
    "D:", "O:EA", "G:S-1-16-12288", "D:(A;;RP;;;S-1-5-32-579)(A;;RP;;;ED)(A;;RP;;;RO)(A;;RP;;;SA)(A;;RP;;;PA)",
]

ALIASES = ["WD", "CO", "CG", "OW", "NU", "IU", "SU", "AN", "ED", "PS", "AU", "RC", "SY", "LS", "NS", "BA", "BU", "BG",
           "PU", "AO", "SO", "PO", "BO", "RE", "RU", "RD", "NO", "LA", "LG", "DA", "DU", "DG", "DC", "DD", "CA", "PA",
           "RS", "RO", "SA", "EA", "MU", "LU", "IS", "CY", "ER", "CD", "WR", "CN", "AP"]


def tool(command, lines, *argv):
    """sd_tool's answer to each line."""
    done = subprocess.run([os.path.join(TOOLS, "sd_tool"), command, DOMAIN, *argv], input="\n".join(lines) + "\n",
                          capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def samba_bytes(text):
    return ndr_pack(security.descriptor.from_sddl(text, security.dom_sid(DOMAIN)))


def same(left, right):
    """Whether two binary descriptors say the same, by Samba's reading."""
    a, b = ndr_unpack(security.descriptor, left), ndr_unpack(security.descriptor, right)
    return (a.as_sddl(security.dom_sid(DOMAIN)) == b.as_sddl(security.dom_sid(DOMAIN))
            and a.type == b.type)


@pytest.mark.parametrize("text", TEXTS)
def test_text_gives_the_bytes_that_samba_makes_of_it(text):
    assert tool("encode", [text]) == [samba_bytes(text).hex()]


@pytest.mark.parametrize("text", TEXTS)
def test_our_text_of_sambas_bytes_means_the_same_to_samba(text):
    ours = tool("decode", [samba_bytes(text).hex()])[0]
    assert same(samba_bytes(ours), samba_bytes(text)), ours


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_stands_for_the_sid_that_samba_knows(alias):
    try:
        expected = samba_bytes(f"O:{alias}")
    except TypeError:
        pytest.fail(f"Samba does not know {alias}: take it from this list")
    assert tool("encode", [f"O:{alias}"]) == [expected.hex()]


@pytest.fixture(scope="module")
def seed():
    value = int(os.environ.get("TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"TEST_SEED={value}")
    return value


SIDS = [f"{DOMAIN}-{rid}" for rid in (512, 1107, 1108)] + ["S-1-5-11", "S-1-1-0", "S-1-3-4", "S-1-5-32-544"]
BITS = [1 << n for n in range(9)] + [0x10000, 0x20000, 0x40000, 0x80000]


def random_descriptor(rng):
    sd = security.descriptor()
    sd.owner_sid = security.dom_sid(rng.choice(SIDS[:3]))
    sd.group_sid = security.dom_sid(SIDS[0])
    for _ in range(rng.randrange(8)):
        ace = security.ace()
        ace.type = rng.choice([security.SEC_ACE_TYPE_ACCESS_ALLOWED, security.SEC_ACE_TYPE_ACCESS_DENIED])
        ace.flags = rng.choice([0, 0, 0, security.SEC_ACE_FLAG_INHERIT_ONLY, security.SEC_ACE_FLAG_INHERITED_ACE])
        ace.access_mask = sum(rng.sample(BITS, rng.randrange(1, 8)))
        ace.trustee = security.dom_sid(rng.choice(SIDS))
        sd.dacl_add(ace)
        sd.dacl.revision = security.SECURITY_ACL_REVISION_ADS
    sd.type |= security.SEC_DESC_DACL_PRESENT | security.SEC_DESC_SELF_RELATIVE
    return sd


def samba_granted(sd, sids):
    token = security.token()
    token.sids = [security.dom_sid(s) for s in sids]
    token.num_sids = len(sids)
    granted = 0
    for bit in BITS:
        try:
            access.access_check(sd, token, bit)
            granted |= bit
        except NTSTATUSError as e:
            assert e.args[0] == NT_STATUS_ACCESS_DENIED, e
    return granted


def test_decisions_are_sambas(seed):
    rng = random.Random(seed)
    sids = [SIDS[1], SIDS[3], SIDS[4]]
    descriptors = [random_descriptor(rng) for _ in range(300)]
    with_list = [d for d in descriptors if d.dacl is not None]
    ours = tool("granted", [ndr_pack(d).hex() for d in with_list], *sids)
    wrong = [(d.as_sddl(security.dom_sid(DOMAIN)), got, hex(samba_granted(d, sids)))
             for d, got in zip(with_list, ours) if got != hex(samba_granted(d, sids))]
    assert not wrong, f"TEST_SEED={seed}: {wrong[:3]}"


def test_random_descriptors_come_back_byte_for_byte(seed):
    rng = random.Random(seed)
    lines = [ndr_pack(random_descriptor(rng)).hex() for _ in range(300)]
    assert tool("encode", tool("decode", lines)) == lines


def test_writers_are_those_that_an_entry_lets_write():
    text = "O:BAG:BAD:(A;;RPLCLORC;;;AU)(A;;RPWP;;;SY)(A;IO;GA;;;WD)(OA;;CC;bf967a86-0de6-11d0-a285-00aa003049e2;;DU)"
    assert tool("writers", [samba_bytes(text).hex()]) == [
        f"S-1-5-32-544=0x40000 S-1-5-18=0x20 {DOMAIN}-513=0x1"]


def test_damaged_text_is_refused_with_its_place():
    for text, where in (("D:(A;;RP;;AU)", "character 11"), ("X:", "character 1:"), ("D:(A;;QQ;;;AU)", "character 7:"),
                        ("D:(A;;RP;;;ZZ)", "character 12:"), ("D:D:", "character 5:"), ("D:(A;;RP;;;AU", "character 14:")):
        answer = tool("encode", [text])[0]
        assert answer.startswith("error: ") and where in answer, (text, answer)
