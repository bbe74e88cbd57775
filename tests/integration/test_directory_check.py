"""adbactl directory check on a lab directory: each fault is named with its remedy."""
import re
import subprocess

import pytest

from lab import CONTAINER, free_port
from test_client_discovery import Dns, srv

GROUP = "Volume License for Windows Server 2022"


@pytest.fixture(name="host")
def host_with_an_object(lab_with_directory):
    host = lab_with_directory.daemon(wait=False)
    lab_with_directory.install_hostkey(host, GROUP)
    host.ctl("ao", "steward")
    return host


@pytest.fixture(name="dns")
def dns_server(lab):
    server = Dns(lab.folder)
    yield server
    server.stop()


def check(host, *options, expect=None):
    lines = {}
    for line in host.ctl("directory", "check", "--json", *options, expect=expect).json["checks"]:
        lines.setdefault(line["check"], []).append(line)
    return lines


def states(lines):
    return [line["state"] for line in lines]


def test_all_is_well_once_a_record_leads_to_a_host_that_serves(lab_with_directory, host, dns):
    serving = lab_with_directory.daemon("serving")
    dns.serve("--address=/kms.lab.example/127.0.0.1", srv(serving))
    options = ("--dns", f"127.0.0.1:{dns.port}", "--strict")
    found = check(host, *options, expect=0)
    assert {s for lines in found.values() for s in states(lines)} == {"ok"}
    assert f"kms.lab.example port {serving.port} serves KMS" in found["srv"][0]["finding"]
    said = host.ctl("directory", "check", *options).out
    assert re.match(r"ok +connection +ldapi://\S+ answers\n", said) and "Remedy" not in said


def test_a_record_that_leads_nowhere_fails(host, dns):
    port = free_port()
    dns.serve("--address=/kms.lab.example/127.0.0.1", f"--srv-host=_vlmcs._tcp.lab.example,kms.lab.example,{port}")
    (line,) = check(host, "--dns", f"127.0.0.1:{dns.port}", expect=7)["srv"]
    assert line["state"] == "failed" and f"port {port} does not serve" in line["finding"]
    assert "record" in line["remedy"]


def test_a_missing_record_is_a_warning_and_counts_only_when_strict(host, dns):
    dns.serve()
    options = ("--dns", f"127.0.0.1:{dns.port}")
    assert states(check(host, *options, expect=0)["srv"]) == ["warning"]
    check(host, *options, "--strict", expect=7)


def test_nobody_there_and_nobody_let_in_are_told_apart(lab_with_directory, host):
    host.options["directory.user"] = "nobody"
    host.write_conf()
    found = check(host, expect=7)
    assert states(found["connection"]) == ["ok"] and states(found["login"]) == ["failed"]
    lab_with_directory.directory_down()
    found = check(host, expect=7)
    assert states(found["connection"]) == ["failed"] and "login" not in found


def test_a_missing_container_is_named_with_the_remedy(lab_with_directory, host):
    host.ctl("ao", "delete", GROUP, "--yes")
    assert states(check(host)["object"]) == ["warning"]
    subprocess.run(["ldapdelete", "-Q", "-Y", "EXTERNAL", "-H", lab_with_directory.directory_uri, CONTAINER], check=True)
    (line,) = check(host, expect=7)["container"]
    assert line["state"] == "failed" and "directory prepare" in line["remedy"]


def test_an_expired_object_fails_and_one_near_its_end_warns(host):
    host.ctl("clock", "advance", "700d")
    (line,) = check(host, expect=0)["object"]
    assert line["state"] == "warning" and "steward" in line["remedy"]
    host.ctl("clock", "advance", "31d")
    (line,) = check(host, expect=7)["object"]
    assert line["state"] == "failed" and "expired" in line["finding"]
    said = host.ctl("directory", "check", expect=7).out
    assert " ".join(f"Remedy: {line['remedy']}".split()) in " ".join(said.split())
    assert re.search(r"\n {10,}Remedy: ", said) and max(len(row) for row in said.splitlines()) <= 96


def test_another_forest_is_read_and_warned_about(host):
    host.options["directory.lab_forest"] = "corp.example"
    host.write_conf()
    (line,) = check(host, expect=0)["forest"]
    assert line["state"] == "warning" and "nothing is written" in line["finding"]
