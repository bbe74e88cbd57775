"""Manual pages, completion, documents and --help say what the programs take, and what is in files: one is held against
the other."""
import csv
import glob
import itertools
import json
import os
import re
import sqlite3
import subprocess

import pytest

from kms_lab import Clients
from lab import free_port

pytestmark = pytest.mark.uninstrumented  # what they print is the same

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PAGES = ["adbactl.1", "adbaclient.1", "adbad.8", "adbad.conf.5", "adbad-catalog.5", "adbad-hostkey.5", "adbad-ledger.5",
         "adbad-machine.5", "adbad-realm.5", "adbad-scenario.5", "adbad-state.5", "adbad-rpc.7"]
PROGRAMS = {"adbactl", "adbaclient", "adbad"}
COMMON = {"--config", "--json", "--help"}
SCRIPTS = {"slmgr": {"--standard-user", "--config", "--control"}, "ospp": {"--standard-user", "--config", "--control"}}


@pytest.fixture(name="build", scope="module")
def build_folder():
    default = os.path.join(ROOT, "build", "dev", "bin")
    return os.path.dirname(os.path.abspath(os.environ.get("ADBAD_BIN", default)))


def say(build, program, *argv):
    return subprocess.run([os.path.join(build, "bin", program), *argv], capture_output=True, text=True, timeout=60,
                          check=False).stdout


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def man(build, page):
    """The page as a reader sees it, and what man complains of."""
    done = subprocess.run(["man", "--warnings", "-l", os.path.join(build, "man", page)], capture_output=True,
                          text=True, check=True, timeout=60,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MAN_KEEP_FORMATTING": ""})
    return re.sub(r".\x08", "", re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)), done.stderr


@pytest.fixture(name="commands", scope="module")
def all_commands(build):
    """Every command of adbactl as its list shows them: "report machines" to its own options."""
    listed = say(build, "adbactl", "--help").split("Commands:\n")[1].split("\nCommon options:")[0]
    found = {}
    for line in re.findall(r"^  (\S.*)$", listed, re.M):
        words = line.split()
        with_verb = say(build, "adbactl", *words[:2], "--help")
        alone = not (words[1].islower() and with_verb.startswith(f"Usage: adbactl {words[0]} {words[1]}"))
        name = words[0] if alone else " ".join(words[:2])
        text = say(build, "adbactl", *name.split(), "--help")
        assert text.startswith(f"Usage: adbactl {name} "), line
        found[name] = set(re.findall(r"^  (--[a-z0-9-]+)", text, re.M)) - COMMON
    assert len(found) > 60
    return found


def options_of(told):
    return set(re.findall(r"^  (--[a-z0-9-]+)", told, re.M))


def verbs_of(build):
    """Every verb of adbaclient to its options, all that its --help has."""
    listed = re.findall(r"^  ([a-z]+) ", say(build, "adbaclient", "--help").split("Verbs:")[1], re.M)
    assert len(listed) > 15 and set(SCRIPTS) < set(listed)
    found = {verb: options_of(say(build, "adbaclient", verb, "--help")) for verb in listed}
    for script, own in SCRIPTS.items():  # their --help lists /options
        found[script] = own | options_of(say(build, "adbaclient", "restart", "--help"))
    return found


def script_options(build, script):
    """The /options that slmgr or ospp list."""
    found = set(re.findall(r"^(/[a-z0-9-]+)", say(build, "adbaclient", script), re.M))
    assert len(found) > 25
    return found


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_clean(build, page):
    text, complaints = man(build, page)
    assert complaints == ""
    assert "NAME" in text and "SEE ALSO" in text
    for name, section in re.findall(r"\b(adb[a-z.-]+)\((\d)\)", text):
        assert f"{name}.{section}" in PAGES, f"{page} names {name}({section})"


