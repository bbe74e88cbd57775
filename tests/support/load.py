"""The load generator and the echo server of tests/bench, and what a process has in memory."""
import json
import os
import subprocess

from lab import DEADLINE, free_port


class Load:
    """bench_load: one line in, one line of JSON out."""

    def __init__(self, program, bundle, *options, stderr=None):
        """stderr: a file for what it complains about; None: where ours goes."""
        self.stderr = stderr and open(stderr, "w+", encoding="utf-8")
        self.process = subprocess.Popen([program, "--bundle", bundle, *options], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.stderr)

    def errors(self):
        self.stderr.seek(0)
        return self.stderr.read()

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"bench_load ended at: {' '.join(map(str, words))}")
        return json.loads(line)

    def close(self):
        """Ends it and returns its exit code."""
        self.process.stdin.close()
        return self.process.wait(timeout=DEADLINE)


class Echo:
    """bench_echo, answering with copies of what adbad answered."""

    def __init__(self, program, folder, exchanges, threads):
        path = os.path.join(folder, "exchanges.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(exchanges, f)
        self.port = free_port()
        self.process = subprocess.Popen([program, str(self.port), str(threads), path],
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "listening\n":
            raise RuntimeError("bench_echo does not listen")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def memory(pid):
    """Anonymous and resident bytes of a process."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in f if line.endswith("kB\n")}
    return {"anonymous": kib["Anonymous"] * 1024, "rss": kib["Rss"] * 1024}
