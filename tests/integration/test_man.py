"""Manual pages, completion, documents and --help say what the programs take: one is held against the other."""
import glob
import os
import re
import subprocess

import pytest

pytestmark = pytest.mark.uninstrumented  # what they print is the same

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PAGES = ["adbactl.1", "adbaclient.1", "adbad.8", "adbad.conf.5", "adbad-realm.5", "adbad-rpc.7"]
COMMON = {"--config", "--json", "--yes", "--help"}
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
        alone = not with_verb.startswith(f"Usage: adbactl {words[0]} {words[1]}")
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


def test_documents_name_only_options_that_there_are(commands):
    for path in glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True) + [os.path.join(ROOT, "README.md")]:
        for noun, verb, rest in re.findall(r"adbactl ([a-z]+)(?: ([a-z-]+))?((?: [^\n`|#;&)]*)?)", read(path)):
            name = f"{noun} {verb}" if f"{noun} {verb}" in commands else noun
            for option in re.findall(r"(?<=[ \[])--[a-z][a-z-]*", rest) if name in commands else []:
                assert option in commands[name] | COMMON, f"{path}: adbactl {name} {option}"


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
    return set(done.stdout.split())


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
    assert offer("report", "machines", "--sort", "") == set()
    assert ("README.md" if shell == "bash" else "FILES") in offer("--config", "")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_offers_what_each_verb_takes(build, shell):
    def offer(*words):
        return completes(build, shell, "adbaclient", *words)

    verbs = verbs_of(build)
    slmgr, ospp = script_options(build, "slmgr"), script_options(build, "ospp")
    assert offer("") == set(verbs) | slmgr
    assert offer("/at") == {"/ato", "/atp"}
    assert offer("--machine", "m", "re") == {"restart"}
    assert offer("--machine", "m", "slmgr", "") == slmgr
    assert offer("ospp", "/") == ospp
    assert offer("--") == verbs["restart"]
    for verb in ("init", "join", "pass", "states", "fleet", "scenario"):
        assert offer("--timeout", "5", verb, "--") == verbs[verb], verb
    for words in (("slmgr", "/ato"), ("/ato",)):
        assert offer(*words, "--") == verbs["slmgr"], words
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