def test_adbactls_page_has_every_command_and_option(build, commands):
    text, _ = man(build, "adbactl.1")
    listed = text.split("\nCOMMANDS\n")[1].split("\nEXIT STATUS\n")[0]
    parts = re.split(r"^ {7}(?=adbactl [a-z])", listed, flags=re.M)
    there = {}
    for part in parts[1:]:
        name = next((c for c in sorted(commands, key=len, reverse=True)
                     if re.match(rf"adbactl {c}(?=\s)", part)), part.split("\n")[0])
        there[name] = set(re.findall(r"^ {11,}(--[a-z0-9-]+)", part, re.M))
    assert there == commands


def test_the_other_pages_have_every_option_and_verb(build):
    page, _ = man(build, "adbad.8")
    assert set(re.findall(r"^  (--[a-z]+)", say(build, "adbad", "--help"), re.M)) == set(
        re.findall(r"^ {7}(--[a-z]+)", page, re.M))
    page, _ = man(build, "adbaclient.1")
    general = options_of(say(build, "adbaclient", "restart", "--help"))
    assert general == set(
        re.findall(r"(--[a-z0-9-]+)", page.split("OPTIONS OF EVERY VERB")[1].split("\nVERBS\n")[0]))
    section = page.split("\nVERBS\n")[1].split("\nEXIT STATUS\n")[0]
    there = {}
    for part in re.split(r"^ {7}adbaclient (?=[a-z])", section, flags=re.M)[1:]:
        words = part.split()
        name = " ".join(words[:2]) if words[0] in SCRIPTS and re.match("/[a-z]", words[1]) else words[0]
        there[name] = set(re.findall(r"^ {11}(--[a-z0-9-]+)", part, re.M))
    for verb, options in verbs_of(build).items():
        assert there.pop(verb) == options - general, verb
    assert set(there) == {f"{script} {option}" for script in SCRIPTS for option in script_options(build, script)}


# -- files --

def items(build, page, *path):
    """The names that a section's (or its subsection's) list explains."""
    text, _ = man(build, page)
    for depth, heading in enumerate(path):
        begin = " " * (3 * depth)
        text = re.split(rf"^{begin}(?=\S)", f"\n{text}".split(f"\n{begin}{heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    joined = re.sub("\u2010\n *", "", text)  # a word that was hyphenated
    lines = re.findall(r"^ {7}(\S.*(?:\n {7}\S.*)*)\n {11}", joined, re.M)
    return {name.strip() for line in lines for name in line.split(",")}


def test_the_ledgers_page_has_every_table_and_column(build):
    db = sqlite3.connect(":memory:")
    for path in sorted(glob.glob(os.path.join(ROOT, "schema", "store", "*.sql"))):
        db.executescript(read(path))
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') "
                                             "AND name NOT LIKE 'sqlite_%'")]
    assert len(tables) > 15
    for table in tables:
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        assert items(build, "adbad-ledger.5", "TABLES", table) == columns, table
    text, _ = man(build, "adbad-ledger.5")
    section = text.split("\nTABLES\n")[1].split("\nSEE ALSO\n")[0]
    assert set(re.findall(r"^ {3}(\S+)$", section, re.M)) == set(tables)
    db.close()


def test_the_scenarios_page_has_every_statement(build):
    told = say(build, "adbaclient", "scenario", "--help")
    text = re.sub(r"\s+", " ", re.sub("\u2010\n *", "", man(build, "adbad-scenario.5")[0]))
    rows = re.findall(r"^  (\S.*)\n {6}(\S.*)$", told.split("Statements:")[1].split("Exit code:")[0], re.M)
    assert len(rows) > 60
    for usage, meaning in rows:
        assert f" {usage} {meaning} " in text, usage


def test_the_catalogues_page_has_every_table_and_column(build):
    loaded = set(re.findall(r"^\| `(\w+\.csv)` \| (?!`)", read(ROOT, "docs", "catalog.md").split("## Overlays")[1], re.M)) | {
        name for line in re.findall(r"^\| (`.*?) \| `", read(ROOT, "docs", "catalog.md").split("## Overlays")[1], re.M)
        for name in re.findall(r"`(\w+\.csv)`", line)}
    assert len(loaded) == 9
    for table in loaded:
        with open(os.path.join(ROOT, "data", table), encoding="utf-8", newline="") as f:
            columns = set(next(csv.reader(f))) - {"note", "source", "reference"}  # which nobody reads
        assert items(build, "adbad-catalog.5", "TABLES", table) == columns, table


