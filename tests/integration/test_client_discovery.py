"""How a simulated client finds its KMS host: SRV records of a real DNS server (dnsmasq)."""
import os
import socket

import pytest

from dnsmasq import Dns
from lab import free_port

GROUP = "Volume License for Windows Server 2022"


@pytest.fixture
def dns(lab):
    server = Dns(lab.folder)
    yield server
    server.stop()


@pytest.fixture
def hosts(lab_with_directory):
    """Two KMS hosts; the directory has no activation object, so members fall through to KMS."""
    first, second = lab_with_directory.daemon("kms1"), lab_with_directory.daemon("kms2")
    for daemon in (first, second):
        lab_with_directory.install_hostkey(daemon, GROUP)
    return first, second


def srv(daemon, priority=0, weight=0, name="kms.lab.example"):
    return f"--srv-host=_vlmcs._tcp.lab.example,{name},{daemon.port},{priority},{weight}"


ADDRESS = "--address=/kms.lab.example/127.0.0.1"


def member(lab, daemon, dns, name="SRV1", seed=None):
    password = os.path.join(lab.folder, f"{name}.password")
    daemon.ctl("machine", "add", name, "--password-file", password)
    path = os.path.join(lab.folder, name)
    lab.client("--machine", path, "init", "--product", "Windows Server 2022", "--edition",
               "Standard", "--name", name, "--clock", lab.clock, "--bundle", lab.bundle,
               "--domain", lab.forest, "--directory", lab.directory_uri, "--password-file",
               password, "--dns", f"127.0.0.1:{dns.port}", *(("--seed", seed) if seed else ()))
    return path


def attempt(lab, path):
    lab.client("--machine", path, "/ato", expect=None)
    return lab.client("--machine", path, "show", "--json").json["products"][0]


def kms_tries(product):
    return [t for t in product["attempt"]["tries"] if t["channel"] == "KMS"]


def test_the_host_of_the_srv_record_is_asked_and_cached(lab, hosts, dns):
    dns.serve(srv(hosts[0]), ADDRESS)
    path = member(lab, hosts[0], dns)
    got = attempt(lab, path)
    assert got["last_result"] == "0xC004F038" and got["count"] == 1
    assert got["cached_host"] == f"kms.lab.example:{hosts[0].port}"
    assert "found by SRV" in kms_tries(got)[0]["target"]
    assert "cached" in kms_tries(attempt(lab, path))[0]["target"]


def test_a_lower_priority_number_is_asked_first_and_a_dead_one_is_passed_over(lab, hosts, dns):
    dns.serve(srv(hosts[0], priority=20), srv(hosts[1], priority=10), ADDRESS)
    path = member(lab, hosts[0], dns)
    assert attempt(lab, path)["cached_host"].endswith(f":{hosts[1].port}")
    hosts[1].stop()
    got = attempt(lab, path)
    tried = [(t["target"].split(" ")[0].rsplit(":", 1)[1], t["code"]) for t in kms_tries(got)]
    assert tried == [(str(hosts[1].port), "0x800706BA"), (str(hosts[1].port), "0x800706BA"),
                     (str(hosts[0].port), "0xC004F038")]
    assert "cached" in kms_tries(got)[0]["target"]
    assert got["cached_host"].endswith(f":{hosts[0].port}")


def test_no_record_no_name_and_no_server_have_their_documented_codes(lab, hosts, dns):
    dns.serve(ADDRESS)
    path = member(lab, hosts[0], dns)
    assert attempt(lab, path)["last_result"] == "0x8007232B"
    dns.serve("--txt-record=_vlmcs._tcp.lab.example,text", ADDRESS)
    assert attempt(lab, path)["last_result"] == "0x8007251D"
    dns.stop()
    assert attempt(lab, path)["last_result"] == "0x8007267C"


