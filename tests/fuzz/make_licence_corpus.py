#!/usr/bin/python3
"""Writes the seeds of fuzz_licence and fuzz_bundle into tests/fuzz/corpus (run from anywhere, with
a built tree; ADBAD_BIN as for the integration tests). The realm is made for this and thrown away."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from lab import Lab  # noqa: E402


def write(target, name, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def main():
    with Lab(realm="FUZZ") as lab:
        lab.directory_up()
        host = lab.daemon(wait=False)
        lab.install_hostkey(host)
        path = os.path.join(lab.folder, "licence")
        host.ctl("ao", "create", "--group", "Volume License for Windows Server 2022",
                 "--name", "Bürö \"1\"")
        host.ctl("ao", "show", "Bürö \"1\"", "--licence", path)
        der = read(path)
        doc = subprocess.run(["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in",
                              path], capture_output=True, check=True).stdout
        bundle = read(lab.bundle)
        write("fuzz_bundle", "good", bundle)
        write("fuzz_bundle", "other-version", bundle.replace(b"bundle-1", b"bundle-2"))
        write("fuzz_bundle", "cut", bundle[:700])
        write("fuzz_licence", "good", b"\0" + der)
        write("fuzz_licence", "cut", b"\0" + der[:900])
        write("fuzz_licence", "document", b"\1" + doc)
        write("fuzz_licence", "document-cut", b"\1" + doc[:300])
        with open(os.path.join(HERE, "fuzz.bundle"), "wb") as f:
            f.write(bundle)


main()