def members(found, *path):
    """The members of an object in a JSON document, or of all objects in a list."""
    for name in path:
        found = [o[name] for o in (found if isinstance(found, list) else [found])]
        found = [one for o in found for one in (o if isinstance(o, list) else [o])]
    assert found
    return {name for o in (found if isinstance(found, list) else [found]) for name in o}


def test_the_machines_page_has_every_member(build, lab):
    folder = os.path.join(lab.folder, "pc01")
    lab.client("--machine", folder, "init", "--bundle", lab.bundle, "--product", "Windows 11", "--edition", "Enterprise")
    lab.client("--machine", folder, "/skms", f"127.0.0.1:{free_port()}")
    lab.client("--machine", folder, "/ato", expect=None)
    state = json.loads(read(folder, "machine.json"))
    page = "adbad-machine.5"
    assert items(build, page, "THE MACHINE") == members(state)
    assert items(build, page, "AN APPLICATION") == members(state, "windows") == members(state, "office")
    assert items(build, page, "A PRODUCT") == members(state, "products")
    assert items(build, page, "A LICENCE") == members(state, "products", "licence")
    assert items(build, page, "AN ATTEMPT") == members(state, "products", "last")
    text, _ = man(build, page)
    events = [json.loads(line) for line in read(folder, "events.jsonl").splitlines()]
    for name in (members(state, "products", "last", "tries") | members(state, "products", "object") | members(state, "vmhost")
                 | members(state, "kms") | members(events)):
        assert re.search(rf"\b{name}\b", text), name
    there = {"keytab"} | set(os.listdir(folder))
    assert items(build, page, "DESCRIPTION") == there


def test_the_pages_of_realm_and_host_keys_have_every_file_and_member(build, lab):
    host = lab.daemon(wait=False)
    package = os.path.join(lab.folder, "site.hostkey")
    host.ctl("hostkey", "issue", "--group", "Volume License for Windows Server 2022", "--out", package)
    host.ctl("hostkey", "install", "--activate", package)
    assert items(build, "adbad-realm.5", "DESCRIPTION") == set(os.listdir(lab.realm))
    for name in ("realm.json", "client.bundle"):
        assert items(build, "adbad-realm.5", name) == members(json.loads(read(lab.realm, name))), name
    assert items(build, "adbad-hostkey.5", "THE PACKAGE") == members(json.loads(read(package)))
    installed = os.path.join(host.folder, "state", "hostkeys")
    secret = os.path.join(host.folder, "state.private", "hostkeys")
    endings = {f"NAME{os.path.splitext(name)[1]}" for folder in (installed, secret) for name in os.listdir(folder)}
    text, _ = man(build, "adbad-hostkey.5")
    section = text.split("\nINSTALLED\n")[1]
    assert endings == set(re.findall(r"NAME\.[a-z]+", section)) - {"NAME.cid"}  # a clearing house's answer
    (kept,) = glob.glob(os.path.join(installed, "*.host"))
    state = json.loads(read(kept))
    assert items(build, "adbad-hostkey.5", "INSTALLED") >= members(state)
    (kept,) = glob.glob(os.path.join(installed, "*.json"))
    for name in members(state, "activation") | members(json.loads(read(kept))):
        assert re.search(rf"\b{name}\b", section), name


def test_the_page_of_the_state_folder_has_every_file_and_member(build, lab):
    host = lab.daemon()
    lab.install_hostkey(host)
    folder = os.path.join(host.folder, "state")
    for option in (("/sprt", "1688"), ("/sai", "120"), ("/sri", "10080"), ("/cdns",), ("/cpri",)):
        lab.client("slmgr", *option, "--control", host.control)
    assert items(build, "adbad-state.5", "overrides.json") == members(json.loads(read(folder, "overrides.json")))
    kept = re.search(r"json_pack\(\"\{s:s, s:s, s:i, s:i, s:i\}\",(.*?)\);", read(ROOT, "src", "publish", "kept.c"), re.S)
    assert items(build, "adbad-state.5", "dns.json") == set(re.findall(r'"([a-z]+)"', kept.group(1)))
    there = {name + "/" if os.path.isdir(os.path.join(folder, name)) else name for name in os.listdir(folder)}
    assert there <= items(build, "adbad-state.5", "DESCRIPTION")


