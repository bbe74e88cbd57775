"""What slow HTTP clients cost everybody else: 1,000 activations and what the dashboard's page asks for, with forty slow
connections (tests/support/web.py) and without, in turns. Writes a summary as JSON and ends with 1 if they add more than 50 ms."""
import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import sys
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

import kms_model as model  # noqa: E402
from lab import Lab, free_port  # noqa: E402
from rpc_pdu import bind_pdu, read_pdu, request_pdu  # noqa: E402
from web import PAGE, SlowClients  # noqa: E402

SLOW, ACTIVATIONS, LINES = 40, 1000, 8
LIMIT_MS = 50
WINDOWS = uuid.UUID("55c92734-d682-4d71-983e-d6ec3f16059f")


def activations(port, message, n):
    """n on one connection, one after the other."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(bind_pdu())
        read_pdu(s)
        call = request_pdu(message)
        for _ in range(n):
            s.sendall(call)
            if read_pdu(s)[2] != 2:  # response
                raise RuntimeError("an activation was not answered")


def timed(work):
    begin = time.monotonic()
    work()
    return (time.monotonic() - begin) * 1000


def all_activations(port, message):
    threads = [threading.Thread(target=activations, args=(port, message, ACTIVATIONS // LINES)) for _ in range(LINES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def page(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for path in PAGE:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200 or not answer.read().startswith(b"{"):
            raise RuntimeError(f"{path} was not answered")
    connection.close()


def round_of(kms, web, message):
    return {"page_ms": timed(lambda: page(web)), "activations_ms": timed(lambda: all_activations(kms, message))}


def sealed(lab):
    """One machine's request."""
    products = lab.adbactl("catalog", "list", "--json").json["products"]
    one = next(p for p in products if (p["product"], p["edition"]) == ("Windows 11", "Enterprise"))
    return model.seal_request(model.Keys.from_bundle(lab.bundle), model.Request(
        application_id=WINDOWS, activation_id=uuid.UUID(one["activation_id"]), kms_id=uuid.UUID(one["kms_id"])))


def measure(lab, rounds):
    web = free_port()
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{web}", "web.timeout": "1h", "log.level": "error",
                                 "lab.enabled": None, "lab.clock": None})
    lab.install_hostkey(daemon)
    message = sealed(lab)
    alone, beside = [], []
    round_of(daemon.port, web, message)
    for _ in range(rounds):
        alone.append(round_of(daemon.port, web, message))
        with SlowClients(web, SLOW) as slow:
            beside.append(round_of(daemon.port, web, message))
            if slow.closed():
                raise RuntimeError(f"slow clients were closed: {slow.closed()}")
    result = {"rounds": rounds, "slow_clients": SLOW, "activations": ACTIVATIONS}
    for what in ("page_ms", "activations_ms"):
        result[what] = statistics.median(r[what] for r in alone)
        result[f"{what[:-3]}_beside_slow_clients_ms"] = statistics.median(r[what] for r in beside)
        result[f"{what[:-3]}_added_ms"] = statistics.median(b[what] - a[what] for a, b in zip(alone, beside))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of adbad")
    parser.add_argument("--folder", required=True, help="for the ledger, on the disk that is meant")
    parser.add_argument("--out", required=True, help="summary to write")
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    os.makedirs(args.folder)
    with Lab(bin_dir=args.bin, folder=args.folder) as lab:
        result = measure(lab, args.rounds)
    result["limit_ms"] = LIMIT_MS
    result["met"] = max(result["page_added_ms"], result["activations_added_ms"]) < LIMIT_MS
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
    for what, name in (("page", f"the page's {len(PAGE)} requests"), ("activations", f"{ACTIVATIONS} activations")):
        print(f"{name:22} {result[f'{what}_ms']:8.1f} ms; beside {SLOW} slow clients "
              f"{result[f'{what}_beside_slow_clients_ms']:8.1f} ms; added {result[f'{what}_added_ms']:6.1f} ms "
              f"(limit {LIMIT_MS})")
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