@pytest.mark.lengthy
def test_a_server_that_says_nothing_is_none_and_the_next_attempt_finds_the_host(lab, hosts, dns):
    path = member(lab, hosts[0], dns)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", dns.port))
        assert attempt(lab, path)["last_result"] == "0x8007267C"
        assert mute.recv(512)
    dns.serve(srv(hosts[0]), ADDRESS)
    assert attempt(lab, path)["last_result"] == "0xC004F038"
    dns.stop()  # the host's name is known, its address is not
    assert attempt(lab, path)["last_result"] == "0x8007267C"


def test_a_record_that_names_an_unknown_host_fails_as_a_whole(lab, hosts, dns):
    dns.serve(srv(hosts[0], name="gone.lab.example"))
    got = attempt(lab, member(lab, hosts[0], dns))
    assert got["last_result"] == "0xC004F074"
    assert kms_tries(got)[0]["code"] == "0x8007232B"


def test_skms_overrides_dns(lab, hosts, dns):
    dns.serve(srv(hosts[0]), ADDRESS)
    path = member(lab, hosts[0], dns)
    lab.client("--machine", path, "/skms", hosts[1].address)
    got = attempt(lab, path)
    assert kms_tries(got)[0]["target"].startswith(hosts[1].address)
    assert hosts[0].status()["connections"]["accepted"] == 0


def test_an_address_in_digits_is_no_question_to_dns(lab, hosts, dns):
    path = os.path.join(lab.folder, "W1")
    lab.client("--machine", path, "init", "--product", "Windows Server 2022", "--edition",
               "Standard", "--clock", lab.clock, "--bundle", lab.bundle, "--kms",
               hosts[0].address, "--dns", f"127.0.0.1:{dns.port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", dns.port))
        s.setblocking(False)
        assert attempt(lab, path)["last_result"] == "0xC004F038"
        with pytest.raises(BlockingIOError):
            s.recv(512)


def test_suffixes_are_looked_up_after_the_domain(lab, hosts, dns):
    dns.serve(f"--srv-host=_vlmcs._tcp.corp.lab.example,kms.lab.example,{hosts[1].port}", ADDRESS)
    path = os.path.join(lab.folder, "W2")
    init = ["init", "--product", "Windows Server 2022", "--edition", "Standard", "--clock", lab.clock,
            "--bundle", lab.bundle, "--dns", f"127.0.0.1:{dns.port}"]
    lab.client("--machine", path, *init, "--dns-suffix", "lab.example", "--dns-suffix", "corp.lab.example")
    tries = kms_tries(attempt(lab, path))
    assert tries[0]["target"] == "DNS _vlmcs._tcp.lab.example"
    assert tries[1]["target"].startswith(f"kms.lab.example:{hosts[1].port}")
    assert lab.client("--machine", path, "show", "--json").json["dns_suffixes"] == ["lab.example", "corp.lab.example"]
    many = [x for i in range(5) for x in ("--dns-suffix", f"d{i}.example")]
    lab.client("--machine", path + "x", *init, *many, expect=2)


def test_a_host_that_has_only_an_ipv6_address_is_found_and_asked(lab, dns):
    port = free_port("::1")
    host = lab.daemon("kms6", options={"kms.listen": f"[::1]:{port}"})
    lab.install_hostkey(host, GROUP)
    dns.serve(f"--srv-host=_vlmcs._tcp.lab.example,kms6.lab.example,{port}", "--address=/kms6.lab.example/::1")
    path = os.path.join(lab.folder, "W6")
    lab.client("--machine", path, "init", "--product", "Windows Server 2022", "--edition", "Standard", "--clock",
               lab.clock, "--bundle", lab.bundle, "--dns", f"127.0.0.1:{dns.port}", "--dns-suffix", "lab.example")
    got = attempt(lab, path)
    assert (got["last_result"], got["count"]) == ("0xC004F038", 1)
    assert got["cached_host"] == f"kms6.lab.example:{port}"
    lab.client("--machine", path, "/skms", f"[::1]:{port}")
    got = attempt(lab, path)
    assert kms_tries(got)[0]["target"].startswith(f"[::1]:{port}") and got["last_result"] == "0xC004F038"