def test_the_protocols_page_has_every_interface_result_and_fault(build):
    """Of the protocol's documents, whose rows test_rpc_bad_input.py and others play."""
    text = man(build, "adbad-rpc.7")[0]
    served = text.split("\nINTERFACES\n")[1].split("\nPROTECTION\n")[0]
    rows = re.findall(r"(?m)^\| [^|]* \| `([0-9a-f-]{36})` ([\d.]+) \| ([^|]*)\|", read(ROOT, "docs", "protocol", "rpc.md"))
    assert len(rows) == 3
    assert set(re.findall(r"(?m)^ {7}([0-9a-f-]{36}) ([\d.]+)$", served.replace("\u2010", "-"))) == {row[:2] for row in rows}
    for number, name in re.findall(r"\b(\d) ([A-Z]\w+)", " ".join(row[2] for row in rows)):
        assert re.search(rf"[Oo]peration {number}, {name}\b", served), name
    checks = read(ROOT, "docs", "protocol", "kms.md").split("\n## 6. What a host does\n")[1].split("\n\nWhere ")[0]
    results = set(re.findall(r"\| (0|0x[0-9A-F]{8})(?=[ ,])", checks))
    assert len(results) == 5 and items(build, "adbad-rpc.7", "RESULTS") == results
    written = {code.lower() for code in re.findall(r"0x[0-9A-Fa-f]+", "".join(
        read(path) for path in (os.path.join(ROOT, "docs", "protocol", "rpc.md"), os.path.join(ROOT, "docs", "relay.md"))))}
    assert {code.lower() for code in items(build, "adbad-rpc.7", "FAULTS")} <= written


def code_of(text):
    """What a document has as code, a command a line: its blocks, with continued lines joined, and its spans."""
    fence = r"(?ms)^ *```\w*\n(.*?)^ *```"
    blocks = re.findall(fence, text) + re.findall(r"(?m)(?:^ {4}.*\n)+", text)
    spans = re.findall(r"`([^`]+)`", re.sub(fence, "", text))
    return [line for block in blocks for line in re.sub(r" *\\\n *", " ", block).splitlines()] + [
        " ".join(span.split()) for span in spans]


def uses(program, code):
    """The words of every call of the program; none where it stands in a list of programs, or for an option's value."""
    for line in code:
        for before, call in re.findall(rf"((?:--\w+ )?)(?<![\w./-]){program} ([^|;&#()\"']*)", line):
            words = call.split()
            if not before and words and words[0] not in PROGRAMS and "VERB" not in words:
                yield words


def strange_in(code, commands, client, daemon):
    """The calls that name what a program does not have. client: the verbs of adbaclient with their options; daemon: the
    options of adbad."""
    nouns = {name.split()[0] for name in commands}
    general = client["restart"]
    for words in uses("adbactl", code):
        names = [w for w in words if re.fullmatch(r"[a-z][a-z-]*", w)]
        while words and words[0] in COMMON:  # before the noun; only --config has a value
            words = words[2 if words[0] == "--config" else 1:]
        noun, verb = (words + ["", ""])[:2]
        name = noun if noun in commands else f"{noun} {verb}"
        if noun in names and (noun not in nouns or (verb in names and name not in commands)):
            yield "adbactl", words
        elif name in commands and not options_in(words) <= commands[name] | COMMON:
            yield "adbactl", words
    for words in uses("adbaclient", code):
        verb = next((w for w in words if re.fullmatch(r"/?[a-z][a-z-]*", w) and words[words.index(w) - 1] not in general), "")
        known = client["slmgr"] if verb.startswith("/") else client.get(verb, None if verb else general)
        if known is None or not options_in(words) <= known | {"--help"}:
            yield "adbaclient", words
    for words in uses("adbad", code):
        if words[:1] and words[0].startswith("--") and not options_in(words) <= daemon:
            yield "adbad", words


