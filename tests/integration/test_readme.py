"""The README's own commands, run as they stand there."""
import os
import re
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def commands(section):
    """The text of all sh blocks of a section."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        text = f.read().split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, re.S))


def test_the_commands_by_hand_work_as_written(lab, tmp_path):
    from lab import free_port

    script = commands("By hand").replace("/tmp/lab", str(tmp_path / "l"))
    # Only what a test must: a port of its own, and a wait where a person would have read on.
    port = free_port()
    script = script.replace(f"lab up {tmp_path / 'l'}", f"lab up {tmp_path / 'l'} --kms-port {port}")
    script = script.replace(
        "adbad.log &\n",
        "adbad.log &\nfor i in $(seq 1000); do adbactl kms status >/dev/null 2>&1 && break; done\n")
    done = subprocess.run(["sh", "-e", "-c", script], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PATH": f"{lab.bin}:{os.environ['PATH']}"}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Product activated successfully." in done.stdout
    assert "0xC004F038" in done.stdout + done.stderr
    assert re.search(r"Volume License for Windows Server 2022 +good +(729|730)", done.stdout)
    assert "Volume activation will expire" in done.stdout
    assert not (tmp_path / "l").exists()


def test_ci_runs_what_the_readme_says():
    with open(os.path.join(ROOT, ".ci", "run"), encoding="utf-8") as f:
        last = f.read().strip().splitlines()[-1]
    assert last.removeprefix("exec ") in commands("Two commands").splitlines()


def test_every_document_that_is_named_exists():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        named = re.findall(r"\]\(([^)]+)\)", f.read())
    assert named
    for path in named:
        assert os.path.exists(os.path.join(ROOT, path)), path
    there = {f"docs/{name}" for name in os.listdir(os.path.join(ROOT, "docs")) if name.endswith(".md")}
    assert there <= set(named), "the readme names every document"
