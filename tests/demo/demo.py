#!/usr/bin/python3
"""The main job, live: a directory with an activation object, a KMS host, simulated machines.

Twelve steps, each with what it shows and why. What a step reports as "got" comes from the output
of adbaclient and adbactl. Ends with a table of all machines and writes build/demo/summary.json.
"""
import argparse
import json
import os
import sys
import textwrap
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from directories import OpenLdap, Samba  # noqa: E402
from lab import Lab  # noqa: E402

GROUP = "Volume License for Windows Server 2022"
OFFICE_GROUP = "Office LTSC 2024 KMS host key"
DAY = 86400
NOT_LICENSED = 10  # exit code of adbaclient


class Paint:
    """Colour only on a terminal."""

    def __init__(self):
        self.on = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def __call__(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.on else text


paint = Paint()


class Machines:
    """A folder of simulated machines on one lab clock."""

    def __init__(self, lab, directory, name, clock=None):
        self.lab = lab
        self.directory = directory
        self.name = name
        self.folder = os.path.join(lab.folder, "machines", name)
        self.clock = clock or lab.clock
        os.makedirs(self.folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, product, edition, daemon=None, bundle=None, member=False, **where):
        """A new machine: in a workgroup, or with an account in the lab's domain."""
        argv = ["--machine", self.path(name), "init", "--product", product, "--edition", edition,
                "--name", name, "--clock", self.clock, "--bundle", bundle or self.lab.bundle]
        if daemon is not None:
            argv += ["--kms", daemon.address]
        if member:
            argv += self.directory.member(name, daemon, **where)
        self.lab.client(*argv)
        return Machine(self, name)

    def run(self, *argv):
        return self.lab.client("--machines", self.folder, *argv, expect=None)

    def forward(self, duration):
        """Moves the lab clock; every wake-up of every machine that falls due is run."""
        return self.run("pass", duration)

    def products(self):
        """(machine name, its first product) of all machines."""
        return [(m["name"], m["products"][0]) for m in self.run("show", "--json").json["machines"]]


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


def licensed(product, channel=None):
    return product["status"] == "Licensed" and channel in (None, product["channel"])


def windows_count(daemon):
    """How many machines the host remembers for Windows."""
    return next(a["count"] for a in daemon.status()["applications"] if a["application"] == "windows")


def days_left(product):
    return round(product["seconds_left"] / DAY, 2)


def flip_a_byte(licence):
    licence[len(licence) // 2] ^= 1
    return licence


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
        print("\n" + paint("1", f"{number:2}. {ident}"))
        for label, text in (("", what), ("expected: ", expect), ("got:      ", got)):
            print(textwrap.fill(text, 100, initial_indent="    " + label,
                                subsequent_indent=" " * (4 + len(label))))
        print("    " + mark, flush=True)

    def finish(self):
        failed = [s for s in self.steps if not s["ok"]]
        summary = {"directory": self.directory.name, "steps": self.steps,
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
        machines = Machines(self.lab, self.directory, name, clock)
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

    def begin(self):
        self.say(f"a lab realm, a directory ({self.directory.name}), a KMS host with a host key")
        self.directory.begin(self.lab)
        self.site = self.fleet("site")
        self.kms = self.host("kms")
        made = self.kms.ctl("ao", "create", "--group", GROUP, "--json").json
        self.say(f"activation object \"{made['name']}\" created in {self.lab.forest}")

    def adba_first_client(self):
        self.pc01 = self.site.add("PC01", "Windows 11", "Enterprise", self.kms, member=True)
        got = self.pc01.ato()
        seen = self.kms.status()["connections"]["accepted"]
        self.step(
            "adba-first-client",
            "A domain member asks the directory first. There is no minimum count there, so the very "
            "first machine is activated.",
            "Licensed by AD for 180 days; the KMS host was never contacted",
            f"{brief(got)}, {days_left(got)} days left; the host has seen {seen} connections",
            licensed(got, "AD") and days_left(got) == 180.0 and seen == 0)

    def kms_below_threshold(self):
        self.workgroup = [self.site.add(f"WG{i:02}", "Windows 11", "Enterprise", self.kms)
                       for i in range(1, 26)]
        got = [machine.ato() for machine in self.workgroup[:24]]
        codes = sorted({str(g["last_result"]) for g in got})
        told = [g["count"] for g in got]
        self.step(
            "kms-below-threshold",
            "Workgroup machines can only ask the KMS host. It tells its count; the client decides, "
            "and a client Windows wants 25.",
            "clients 1 to 24: 0xC004F038, told 1 to 24",
            f"clients 1 to {len(got)}: {', '.join(codes)}, told {told[0]} to {told[-1]}",
            codes == ["0xC004F038"] and told == list(range(1, 25))
            and not any(licensed(g) for g in got))

    def licensed_in(self, fleet, names):
        return sum(licensed(p) for name, p in fleet.products() if name in names)

    def kms_threshold(self):
        names = {machine.name for machine in self.workgroup}
        last = self.workgroup[24].ato()
        at_once = self.licensed_in(self.site, names)
        self.site.forward("119m")
        early = self.licensed_in(self.site, names)
        self.site.forward("2m")
        after = self.licensed_in(self.site, names)
        self.step(
            "kms-threshold",
            "Number 25 reaches the threshold. The others learn of it when they try again, two hours "
            "after their last attempt.",
            "number 25 Licensed, at first alone; all 25 two hours later",
            f"number 25: {brief(last)}; Licensed at once {at_once}, within 119 minutes {early}, "
            f"after 2 hours {after}",
            licensed(last, "KMS") and (at_once, early, after) == (1, 1, 25))

    def server_threshold(self):
        clock = self.new_clock("servers")
        host = self.host("kms-servers", clock, (GROUP, OFFICE_GROUP))
        fleet = self.fleet("servers", clock)
        servers = [fleet.add(f"SRV{i:02}", "Windows Server 2022", "Standard", host)
                   for i in range(1, 25)]
        first = [server.ato() for server in servers[:5]]
        client = fleet.add("CLIENT01", "Windows 11", "Enterprise", host)
        early = client.ato()
        for server in servers[5:]:
            server.ato()
        later = client.ato()
        office = [fleet.add(f"OFFICE{i}", "Office LTSC 2024", "Office LTSC Professional Plus 2024",
                            host).ato() for i in range(1, 6)]
        refused = sorted({str(s["last_result"]) for s in first[:4]})
        self.step(
            "server-threshold",
            "On a fresh host: servers need 5, and they count towards the clients' 25. Office is "
            "counted apart and needs 5 of its own. The first client asks before the 11th server: "
            "until a client Windows asked, the host remembers only 10.",
            "servers 1-4 0xC004F038, the 5th Licensed; a client is told 6, and with 24 servers 25: "
            "Licensed; Office is told 1 to 5, the 5th Licensed",
            f"servers 1-4 {', '.join(refused)}, the 5th {brief(first[4])}; a client is told "
            f"{early['count']} ({brief(early)}), and with {len(servers)} servers {later['count']}: "
            f"{brief(later)}; Office is told {', '.join(str(o['count']) for o in office)}, the 5th "
            f"{brief(office[4])}",
            refused == ["0xC004F038"] and licensed(first[4], "KMS")
            and early["count"] == 6 and not licensed(early)
            and later["count"] == 25 and licensed(later, "KMS")
            and [o["count"] for o in office] == [1, 2, 3, 4, 5]
            and [licensed(o) for o in office] == [False] * 4 + [True])
        host.stop()

    def count_cap(self):
        clock = self.new_clock("cap")
        host = self.host("kms-cap", clock)
        fleet = self.fleet("cap", clock)
        told = [fleet.add(f"CAP{i:02}", "Windows 10", "Enterprise", host).ato()["count"]
                for i in range(1, 61)]
        host.ctl("clock", "advance", "31d")
        later = windows_count(host)
        newcomer = fleet.add("NEW01", "Windows 10", "Enterprise", host).ato()["count"]
        self.step(
            "count-cap",
            "The host remembers twice the highest threshold it was asked for, so its count stops at "
            "50 whoever comes. A machine that is silent for 30 days is forgotten.",
            "60 clients: told 1 to 50, then 50 each; 31 silent days later the host remembers 0, and "
            "a newcomer is told 1",
            f"60 clients: told {told[0]} to {max(told)}, the last one {told[-1]}; 31 silent days "
            f"later {later}, and a newcomer is told {newcomer}",
            told == [min(i, 50) for i in range(1, 61)] and (later, newcomer) == (0, 1))
        host.stop()

    def renewal(self):
        before = {name: p["expires"] for name, p in self.site.products()}
        self.site.forward("7d")
        after = dict(self.site.products())
        renewed = sum(after[name]["expires"] > before[name] for name in before)
        left = [days_left(p) for p in after.values()]
        channels = sorted({p["channel"] for p in after.values()})
        self.step(
            "renewal",
            "A licensed machine renews every 7 days, each time for 180 days from then; a member "
            "at the directory, the others at the KMS host.",
            f"7 days pass: all {len(before)} renewed, about 180 days left each, by AD and KMS",
            f"{renewed} of {len(before)} renewed, {min(left)} to {max(left)} days left, by "
            f"{' and '.join(channels)}",
            renewed == len(before) and min(left) > 179.9 and channels == ["AD", "KMS"])

    def leave_domain(self):
        leaver = self.site.add("PC02", "Windows 11", "Enterprise", self.kms, member=True)
        joined = leaver.ato()
        leaver.run("leave")
        kept = leaver.show()
        after = leaver.restart()
        self.step(
            "leave-domain",
            "A licence from the directory holds only inside the forest. After leaving the domain it "
            "fails when the licensing service next starts; then KMS is tried.",
            "Licensed by AD; still so right after leaving; after the restart Licensed by KMS",
            f"{brief(joined)}; {brief(kept)} right after leaving; {brief(after)} after the restart",
            licensed(joined, "AD") and licensed(kept, "AD") and licensed(after, "KMS"))

    def directory_down(self):
        pc03 = self.site.add("PC03", "Windows 11", "Enterprise", self.kms, member=True)
        self.directory.down()
        down = pc03.ato()
        self.directory.back()
        back = pc03.ato()
        self.step(
            "directory-down",
            "When the directory does not answer, KMS rules apply; every later attempt tries the "
            "directory first again.",
            "directory stopped: Licensed by KMS; directory back: Licensed by AD",
            f"directory stopped: {brief(down)}; directory back: {brief(back)}",
            licensed(down, "KMS") and licensed(back, "AD"))

    def disabled_account(self):
        pc04 = self.site.add("PC04", "Windows 11", "Enterprise", self.kms, member=True)
        self.directory.disable("PC04", self.kms)
        got = pc04.ato()
        asked = got["attempt"]["tries"][0]
        self.step(
            "disabled-account",
            "A disabled computer account cannot sign in to the directory, so nothing there is "
            "given to it.",
            "nothing from AD, the reason is told; Licensed by KMS",
            f"{asked['channel']} said {asked['code']} ({asked['text'].split('; ')[-1]}); "
            f"{brief(got)}",
            licensed(got, "KMS") and asked["channel"] == "AD" and not asked["granted"])

    def lapse(self):
        clock = self.new_clock("lapse")
        host = self.host("kms-lapse", clock)
        fleet = self.fleet("lapse", clock)
        for i in range(1, 25):
            fleet.add(f"OLD{i:02}", "Windows 11", "Enterprise", host).ato()
        lonely = fleet.add("LONELY", "Windows 11", "Enterprise", host)
        fine = lonely.ato()
        host.stop()
        said = lonely.run("pass", "181d")
        got = lonely.show()
        self.step(
            "lapse",
            "180 days without any host, and the licence ends. Windows 8.1 and later then go straight "
            "to Notification.",
            "Licensed by KMS; 181 days without a host: Notification, with reason and remedy",
            f"{brief(fine)}; 181 days without a host: {got['status']}, {got['reason']} "
            f"({got['remedy']})",
            licensed(fine, "KMS") and got["status"] == "Notification" and got["reason"]
            and got["remedy"] and said.code == NOT_LICENSED)

    def tampered_object(self):
        found = next(o for o in self.kms.ctl("ao", "list", "--json").json["activation_objects"]
                     if o["name"] == GROUP)
        self.directory.licence_by_hand(found["dn"], flip_a_byte)
        got = self.pc01.ato()
        verify = self.kms.ctl("ao", "verify", "--json", expect=None)
        verdicts = {o["name"]: o["verdict"] for o in verify.json["activation_objects"]}
        self.step(
            "tampered-object",
            "Clients check the signature of what the directory hands out. One byte of the object's "
            "licence was changed by hand, as somebody with write access could.",
            "the member gets 0xC004F081 from AD and falls to KMS; \"ao verify\" names the object and "
            "ends with 7",
            f"AD said {got['ad_result']}; {brief(got)}; ao verify ends with {verify.code}: \"{GROUP}\" "
            f"is {verdicts[GROUP]}",
            got["ad_result"] == "0xC004F081" and licensed(got, "KMS") and verify.code == 7
            and verdicts.pop(GROUP) == "invalid" and set(verdicts.values()) <= {"good"})

    def foreign_realm(self):
        other = os.path.join(self.lab.folder, "other-realm")
        self.lab.adbactl("realm", "init", "OTHER", other)
        before = self.kms.status()["refused"]["foreign"]
        lines = self.kms.log().count("foreign")
        stranger = self.site.add("STRANGER", "Windows 11", "Enterprise", self.kms,
                                 bundle=os.path.join(other, "client.bundle"))
        got = stranger.ato()
        counted = self.kms.status()["refused"]["foreign"] - before
        logged = [line for line in self.kms.log().splitlines() if "foreign" in line][lines:]
        self.step(
            "foreign-realm",
            "Keys come from a realm's own secret, so a request of another realm cannot be read here. "
            "It is refused, logged once and counted.",
            "refused with 0xC004F042, one log line, counted as foreign: 1",
            f"refused with {got['last_result']}, log lines: {len(logged)}, counted as foreign: {counted}",
            got["last_result"] == "0xC004F042" and not licensed(got)
            and len(logged) == 1 and counted == 1)

    # -- the end --

    def table(self):
        print()
        for fleet in self.fleets:
            print(f"Machines: {fleet.name}")
            print(fleet.run("show").out, flush=True)

    def run(self):
        self.begin()
        for step in (self.adba_first_client, self.kms_below_threshold, self.kms_threshold,
                     self.server_threshold, self.count_cap, self.renewal, self.leave_domain,
                     self.directory_down, self.disabled_account, self.lapse):
            step()
        for step in self.directory.more_steps():
            step(self)
        self.tampered_object()
        self.foreign_realm()
        self.table()
        return self.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", default="build/dev/bin", help="folder of the programs")
    parser.add_argument("--keep", action="store_true", help="leave the lab's folder in place")
    parser.add_argument("--directory", choices=("lab", "samba"), default="lab",
                        help="lab: a private OpenLDAP; samba: a real Samba AD domain (root)")
    parser.add_argument("--out", help="where the summary goes")
    args = parser.parse_args()
    directory = OpenLdap() if args.directory == "lab" else Samba()
    suffix = "" if args.directory == "lab" else "-" + args.directory
    out = os.path.abspath(args.out or f"build/demo/summary{suffix}.json")
    lab = None
    try:
        lab = Lab(args.bin, prefix=directory.prefix, directory=directory.settings)
        return Demo(lab, directory, out).run()
    finally:
        if lab is not None:
            lab.close(keep=args.keep)
            if args.keep:
                print(f"The lab is left in {lab.folder}")
        directory.close()


if __name__ == "__main__":
    sys.exit(main())