def options_in(words):
    return {match[1] for word in words if (match := re.match(r"\[?(--[a-z][a-z0-9-]*)", word))}


@pytest.fixture(name="strange", scope="module")
def strange_of_all_programs(build, commands):
    client, daemon = verbs_of(build), options_of(say(build, "adbad", "--help"))
    return lambda text: list(strange_in(code_of(text), commands, client, daemon))


def test_documents_name_only_commands_and_options_that_there_are(strange):
    documents = glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True) + [os.path.join(ROOT, "README.md")]
    assert {os.path.relpath(path, ROOT): found for path in documents if (found := strange(read(path)))} == {}


@pytest.mark.parametrize("text", [
    "`adbactl health --quick`", "`adbactl kms restart`", "`adbactl keys list`", "`adbactl\nkeys`", "`adbactl --json ao made`",
    "```sh\nadbactl ao create \\\n    --colour red\n```", "    adbactl keys list\n", "```\n$ sudo adbactl keys\n```",
    "`adbaclient dance`", "`adbaclient fleet --dance`", "`adbaclient --machine m dance`", "`adbaclient /ato --dance`",
    "`adbad --dance`", "`adbad --config x --dance`"])
def test_others_would_be_found(strange, text):
    assert len(strange(text)) == 1


def test_what_there_is_is_not(strange):
    assert strange("`adbactl kms` `adbactl health --json` `adbactl --config x kms status` `adbactl explain 0xC004F042`\n"
                   "```\nadbaclient --machine m init \\\n  --product x\nadbad --check # --dance\n```\n"
                   "`adbaclient /ato` `adbactl report machines --sort last | sort --dance`") == []


def commands_of_the_page():
    """What the dashboard tells people to type: the words from adbactl to the end of the sentence. X: a value."""
    for path in glob.glob(os.path.join(ROOT, "src", "dashboard", "static", "*")):
        text = re.sub(r"['`]\s*\+\s*['`]", "", read(path))
        for call in re.findall(r"adbactl ([^'\"`<>.,;:()]+)", re.sub(r"\$\{[^}]*\}", "X", text)):
            yield call.split()


def lacks(build, commands, words):
    """What the program does not take of it; words of prose may follow."""
    name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in commands), None)
    if name is None:
        return words
    given = list(itertools.takewhile(lambda w: w.startswith("-") or w == "X", words[len(name.split()):]))
    usage = re.match(rf"Usage: adbactl {name}(.*) \[OPTION …\]", say(build, "adbactl", *name.split(), "--help")).group(1)
    return [w for w in given if w != "X" and w not in commands[name] | COMMON] + given[:given.count("X") > len(usage.split())]


def test_the_page_names_only_commands_that_there_are(build, commands):
    named = list(commands_of_the_page())
    assert len(named) > 8 and ["relay", "test"] in [words[:2] for words in named]
    assert [words for words in named if lacks(build, commands, words)] == []


@pytest.mark.parametrize("words, wrong", [("relay test X", True), ("relay test tells why", False), ("ao verify X", False),
                                          ("kms events --follow", False), ("kms events --fellow", True), ("relais test", True)])
def test_others_on_the_page_would_be_found(build, commands, words, wrong):
    assert bool(lacks(build, commands, words.split())) == wrong


def test_the_example_of_realm_init_is_where_the_service_looks(build):
    folder = re.search(r"(?m)^\[realm\]\ndir = (\S+)$", read(ROOT, "system", "adbad.conf")).group(1)
    assert re.search(r"(?m)^ +adbactl realm init \S+ (\S+)$", say(build, "adbactl", "realm", "init", "--help")).group(1) == folder


# -- options that stand where they do something --

