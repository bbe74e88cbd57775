"""What "cmake --install" puts where, and that it works from there."""
import os
import re
import shutil
import subprocess

import pytest

from lab import Lab

pytestmark = [pytest.mark.uninstrumented]

P = "/usr/local"  # cmake's own default
DOCUMENTS = P + "/share/doc/adbad"
SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def run(*argv, expect=0, **kw):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, **kw)
    assert done.returncode == expect, f"$ {' '.join(argv)}\n[exit {done.returncode}]\n{done.stdout}{done.stderr}"
    return done


class Installed:
    """A DESTDIR into which the build was installed."""

    def __init__(self, folder, bin_dir):
        self.root = str(folder)
        build = os.path.dirname(bin_dir)
        run("cmake", "--install", build, env={**os.environ, "DESTDIR": self.root})

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def files(self):
        return sorted("/" + os.path.relpath(os.path.join(folder, name), self.root)
                      for folder, _, names in os.walk(self.root) for name in names)


class InstalledLab(Lab):
    """A lab whose programs are the installed ones."""

    def __init__(self, installed):
        self.installed = installed
        super().__init__()

    def program(self, name):
        return self.installed.path(P + ("/sbin/" if name == "adbad" else "/bin/") + name)


@pytest.fixture(scope="module", name="installed")
def installed_fixture(tmp_path_factory):
    bin_dir = os.path.abspath(os.environ.get("ADBAD_BIN", os.path.join(SOURCE, "build", "dev", "bin")))
    folder = tmp_path_factory.mktemp("destdir")
    yield Installed(folder, bin_dir)
    shutil.rmtree(folder, ignore_errors=True)


def test_everything_has_its_place_and_nothing_else_is_there(installed):
    files = installed.files()
    for wanted in (P + "/sbin/adbad", P + "/bin/adbactl", P + "/bin/adbaclient", "/etc/adbad/adbad.conf",
                   "/usr/lib/systemd/system/adbad.service", "/usr/lib/systemd/system/adbad.socket",
                   "/usr/lib/sysusers.d/adbad.conf", P + "/share/doc/adbad/examples/prometheus/adbad.rules.yml",
                   P + "/share/doc/adbad/examples/ci/adbad-flows.yml", "/usr/lib/tmpfiles.d/adbad.conf",
                   "/etc/apparmor.d/adbad", "/etc/logrotate.d/adbad", P + "/share/doc/adbad/README.md",
                   P + "/share/doc/adbad/docs/install.md", P + "/share/man/man8/adbad.8",
                   P + "/share/man/man1/adbactl.1", P + "/share/man/man5/adbad.conf.5",
                   P + "/share/bash-completion/completions/adbactl", P + "/share/zsh/site-functions/_adbactl"):
        assert wanted in files
    allowed = re.compile(r"/usr/local/(s?bin|share/(doc/adbad|man|adbad|zsh|bash-completion))/"
                         r"|/usr/lib/(systemd|sysusers\.d|tmpfiles\.d)/|/etc/(adbad|apparmor\.d|logrotate\.d)/")
    assert [f for f in files if not allowed.match(f)] == []
    for name in files:  # no machine's own paths
        if name.startswith(("/etc", "/usr/lib")):
            with open(installed.path(name), encoding="utf-8") as f:
                text = f.read()
            assert SOURCE not in text and installed.root not in text and "@CMAKE" not in text


def anchors_of(text):
    """The names by which a document's headings are linked to."""
    headings = re.findall(r"(?m)^#+ +(.*?) *$", re.sub(r"(?ms)^ *```.*?^ *```", "", text))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(folder):
    """The links of a folder's documents that lead nowhere in it, as (document, link)."""
    texts = {}
    for at, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".md"):
                with open(os.path.join(at, name), encoding="utf-8") as f:
                    texts[os.path.join(at, name)] = f.read()
    followed = 0
    for document, text in texts.items():
        prose = re.sub(r"`[^`]*`", "", re.sub(r"(?ms)^ *```.*?^ *```", "", text))
        for link in re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r'(?:src|srcset|href)="([^"]+)"', prose):
            if re.match(r"[a-z]+:", link):
                continue  # elsewhere
            path, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document
            inside = target.startswith(folder + os.sep) and os.path.exists(target)
            if not inside or (anchor and anchor not in anchors_of(texts[target])):
                yield os.path.relpath(document, folder), link
            followed += 1
    assert followed > 100 or not texts


def test_every_link_of_the_documents_leads_somewhere(installed):
    assert list(broken_links(installed.path(DOCUMENTS))) == []


def said_by(program):
    """The texts within a program, or in a file of text."""
    with open(program, "rb") as f:
        return [text.decode("utf-8", "replace") for text in re.findall(rb"[^\x00-\x08\x0e-\x1f]{4,}", f.read())]


