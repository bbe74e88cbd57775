"""Documents whose commands are run here as they stand there, and whose codes are looked up."""
import csv
import json
import os
import re
import uuid

import pytest
import yaml

import docs
from kms_lab import Clients
from lab import Lab, free_port, wait_for


def catalogue_of_codes():
    with open(os.path.join(docs.ROOT, "data", "error_codes.csv"), encoding="utf-8") as f:
        return {row["code"].upper(): row["name"] for row in csv.DictReader(f)}


def test_codes_of_troubleshooting_are_documented_ones():
    known = catalogue_of_codes()
    text = docs.text_of("troubleshooting.md")
    named = re.findall(r"\b0x([0-9A-Fa-f]{8})\b(?: ([A-Z][A-Z_]+[A-Z]))?", text)
    assert len(named) > 15
    for code, name in named:
        code = "0X" + code.upper()
        assert code in known, code
        assert name in ("", known[code]), f"{code} is {known[code]}"


def test_commands_of_troubleshooting_exist(lab):
    for command in set(re.findall(r"`adbactl ([a-z]+(?: [a-z-]+)?)", docs.text_of("troubleshooting.md"))):
        assert lab.adbactl(*command.split(), "--help").out.startswith(f"Usage: adbactl {command.split(' -')[0]} ")


# -- the gateway --

GATEWAY = """[realm]
dir = {root}/realm
[store]
state_dir = {root}/state
[kms]
listen = 127.0.0.1:{port}
[control]
socket = {root}/control.sock
[web]
listen = none
"""


@pytest.fixture(name="licensed")
def host_of_another_realm():
    """What stands for the organisation's own host."""
    with Lab(realm="OTHER") as other:
        host = other.daemon(options={"lab.enabled": None, "lab.clock": None})
        other.install_hostkey(host)
        yield other, host


def test_a_gateway_is_set_up_as_described(lab, licensed):
    other, host = licensed
    gateway = lab.daemon("gateway", wait=False)
    root = os.path.join(gateway.folder, "adbad")
    os.makedirs(os.path.join(root, "state"), mode=0o700)
    os.chmod(root, 0o700)
    gateway.conf = os.path.join(root, "adbad.conf")
    with open(gateway.conf, "w", encoding="utf-8") as f:
        f.write(GATEWAY.format(root=root, port=gateway.port))
    before, after = docs.commands_of("gateway.md", "Set it up").split("adbactl health")
    places = [("/etc/adbad", root), ("kms.example:1688", host.address)]
    said = docs.run(lab, before, env={"ADBAD_CONF": gateway.conf}, replace=places)
    assert "takes calls" in said
    gateway.start()
    wait_for(lambda: gateway.ctl("relay", "status", "--json").json["healthy"], "the upstream is known")
    said = docs.run(lab, "adbactl health" + after, env={"ADBAD_CONF": gateway.conf})
    assert "relays everything" in said and " up " in said
    genuine = Clients(other, gateway.port, "Windows Server 2022", "Standard")
    assert genuine.count(client_id=uuid.UUID(int=1)) == 1
    assert host.status()["applications"][0]["count"] == 1 and gateway.status()["totals"]["answered"] == 0
    listing, record = re.findall(r"```sh\n(.*?)```", docs.text_of("gateway.md", "Let clients find it"), re.S)

    def listed():
        return host.address in docs.run(lab, listing, env={"ADBAD_CONF": gateway.conf})

    wait_for(listed, "the relayed request is listed")
    with open(os.path.join(root, "svc-adbad.keytab"), "w", encoding="ascii"):
        pass
    docs.run(lab, record, env={"ADBAD_CONF": gateway.conf}, replace=[*places[:1], ("/root/", root + "/")])
    # All is there without which no update is made.
    shown = {(row["section"], row["key"]): row["value"] for row in gateway.ctl("conf", "show", "--json").json["keys"]}
    assert shown["dns", "domains"] == "example" and shown["directory", "mechanism"] == "gssapi"
    assert shown["directory", "uri"] == "auto" and os.path.exists(shown["directory", "keytab"])


# -- the workflow --

def workflow_steps(text):
    """Its steps that run something: name to script."""
    return {step["name"]: step["run"] for step in text if "run" in step}


@pytest.mark.lengthy
def test_the_workflow_holds_what_it_says(lab, tmp_path):
    with open(os.path.join(docs.ROOT, "contrib", "ci", "adbad-flows.yml"), encoding="utf-8") as f:
        job = yaml.safe_load(f)["jobs"]["flows"]
    scripts = workflow_steps(job["steps"])
    assert scripts.pop("install")  # the package's own tests run it
    own, = workflow_steps(yaml.safe_load(re.search(r"```yaml\n(.*?)```", docs.text_of("ci.md"), re.S).group(1))).values()
    lab.directory = folder = str(tmp_path / "l")  # ended with the lab, if a step fails
    env = {"ADBAD_CONF": job["env"]["ADBAD_CONF"].replace("/tmp/lab", folder)}
    # Ports that no other test may have; the results lie in the lab.
    quiet = f"printf '[web]\\nlisten = none\\n' >>{env['ADBAD_CONF']}\n"
    changes = {"lab up": [(f"lab up {folder}", f"lab up {folder} --kms-port {free_port()}"),
                          ("adbactl realm init", quiet + "adbactl realm init")],
               "results": [("results", f"{tmp_path}/results")]}
    told = []
    try:
        for script in [*list(scripts.values())[:-1], own, scripts["away"]]:
            replace = [("/tmp/lab", folder)] + [r for word, more in changes.items() if word in script for r in more]
            told.append(docs.run(lab, script, env=env, replace=replace))
    finally:
        if len(told) < len(scripts) + 1 and os.path.exists(os.path.join(folder, "adbad.pid")):
            docs.run(lab, f"kill $(cat {folder}/adbad.pid)")
    assert "OK: daemon" in told[0]
    assert told[1].count("Product activated successfully.") == 1
    assert "Product activated successfully." in told[2]
    assert "PC01,pc01.lab.example,disabled," in (tmp_path / "results" / "compliance.csv").read_text()
    asked = [json.loads(line) for line in (tmp_path / "results" / "activations.jsonl").read_text().splitlines()]
    assert sum(row["product"] == "Windows Server 2022" for row in asked) == 5
    assert "Product activated successfully." in told[6]
    assert not os.path.exists(os.path.join(folder, "ldapi"))