TEXT_ONLY = {"conf default", "completion bash", "completion zsh", "lab run", "lab shell"}
ASK = {"ao delete", "machine remove"}
GROUP = "Volume License for Windows Server 2022"
ARGUMENTS = {
    "realm init": ["LAB2", "{folder}/realm2"], "realm show": ["{folder}/realm"],
    "hostkey issue": ["--group", GROUP, "--out", "{folder}/second.hostkey"], "hostkey install": ["{folder}/second.hostkey"],
    "hostkey extend": [GROUP], "hostkey uninstall": ["nobody's"], "ao create": ["--group", GROUP], "ao show": [GROUP],
    "ao get-iid": ["--group", GROUP], "ao apply-cid": ["--group", GROUP, "1"], "ao delete": [GROUP, "--yes"],
    "lab up": ["{folder}/conf"], "lab status": ["{folder}/conf"], "lab down": ["{folder}/conf"], "machine add": ["PC01"],
    "machine disable": ["PC01"], "machine enable": ["PC01"], "machine remove": ["PC01", "--yes"], "membership show": ["PC01"],
    "clock advance": ["1s"], "explain": ["0xC004F038"], "plan": ["--host-os", "Windows Server 2022"], "catalog show": ["Windows 11"], "catalog check": ["{folder}"],
    "clearing confirm": ["1"], "clearing block": ["1"], "clearing unblock": ["1"], "ledger backup": ["{folder}/copy.db"],
    "mak issue": ["--product", "Windows 11"], "mak extend": ["1"], "mak block": ["1"], "mak unblock": ["1"],
    "top": ["--once"],
}


def is_json(text):
    """One value, or one a line."""
    for candidate in ([text], text.splitlines()):
        try:
            return [json.loads(one) for one in candidate] != []
        except ValueError:
            pass
    return False


def test_json_is_json_or_refused(lab_with_directory, commands):
    lab = lab_with_directory
    host = lab.daemon()
    lab.install_hostkey(host)
    Clients(lab, host.port, "Windows Server 2022", "Standard").count()
    refused, done = set(), set()
    for name in commands:
        said = host.ctl(*name.split(), *[a.format(folder=lab.folder) for a in ARGUMENTS.get(name, [])], "--json", expect=None)
        if said.code == 2 and "unknown option --json" in said.err:
            refused.add(name)
        else:
            assert is_json(said.out), (name, said)
            done |= {name} if said.code == 0 else set()
    assert refused == TEXT_ONLY and len(done) > 40


def test_yes_is_of_those_that_ask(commands, build):
    assert {name for name, options in commands.items() if "--yes" in options} == ASK
    with_csv = [name for name, options in commands.items() if "--csv" in options]
    assert len(with_csv) > 4
    for name in with_csv:
        done = subprocess.run([os.path.join(build, "bin", "adbactl"), *name.split(), "--csv", "--json"], capture_output=True,
                              text=True, check=False, timeout=60)
        assert done.returncode == 2 and "exclude each other" in done.stderr, name


# -- completion --

def completes(build, shell, *words):
    """What the shell would offer for the last word."""
    script = os.path.join(build, "system", f"{words[0]}.{shell}")
    if shell == "bash":
        code = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _$1; '
                'printf "%s\\n" "${COMPREPLY[@]}"')
    else:
        code = ('compadd() { shift; local w; for w in "$@"; [[ $w == $words[CURRENT]* ]] && print -r -- $w; }; '
                '_files() { print FILES; }; words=("$@"); CURRENT=$#; source $0')
    done = subprocess.run([shell, *(["-f"] if shell == "zsh" else []), "-c", code, script, *words], capture_output=True,
                          text=True, timeout=60, check=False, cwd=ROOT)
    assert done.stderr == ""
    return {line for line in done.stdout.splitlines() if line}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_offers_what_the_tables_have(build, commands, shell):
    def offer(*words):
        return completes(build, shell, "adbactl", *words)

    assert offer("") == {c.split()[0] for c in commands}
    assert offer("rep") == {"report"}
    assert offer("report", "") == {"machines", "products", "compliance"}
    assert offer("--config", "x", "report", "m") == {"machines"}
    for name in ("report machines", "kms contacts", "health", "ao create"):
        assert offer(*name.split(), "--") == commands[name] | COMMON
    assert offer("report", "machines", "--search", "") == set()
    assert offer("report", "machines", "--sort", "e") == {"expires"}
    assert offer("report", "compliance", "--status", "l") == {"licensed", "lapsed"}
    for words in (("ao", "create", "--group"), ("hostkey", "uninstall"), ("plan", "--key-group")):
        assert offer(*words, "Volume License for Windows 1") == {"Volume License for Windows 10"}
    assert offer("ao", "show", "") == offer("machine", "disable", "") == set()
    files = {"README.md"} if shell == "bash" else {"FILES"}
    assert offer("ledger", "backup", "READ") == offer("ao", "show", "--licence", "READ") == files
    assert ("README.md" if shell == "bash" else "FILES") in offer("--config", "")