def strange_names(texts, installed):
    """What the texts name of our documents and manual pages that is not installed where they say."""
    files = set(installed.files())
    pages = {os.path.basename(name) for name in files if "/share/man/" in name}
    own = {os.path.basename(name) for name in files if name.startswith(DOCUMENTS)}
    for text in texts:
        text = re.sub(r"file://|\\f[BIR]|\\&|\\(?=[-.])", "", text)  # of units, of manual pages
        for name in re.findall(r"[\w./-]+\.md\b", text):
            # A catalogue names its own sources, which are documents of others.
            if name not in files and (name.startswith(("/", "docs/")) or os.path.basename(name) in own):
                yield name
        for name in re.findall(r"/[\w./-]*/doc/adbad[\w./-]*\w", text):
            if not os.path.exists(installed.path(name)):
                yield name
        for page, section in re.findall(r"\b(adb[a-z.-]+)\((\d)\)", text):
            if f"{page}.{section}" not in pages:
                yield f"{page}({section})"


def test_the_documents_and_pages_that_are_named_are_there(installed):
    programs = [P + "/sbin/adbad", P + "/bin/adbactl", P + "/bin/adbaclient"]
    others = [name for name in installed.files()
              if name.startswith(("/etc", "/usr/lib")) or "/share/man/" in name or "completion" in name]
    for name in programs + others:
        assert sorted(set(strange_names(said_by(installed.path(name)), installed))) == [], name
    named = {word for name in programs for text in said_by(installed.path(name))
             for word in re.findall(rf"{DOCUMENTS}/[\w./-]+", text)}
    assert len(named) > 5  # they do name some


@pytest.mark.parametrize("text", ["see docs/relay.md", "relay.md of the documents", f"({P}/share/doc/adbad/relay.md)",
                                  "as adbad.conf(8) says", f"{DOCUMENTS}/protocols"])
def test_others_would_be_found(installed, text):
    assert len(set(strange_names([text], installed))) == 1


def test_a_link_that_leads_nowhere_would_be_found(tmp_path):
    (tmp_path / "a.md").write_text("# One, two\n" + "[x](a.md#one-two)\n" * 101 + "[y](b.md) [z](#two) [w](../c.md)\n")
    assert [link for _, link in broken_links(str(tmp_path))] == ["b.md", "#two", "../c.md"]


@pytest.mark.parametrize("unit", ("adbad.service", "adbad.socket"))
def test_units_name_documents_that_there_are(installed, unit):
    with open(installed.path("/usr/lib/systemd/system/" + unit), encoding="utf-8") as f:
        named = re.search(r"(?m)^Documentation=(.*)$", f.read()).group(1).split()
    for name in named:
        page = re.fullmatch(r"man:([a-z.-]+)\((\d)\)", name)
        path = f"{P}/share/man/man{page[2]}/{page[1]}.{page[2]}" if page else name.removeprefix("file://")
        assert os.path.exists(installed.path(path)), name


def test_it_works_from_there(installed):
    with InstalledLab(installed) as lab:
        lab.directory_up()
        daemon = lab.daemon()
        lab.install_hostkey(daemon)
        daemon.ctl("ao", "create", "--group", "Volume License for Windows Server 2022")
        machine = os.path.join(lab.folder, "pc01")
        password = os.path.join(lab.folder, "pc01.password")
        daemon.ctl("machine", "add", "PC01", "--password-file", password)
        lab.client("--machine", machine, "init", "--config", daemon.conf, "--product", "Windows 11",
                   "--edition", "Enterprise", "--password-file", password)
        assert "Product activated successfully" in lab.client("--machine", machine, "/ato").out


def test_the_delivered_configuration_is_accepted(installed):
    conf = installed.path("/etc/adbad/adbad.conf")
    run(installed.path(P + "/bin/adbactl"), "--config", conf, "conf", "check")


def test_the_service_is_confined(installed):
    """systemd rates what a service could do if it were taken over; 15 of 100 is the limit."""
    run("systemd-analyze", "security", "--offline=true", "--threshold=15",
        installed.path("/usr/lib/systemd/system/adbad.service"))


@pytest.mark.parametrize("unit", ("adbad.service", "adbad.socket"))
def test_units_have_no_mistakes(installed, unit):
    said = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={installed.root}",
               installed.path("/usr/lib/systemd/system/" + unit))
    assert said.stderr == ""


def test_the_user_and_the_folders_can_be_made(installed):
    run("systemd-sysusers", f"--root={installed.root}")
    with open(installed.path("/etc/passwd"), encoding="ascii") as f:
        user = [line.split(":") for line in f if line.startswith("adbad:")]
    assert len(user) == 1 and user[0][5] == "/var/lib/adbad" and user[0][6].strip() == "/usr/sbin/nologin"
    run("systemd-tmpfiles", f"--root={installed.root}", "--create", "--prefix=/var/lib")
    for folder in ("/var/lib/adbad", "/var/lib/adbad.private"):
        state = os.stat(installed.path(folder))
        assert state.st_mode & 0o7777 == 0o700 and state.st_uid == int(user[0][2])


def test_the_apparmor_profile_compiles(installed):
    said = run("apparmor_parser", "--skip-kernel-load", "--skip-cache", "--Werror=deprecated", "--debug",
               installed.path("/etc/apparmor.d/adbad"))
    assert P + "/sbin/adbad" in said.stdout


def test_logrotate_takes_its_file(installed, tmp_path):
    with open(installed.path("/etc/logrotate.d/adbad"), encoding="utf-8") as f:
        text = f.read().replace("adbad adbad", "root root")  # this machine has no such user
    (tmp_path / "adbad").write_text(text)
    run("logrotate", "--debug", "--state", str(tmp_path / "state"), str(tmp_path / "adbad"))
