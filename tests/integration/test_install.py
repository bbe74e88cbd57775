"""What "cmake --install" puts where, and that it works from there."""
import os
import re
import shutil
import subprocess

import pytest

from lab import Lab

pytestmark = [pytest.mark.uninstrumented]

P = "/usr/local"  # cmake's own default
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
                   P + "/share/doc/adbad/install.md", P + "/share/man/man8/adbad.8",
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