def test_a_name_with_blanks_is_completed_as_it_was_begun(build):
    for begun in ('"Office LTSC 2024', "'Office LTSC 2024", "Office\\ LTSC\\ 2024"):
        assert completes(build, "bash", "adbactl", "ao", "create", "--group", begun) == {"Office LTSC 2024 KMS host key"}


def test_words_that_completion_offers_are_taken_and_others_not(build, lab):
    host = lab.daemon()
    text = read(build, "system", "adbactl.bash").split("_adbactl_takes()")[1].split("\n}\n")[0]
    rows = [row for row in re.findall(r"'([a-z ]+) (--[a-z-]+)'\) echo '([^']*)'", text)
            if row[2] not in ("path", "value", "groups")]
    assert len(rows) > 10
    needed = {"mak issue": ("--product", "Windows 11", "--edition", "Pro")}
    for name, option, words in rows:
        command = (*name.split(), *needed.get(name, ()), option)
        for word in words.split():
            assert host.ctl(*command, word, expect=None).code in (0, 3), (command, word)  # 3: no clearing house
        if name not in needed:
            assert host.ctl(*command, "strange", expect=None).code != 0, command
        named = re.search(rf"(?s)^  {option} .*?(?=^  --|\Z)", say(build, "adbactl", *name.split(), "--help"), re.M)[0]
        assert set(words.split()) <= set(re.findall(r"[a-z-]+", named)), (name, option)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_offers_what_each_verb_takes(build, shell):
    def offer(*words):
        return completes(build, shell, "adbaclient", *words)

    verbs = verbs_of(build)
    slmgr, ospp = script_options(build, "slmgr"), script_options(build, "ospp")
    assert offer("") == set(verbs) | slmgr
    assert offer("/at") == {"/ato", "/atp"}
    assert offer("--machine", "m", "re") == {"report", "restart"}
    assert offer("--machine", "m", "slmgr", "") == slmgr
    assert offer("ospp", "/") == ospp
    assert offer("--") == verbs["restart"]
    for verb in ("init", "join", "pass", "states", "fleet", "scenario"):
        assert offer("--timeout", "5", verb, "--") == verbs[verb], verb
    for words in (("slmgr", "/ato"), ("/ato",)):
        assert offer(*words, "--") == verbs["slmgr"], words
    assert offer("genuine", "") == {"yes", "no"} and offer("pass", "") == set()
    assert offer("init", "--product", "") == set()
    assert ("README.md" if shell == "bash" else "FILES") in offer("init", "--bundle", "")
    assert ("README.md" if shell == "bash" else "FILES") in offer("--machine", "")


def test_the_daemon_completes_what_it_takes(build):
    text = read(ROOT, "system", "completion", "adbad.bash")
    own = options_of(say(build, "adbad", "--help"))
    assert set(re.findall(r"--[a-z]+", read(ROOT, "system", "completion", "_adbad"))) == own
    assert set(re.search(r'-W "(--config [^"]*)"', text).group(1).split()) == own
    subprocess.run(["zsh", "-n", os.path.join(ROOT, "system", "completion", "_adbad")], check=True, timeout=60)
    subprocess.run(["bash", "-n", os.path.join(ROOT, "system", "completion", "adbad.bash")], check=True, timeout=60)
