"""What only a real AD domain can show: a read-only DC, an old schema, a lost access entry."""
import base64
import os

from directories import FOREST
from lab import Lab

GROUP = "Volume License for Windows Server 2022"
CLIENT_GROUP = "Volume License for Windows 10"


def said(result):
    """What a command said, without the program's name."""
    text = (result.err or result.out).strip().splitlines()
    return text[-1].split(": ", 1)[-1] if text else ""


def rodc(demo):
    """A write on a read-only DC is refused or goes to a writable one; reading works from its replica."""
    ad = demo.directory.ad
    remote = demo.lab.daemon("kms-rodc", wait=False, options={
        "directory.uri": f"ldap://ro1.{FOREST}", "directory.on_rodc": "refuse"})
    demo.lab.install_hostkey(remote, CLIENT_GROUP)
    refused = remote.ctl("ao", "create", "--group", CLIENT_GROUP, expect=None)
    remote.options["directory.on_rodc"] = "switch"
    remote.write_conf()
    made = remote.ctl("ao", "create", "--group", CLIENT_GROUP, expect=None)
    ad.ro1.replicate()
    machine = demo.site.add("PC05", "Windows 11", "Enterprise", demo.kms,
                            member=True, dc="ro1")
    got = machine.ato()
    asked = got["attempt"]["tries"][0]
    reading = "Licensed by AD" if asked["granted"] else f"not from there: {asked['text']}"
    demo.step(
        "rodc",
        "A branch office has a read-only domain controller. Nothing can be written there; with "
        "on_rodc = switch the write goes to a writable one. Members read from its replica.",
        "ao create refused, naming dc1; with switch created there; a member reads the object from "
        "ro1, or is told why not",
        f"{said(refused)} (exit {refused.code}); with switch: {'created' if made.code == 0 else said(made)}; a member at ro1: {reading}",
        refused.code == 5 and f"dc1.{FOREST}" in refused.err and made.code == 0
        and (asked["granted"] or asked["text"]))


def acl(demo):
    """Without the read entry an object is there and yet found by nobody."""
    ad = demo.directory.ad
    machine = demo.site.add("PC06", "Windows 11", "Enterprise", demo.kms, member=True)
    before = machine.ato()
    found = next(o for o in demo.kms.ctl("ao", "list", "--json").json["activation_objects"]
                 if o["name"] == GROUP)
    remove_read_entry(ad, found["dn"])
    without = machine.ato()
    checked = demo.kms.ctl("directory", "check", "--json", expect=None)
    named = next((line for line in checked.json["checks"]
                  if line["state"] != "ok" and GROUP in str(line)), None)
    demo.kms.ctl("ao", "steward")
    after = machine.ato()
    demo.step(
        "acl",
        "The entry that lets members read the object was removed by hand. Members can't find it "
        "then; the doctor says so and the steward mends it.",
        "Licensed by AD; without the entry 0xC004F081 from AD; \"directory check\" names the object; "
        "after \"ao steward\" Licensed by AD",
        f"{brief(before)}; without the entry AD said {without['ad_result']}; directory check: "
        f"{named['finding'] if named else 'nothing'}; after the steward {brief(after)}",
        licensed(before) and without["ad_result"] == "0xC004F081" and named is not None
        and licensed(after))


def remove_read_entry(ad, dn):
    """Takes Authenticated Users out of an object's access list, with Samba's own descriptor code."""
    os.environ.setdefault("SMB_CONF_PATH", "/dev/null")
    from samba.dcerpc import security  # pylint: disable=import-error
    from samba.ndr import ndr_pack, ndr_unpack  # pylint: disable=import-error

    flags = "!1.2.840.113556.1.4.801=::MAMCAQQ="  # SD flags: the access list only
    out = ad.ldap("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", dn, "-s", "base", "-E", flags,
                  "nTSecurityDescriptor").stdout
    value = next(line.split(":: ", 1)[1] for line in out.splitlines()
                 if line.startswith("nTSecurityDescriptor::"))
    descriptor = ndr_unpack(security.descriptor, base64.b64decode(value))
    descriptor.dacl_del(security.dom_sid(security.SID_NT_AUTHENTICATED_USERS))
    changed = base64.b64encode(ndr_pack(descriptor)).decode()
    ad.modify(f"dn: {dn}\ncontrol: 1.2.840.113556.1.4.801 true:: MAMCAQQ=\nchangetype: modify\n"
              f"replace: nTSecurityDescriptor\nnTSecurityDescriptor:: {changed}\n")


def schema_47(demo):
    """A forest that was never prepared for Windows Server 2012."""
    demo.say("a second domain, with the schema of Windows Server 2008 R2")
    old = type(demo.directory)("schema47")
    lab = None
    try:
        lab = Lab(demo.lab.bin, realm=None, prefix=old.prefix, directory=old.settings)
        lab.realm, lab.bundle, lab.clock = demo.lab.realm, demo.lab.bundle, demo.lab.clock
        old.lab = lab
        old.keytab = old.ad.add_service_account("svc-adbad")
        host = lab.daemon("kms-old")
        lab.install_hostkey(host)
        refused = host.ctl("ao", "create", "--group", GROUP, expect=None)
        path = os.path.join(lab.folder, "OLD01")
        lab.client("--machine", path, "init", "--name", "OLD01", "--product", "Windows 11",
                   "--edition", "Enterprise", "--bundle", lab.bundle, "--clock", lab.clock,
                   "--kms", host.address, *old.member("OLD01", host))
        lab.client("--machine", path, "/ato", expect=None)
        got = lab.client("--machine", path, "show", "--json").json["products"][0]
    finally:
        if lab is not None:
            lab.close()
        old.close()
    demo.step(
        "schema-47",
        "The classes of activation objects came with schema version 48. Before that the directory "
        "has no place for them, and clients say so.",
        "ao create refused with the remedy; the client is told 0xC004F083 by AD",
        f"{said(refused)} (exit {refused.code}); the client: {got['ad_result']}",
        refused.code != 0 and "0xC004F083" in refused.err and got["ad_result"] == "0xC004F083")


def brief(product):
    return f"{product['status']} by {product['channel']}"


def licensed(product):
    return product["status"] == "Licensed" and product["channel"] == "AD"

