"""A C program that answers a line for each line, beside an independent model of the same realm."""
import os
import subprocess

from lab import BIN


class Tool:
    """One running program with a realm secret."""

    def __init__(self, name, secret):
        self.process = subprocess.Popen([os.path.join(BIN, name), secret.hex()], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words):
        """The line that it answers."""
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def close(self):
        self.process.stdin.close()
        return self.process.wait(timeout=10)
