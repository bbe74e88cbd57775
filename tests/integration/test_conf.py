"""The configuration as adbactl conf tells it: check, show, default, and what documents say of it."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

CONFIG = 3
ROOT = Path(__file__).resolve().parents[2]


def conf(lab, verb, *argv, path=None, code=0):
    env = {**os.environ, "ADBAD_CONF": str(path)} if path else None
    done = subprocess.run([lab.program("adbactl"), "conf", verb, *argv], capture_output=True, text=True, timeout=30,
                          check=False, env=env)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def keys(lab, path=None):
    """{"[kms] idle": row} of conf show."""
    rows = json.loads(conf(lab, "show", "--json", path=path).stdout)["keys"]
    return {f"[{row['section']}] {row['key']}": row for row in rows}


def empty(lab):
    path = Path(lab.folder) / "empty.conf"
    path.write_text("", encoding="utf-8")
    return path


# -- check --

def test_check_tells_every_mistake_of_every_file(lab):
    path = empty(lab)
    path.write_text("[kms]\nidle = 5\ncolour = red\n", encoding="utf-8")
    (path.parent / "conf.d").mkdir()
    (path.parent / "conf.d" / "site.conf").write_text("\n[log]\nlevel = loud\n", encoding="utf-8")
    told = conf(lab, "check", path=path, code=CONFIG).stderr.splitlines()
    assert [line.split(": ")[1] for line in told] == [f"{path}:2", f"{path}:3", f"{path.parent}/conf.d/site.conf:3"]
    reply = json.loads(conf(lab, "check", "--json", path=path, code=CONFIG).stdout)
    assert [f"adbactl: {p}" for p in reply["problems"]] == told and reply["ok"] is False


def test_a_file_that_was_named_must_be_there(lab):
    told = conf(lab, "check", "--config", f"{lab.folder}/none.conf", code=CONFIG).stderr
    assert "none.conf" in told and "--config" in told


def test_check_says_what_it_read(lab):
    path = empty(lab)
    folder = path.parent / "conf.d"
    assert conf(lab, "check", path=path).stdout == f"Good: {path}.\n"
    folder.mkdir()
    for name in ("a.conf", "b.conf", "c.txt"):
        (folder / name).write_text("[kms]\nidle = 7s\n", encoding="utf-8")
    assert conf(lab, "check", path=path).stdout == f"Good: {path} and 2 files of conf.d beside it.\n"
    reply = json.loads(conf(lab, "check", "--json", path=path).stdout)
    assert reply == {"ok": True, "problems": [], "files": [str(path), f"{folder}/a.conf", f"{folder}/b.conf"]}


def test_check_says_where_there_is_no_file(lab):
    """The default file alone may be missing, and what is beside it counts nevertheless. On a machine without any."""
    told = subprocess.run([lab.program("adbad"), "--help"], capture_output=True, text=True, timeout=30, check=True).stdout
    path = Path(re.search(r"default: (\S+)\);", told)[1])
    steps = (f'mount -t tmpfs none {path.parents[1]} && "$0" conf check && mkdir -p {path.parent}/conf.d && '
             f'echo "[kms]" >{path.parent}/conf.d/a.conf && "$0" conf check')
    rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
    said = subprocess.run(["unshare", "--mount", *rootless, "sh", "-c", steps, lab.program("adbactl")], capture_output=True, text=True,
                          timeout=30, check=True).stdout
    assert said == (f"There is no {path}: the defaults are in effect.\n"
                    f"Good: 1 file of conf.d beside it; there is no {path}.\n")


@pytest.mark.parametrize("text, line, what", [
    ("[kms]\nhost_os = Windows Server 2109\n", 2, '[kms] host_os: no system is called "Windows Server 2109"; did you mean'),
    ("[kms]\nhost_os = Windows Server 2019\npacks = Word\n", 3, '[kms] packs: "Word" is no licence pack'),
    ("[kms]\nhost_os = Windows Server 2019\nupdates = 5003646\n", 3, '[kms] updates: "5003646" is no update'),
    ("[adba]\nsteward = no\ngroups = Nonsense\n", 3, '[adba] groups: there is no host-key group "Nonsense"'),
    ("[catalog]\ndir = overlay\n", 2, "[catalog] dir: "),
])
def test_check_tells_what_the_catalogue_does_not_know(lab, text, line, what):
    path = empty(lab)
    path.write_text(text, encoding="utf-8")
    assert conf(lab, "check", path=path, code=CONFIG).stderr.startswith(f"adbactl: {path}:{line}: {what}")


@pytest.mark.parametrize("text", [
    "[relay]\ndns_server = 192.0.2.53,192.0.2.54:5353,[2001:db8::53]:53\n", "[directory]\nuri = ldap://a , ldap://b\nmechanism = none\n",
    "[web]\nnames = monitor.example., _monitor\n",
    "[directory]\ndomain = bücher.example\nlab_forest = bücher.example.\n[relay]\ndomain = bücher.example\n",
])
def test_check_takes_what_a_start_takes(lab, text):
    path = empty(lab)
    path.write_text(text, encoding="utf-8")
    assert conf(lab, "check", path=path).stdout == f"Good: {path}.\n"


@pytest.mark.parametrize("text, what", [
    ("[relay]\ndns_server = 192.0.2.53, 192.0.2.54\n", '[relay] dns_server: "192.0.2.53, 192.0.2.54": expected ADDRESS[:PORT]'),
    ("[relay]\ndns_server = ns.example\n", '[relay] dns_server: "ns.example": expected ADDRESS[:PORT]'),
    ("[directory]\nuri = ldap://a,b\n", '[directory] uri: "ldap://a,b": expected ldap://HOST'),
    ("[web]\nnames = -monitor\n", '[web] names: "-monitor" is no host name'),
    ("[directory]\nlab_forest = bücher example\n", '[directory] lab_forest: "bücher example" is no DNS name'),
    ("[dns]\ndomains = bücher.example\n", '[dns] domains: "bücher.example" is no DNS name'),
])
def test_check_refuses_what_could_not_work(lab, text, what):
    path = empty(lab)
    path.write_text(text, encoding="utf-8")
    assert conf(lab, "check", path=path, code=CONFIG).stderr.startswith(f"adbactl: {path}:2: {what}")


# -- show --

def test_show_names_the_file_and_line_of_each_value(lab):
    path = empty(lab)
    path.write_text("[kms]\nidle = 5s\nmode = refuse\n", encoding="utf-8")
    (path.parent / "conf.d").mkdir()
    (path.parent / "conf.d" / "10.conf").write_text("[kms]\n\nidle = 90m\n", encoding="utf-8")
    rows = conf(lab, "show", "--changed", path=path).stdout.splitlines()
    assert [line.split() for line in rows] == [
        ["KEY", "VALUE", "FROM"], ["[kms]", "idle", "90m", f"{path.parent}/conf.d/10.conf:3"],
        ["[kms]", "mode", "refuse", f"{path}:3"]]
    row = keys(lab, path)["[kms] idle"]
    assert (row["value"], row["default"], row["line"]) == ("90m", "30s", 3)
    assert keys(lab, path)["[kms] listen"]["file"] is None


# -- default --

def test_the_whole_file_of_defaults_means_the_same_as_none(lab):
    """Also with every key taken out of its comment."""
    path = empty(lab)
    want = {name: row["value"] for name, row in keys(lab, path).items()}
    text = conf(lab, "default").stdout
    path.write_text(text, encoding="utf-8")
    assert {name: row["value"] for name, row in keys(lab, path).items()} == want
    path.write_text(re.sub(r"^#(\w+ = )", r"\1", text, flags=re.M), encoding="utf-8")
    rows = keys(lab, path)
    assert {name: row["value"] for name, row in rows.items()} == want
    assert {name for name, row in rows.items() if row["file"] is None} == \
        {name for name, row in rows.items() if row["default"] is None}


def test_comments_are_no_wider_than_a_page(lab):
    assert [line for line in conf(lab, "default").stdout.splitlines() if line.startswith("# ") and len(line) > 100] == []


# -- documents --

def test_the_manual_page_has_every_key_with_what_it_may_be(lab):
    page = Path(lab.program("adbactl")).parents[1] / "man" / "adbad.conf.5"
    text = subprocess.run(["man", "-l", str(page)], capture_output=True, text=True, timeout=60, check=True,
                          env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8"}).stdout
    section = ""
    told = {}
    for line in text.splitlines():
        if re.match(r"   \[\w+\]$", line):
            section = line.strip()
        elif re.match(r"       \w+$", line) and section:
            name = f"{section} {line.strip()}"
        elif " Value: " in line:
            told[name] = line
    for name, row in keys(lab, empty(lab)).items():
        assert (f"default: {row['default']}. A" if row["default"] else "; unset by default. ") in told[name]
        assert ("at a reload" if row["takes_effect"] == "reload" else "at the next start") in told[name]
    assert set(told) == set(keys(lab, empty(lab)))


def keys_in(text):
    """The keys that a document names: `[section] key`, and those in lines of a file, in a block or written by a command."""
    found = set(re.findall(r"`(\[[a-z]+\] [a-z_]+)", text))
    for block in re.findall(r"(?ms)^ *```\w*\n(.*?)^ *```", text) + re.findall(r"(?m)(?:^ {4}.*\n)+", text):
        section = None
        for line in block.splitlines():
            if match := re.fullmatch(r" *(\[[a-z]+\])", line):
                section = match[1]
            elif section and (match := re.match(r" *#?([a-z_]+) *=(?: |$)", line)):
                found.add(f"{section} {match[1]}")
            elif not re.match(r" *(#|$)", line):
                section = None  # the file has ended
    return found


def test_documents_name_keys_that_there_are(lab):
    known = set(keys(lab, empty(lab)))
    named = {page.name: keys_in(page.read_text(encoding="utf-8")) for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]}
    assert {page: found - known for page, found in named.items() if found - known} == {}
    assert {"[relay] only", "[relay] upstream", "[dns] domains"} <= named["gateway.md"]  # which stand in blocks only
    assert {"[kms] colour", "[web] x", "[web] y"} <= keys_in(
        "`[kms] colour = 1`\n```ini\n# a\n[web]\nx = 1\n\ny =\n```\n") and keys_in("    [a]\n    b = 1\n\nc = 1\n") == {"[a] b"}
