"""Commands as documents have them, run somewhere else."""
import os
import re
import subprocess

DEADLINE = 300  # seconds for one block
ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def text_of(document, section=None):
    """A document of docs/, or one section of it (the heading without its number signs)."""
    with open(os.path.join(ROOT, "docs", document), encoding="utf-8") as f:
        text = f.read()
    if section is not None:
        text = re.split(r"\n## ", text.split(f"\n## {section}\n", 1)[1], maxsplit=1)[0]
    return text


def commands_of(document, section=None):
    """The text of all sh blocks."""
    found = re.findall(r"```sh\n(.*?)```", text_of(document, section), re.S)
    assert found, f"docs/{document} has commands"
    return "\n".join(found)


def run(lab, script, env=None, expect=0, replace=()):
    """Runs the script with the lab's programs on the path, after replacing texts; what it said."""
    for old, new in replace:
        assert old in script, old
        script = script.replace(old, new)
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=DEADLINE, check=False,
                          stdin=subprocess.DEVNULL,
                          env={**os.environ, "PATH": f"{lab.bin}:{os.environ['PATH']}", **(env or {})})
    assert done.returncode == expect, f"{script}\n[exit {done.returncode}]\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
