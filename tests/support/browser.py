"""A headless Chromium, driven by tests/web/browser.mjs through playwright-core."""
import json
import os
import subprocess

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "web")


class BrowserFailed(Exception):
    """A command of the browser did not do what it should, or not in time."""


class Browser:
    """Each method of browser.mjs's commands is one here: browser.click(selector="#next")."""

    def __init__(self):
        if not os.path.isdir(os.path.join(HERE, "node_modules")):
            raise BrowserFailed("tests/web has no packages: run npm ci there")
        self.process = subprocess.Popen(["node", "browser.mjs"], cwd=HERE, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def __getattr__(self, command):
        def call(**args):
            self.process.stdin.write(json.dumps({"command": command, **args}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise BrowserFailed(f"{command}: the browser ended with {self.process.wait(timeout=30)}")
            answer = json.loads(line)
            if "error" in answer:
                raise BrowserFailed(answer["error"])
            return answer["value"]
        return call
