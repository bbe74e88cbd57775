#!/usr/bin/python3
"""The main job, live: a directory with an activation object, a KMS host, simulated machines.

Twelve steps, each with what it shows and why. What a step reports as "got" comes from the output
of adbaclient and adbactl. Ends with a table of all machines and writes build/demo/summary.json.
"""
import argparse
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from lab import Lab  # noqa: E402

GROUP = "Volume License for Windows Server 2022"
OFFICE_GROUP = "Office LTSC 2024 KMS host key"
DAY = 86400


class Paint:
    """Colour only on a terminal."""

    def __init__(self):
        self.on = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def __call__(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.on else text


paint = Paint()


class Machines:
    """A folder of simulated machines on one lab clock."""

    def __init__(self, lab, name, clock=None):
        self.lab = lab
        self.name = name
        self.folder = os.path.join(lab.folder, "machines", name)
        self.clock = clock or lab.clock
        os.makedirs(self.folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, product, edition, daemon=None, bundle=None, member=False):
        """A new machine: in a workgroup, or with an account in the lab's domain."""
        argv = ["--machine", self.path(name), "init", "--product", product, "--edition", edition,
                "--name", name, "--clock", self.clock, "--bundle", bundle or self.lab.bundle]
        if daemon is not None:
            argv += ["--kms", daemon.address]
        if member:
            password = os.path.join(self.lab.folder, f"{name}.password")
            self.lab.adbactl("--config", self.lab.directory_conf, "machine", "add", name,
                             "--password-file", password)
            argv += ["--domain", self.lab.forest, "--directory", self.lab.directory_uri,
                     "--password-file", password]
        self.lab.client(*argv)
        return Machine(self, name)

    def run(self, *argv):
        return self.lab.client("--machines", self.folder, *argv, expect=None)

    def forward(self, duration):
        """Moves the lab clock; every wake-up of every machine that falls due is run."""
        return self.run("pass", duration)

    def show(self):
        return self.run("show", "--json").json["machines"]


class Machine:
    def __init__(self, machines, name):
        self.machines = machines
        self.lab = machines.lab
        self.name = name
        self.path = machines.path(name)

    def run(self, *argv):
        return self.lab.client("--machine", self.path, *argv, expect=None)

    def ato(self):
        self.run("/ato")
        return self.show()

    def restart(self):
        self.run("restart")
        return self.show()

    def show(self):
        return self.run("show", "--json").json["products"][0]


def brief(product):
    """One product's licence in a line."""
    text = product["status"]
    if product["status"] == "Licensed":
        text += f" by {product['channel']}"
    elif product["last_result"]:
        text += f", {product['last_result']}"
    return text


def days_left(product):
    return round(product["seconds_left"] / DAY, 2)


class Demo:
    def __init__(self, lab, directory, out):
        self.lab = lab
        self.directory = directory
        self.out = out
        self.steps = []
        self.fleets = []
        self.started = time.monotonic()

    # -- reporting --

    def say(self, text):
        print(paint("2", f"[{time.monotonic() - self.started:5.1f} s] {text}"), flush=True)

    def step(self, ident, what, expect, got, ok):
        number = len(self.steps) + 1
        self.steps.append({"id": ident, "what": what, "expect": expect, "got": got, "ok": bool(ok)})
        mark = paint("32", "ok") if ok else paint("31", "FAILED")
        print(f"\n{paint('1', f'{number:2}. {ident}')}\n    {what}\n    expected: {expect}\n"
              f"    got:      {got}\n    {mark}", flush=True)

    def finish(self):
        failed = [s for s in self.steps if not s["ok"]]
        summary = {"directory": self.directory, "steps": self.steps,
                   "passed": len(self.steps) - len(failed), "failed": len(failed)}
        os.makedirs(os.path.dirname(self.out), exist_ok=True)
        with open(self.out, "w", encoding="utf-8") as f:
            json.dump(summary, f, indent=2)
            f.write("\n")
        print(f"\n{summary['passed']} steps held, {summary['failed']} did not; written to "
              f"{os.path.relpath(self.out)}; {time.monotonic() - self.started:.0f} s")
        return 0 if not failed else 1

    # -- parts --

    def fleet(self, name, clock=None):
        machines = Machines(self.lab, name, clock)
        self.fleets.append(machines)
        return machines

    def host(self, name, clock=None, groups=(GROUP,)):
        """A KMS host with an empty ledger."""
        options = {"lab.clock": clock} if clock else None
        daemon = self.lab.daemon(name, options=options)
        for group in groups:
            self.lab.install_hostkey(daemon, group)
        return daemon

    def new_clock(self, name):
        return os.path.join(self.lab.folder, f"clock-{name}")

    # -- the story --

    def adba_first_client(self):
        self.members = self.fleet("members")
        pc01 = self.members.add("PC01", "Windows 11", "Enterprise", self.kms, member=True)
        got = pc01.ato()
        status = self.kms.status()
        contacts = status["requests"]["answered"] + status["requests"]["refused"]
        self.step(
            "adba-first-client",
            "A domain member asks the directory first. No minimum count holds there, so the very first "
            "machine is activated.",
            "Licensed by AD for 180 days; the KMS host was never contacted",
            f"{brief(got)}, {days_left(got)} days left; the host has seen {contacts} requests",
            got["status"] == "Licensed" and got["channel"] == "AD" and days_left(got) == 180.0
            and contacts == 0)

    def kms_below_threshold(self):
        self.office_floor = self.fleet("workgroup")
        told = []
        for i in range(1, 25):
            machine = self.office_floor.add(f"WG{i:02}", "Windows 11", "Enterprise", self.kms)
            got = machine.ato()
            told.append((got["status"], got["last_result"], got["count_told"]))
        codes = {code for _, code, _ in told}
        counts = [count for _, _, count in told]
        self.step(
            "kms-below-threshold",
            "Workgroup machines can only ask the KMS host. It tells its count; the client decides, and "
            "a client Windows wants 25.",
            "clients 1 to 24: 0xC004F038, told 1 to 24",
            f"clients 1 to {len(told)}: {', '.join(sorted(map(str, codes)))}, told {counts[0]} to {counts[-1]}",
            codes == {"0xC004F038"} and counts == list(range(1, 25))
            and all(status != "Licensed" for status, _, _ in told))

    def kms_threshold(self):
        last = self.office_floor.add("WG25", "Windows 11", "Enterprise", self.kms).ato()
        before = [m["products"][0]["status"] for m in self.office_floor.show()].count("Licensed")
        self.office_floor.forward("119m")
        early = [m["products"][0]["status"] for m in self.office_floor.show()].count("Licensed")
        self.office_floor.forward("1m")
        after = [m["products"][0]["status"] for m in self.office_floor.show()].count("Licensed")
        self.step(
            "kms-threshold",
            "Number 25 reaches the threshold. The others learn of it when they try again, two hours "
            "after their last attempt.",
            "number 25 Licensed at once, alone; 25 of 25 after two hours",
            f"number 25: {brief(last)}; Licensed at once {before}, after 119 minutes {early}, "
            f"after 120 minutes {after}",
            last["status"] == "Licensed" and (before, early, after) == (1, 1, 25))

    def server_threshold(self):
        clock = self.new_clock("servers")
        host = self.host("servers", clock, (GROUP, OFFICE_GROUP))
        fleet = self.fleet("servers", clock)
        servers = [fleet.add(f"SRV{i:02}", "Windows Server 2022", "Standard", host).ato()
                   for i in range(1, 6)]
        client = fleet.add("CLIENT01", "Windows 11", "Enterprise", host).ato()
        more = [fleet.add(f"SRV{i:02}", "Windows Server 2022", "Standard", host).ato()
                for i in range(6, 25)]
        client_later = Machine(fleet, "CLIENT01").ato()
        office = [fleet.add(f"OFF{i}", "Office LTSC 2024", "Office LTSC Professional Plus 2024",
                            host).ato() for i in range(1, 6)]
        refused = [s["last_result"] for s in servers[:4]]
        self.step(
            "server-threshold",
            "Servers need 5, and they count towards the clients' 25. Office is counted apart, with a "
            "threshold of 5 of its own. The first client asks before the 11th server, since the host "
            "remembers only 10 until a client Windows has asked.",
            "servers 1-4 0xC004F038, the 5th Licensed; client told 6, and 25 after 24 servers: Licensed; "
            "Office told 1 to 5, the 5th Licensed",
            f"servers 1-4 {', '.join(sorted(set(map(str, refused))))}, the 5th {brief(servers[4])}; "
            f"client told {client['count_told']}, and {client_later['count_told']} after "
            f"{len(servers) + len(more)} servers: {brief(client_later)}; "
            f"Office told {[o['count_told'] for o in office]}, the 5th {brief(office[4])}",
            refused == ["0xC004F038"] * 4 and servers[4]["status"] == "Licensed"
            and client["count_told"] == 6 and client["status"] != "Licensed"
            and client_later["count_told"] == 25 and client_later["status"] == "Licensed"
            and [o["count_told"] for o in office] == [1, 2, 3, 4, 5]
            and [o["status"] for o in office].count("Licensed") == 1)

    def count_cap(self):
        clock = self.new_clock("cap")
        host = self.host("cap", clock)
        fleet = self.fleet("cap", clock)
        told = [fleet.add(f"CAP{i:02}", "Windows 10", "Enterprise", host).ato()["count_told"]
                for i in range(1, 61)]
        highest = max(told)
        host.ctl("clock", "advance", "31d")
        later = host.status()["applications"][0]["count"]
        newcomer = fleet.add("NEW01", "Windows 10", "Enterprise", host).ato()["count_told"]
        self.step(
            "count-cap",
            "The host remembers twice the highest threshold it was asked for, so the count stops at 50 "
            "whoever comes. A machine that is silent for 30 days is forgotten.",
            "60 clients: the count stops at 50; 31 silent days later 0, and a newcomer is told 1",
            f"60 clients: told up to {highest}, the last {told[-1]}; 31 silent days later {later}, "
            f"a newcomer is told {newcomer}",
            told == [min(i, 50) for i in range(1, 61)] and later == 0 and newcomer == 1)

    def renewal(self):
        everyone = (self.members, self.office_floor)
        before = {m["name"]: m["products"][0]["expires"] for f in everyone for m in f.show()}
        self.office_floor.forward("5d")
        for fleet in everyone:
            fleet.run("wake")
        self.office_floor.forward("2d")
        self.members.run("wake")
        left = [days_left(m["products"][0]) for f in everyone for m in f.show()]
        after = {m["name"]: m["products"][0]["expires"] for f in everyone for m in f.show()}
        moved = sum(after[name] > before[name] for name in before)
        self.step(
            "renewal",
            "A licensed machine renews every 7 days, each time for 180 days from then.",
            f"7 days pass: {len(before)} of {len(before)} renewed, at least 179.9 days left each",
            f"{moved} of {len(before)} renewed, {min(left)} to {max(left)} days left",
            moved == len(before) and min(left) > 179.9)
