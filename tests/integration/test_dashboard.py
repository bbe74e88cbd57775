"""The dashboard: its JSON, and the page in a real browser."""
import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest

import bulk
from browser import Browser
from kms_lab import Clients, product_ids
from lab import Lab, free_port, wait_for

# One worker runs them all: they share a site and a browser.
pytestmark = [pytest.mark.xdist_group("dashboard"), pytest.mark.threads]
# What the page does is the same however adbad was built.
in_browser = pytest.mark.uninstrumented

MANY = 3000
GROUP = "Volume License for Windows Server 2022"
MARKUP = '<img src=x onerror=alert(1)>'
FORMULA = '=HYPERLINK("http://x.example")'
DAY = 86400


def fill(path, windows, server):
    """A month of requests of MANY machines, one an hour or so apart, as the daemon would have recorded them; the first
    of them told yesterday that the directory renewed it."""
    now = int(time.time())
    rows = []
    for i in range(MANY):
        ids = server if i % 3 == 0 else windows
        # Every tenth was told too low a count and has no grace left; every seventh came through the directory.
        channel, count = (1, 0) if i % 7 == 0 else (0, 3 if i % 10 == 0 else 50)
        rows.append((now - 2 * DAY - (MANY - i) * 700, channel, f"192.0.2.{i % 250}:49152", 6,
                     ids["application_id"].bytes_le, ids["activation_id"].bytes_le, ids["kms_id"].bytes_le,
                     uuid.UUID(int=i + 1).bytes, bytes(16), ids["required_count"], 5, 0, 0, count, f"BULK-{i:05}"))
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO activations (at, channel, peer, version, application_id, activation_id, kms_id, client_id, "
            "previous_client_id, required_count, licence_status, minutes_left, is_virtual, count, workstation) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
        db.execute(
            "INSERT INTO self_reports (at, peer, event_id, client_id, application_id, activation_id, kms_id, object_sku_id, "
            "key, workstation, account, domain, sid, object_name, object_dn, activated_at, expires_at, client_at) "
            "VALUES (?,?,12308,?,?,?,?,?,'','BULK-00000','','','','Servers','CN=Servers',?,?,?)",
            (now - DAY, "192.0.2.0:49152", uuid.UUID(int=1).bytes, server["application_id"].bytes_le,
             server["activation_id"].bytes_le, server["kms_id"].bytes_le, bytes(16), now - DAY, now + 179 * DAY, now - DAY))
    db.close()


def wait_for_page(daemon, starts=1):
    """HTTP begins on a thread of its own, when KMS may be served already."""
    wait_for(lambda: daemon.log().count("web: listening") >= starts, "the page is served")


class Site:
    """A daemon with a page, beside a directory of three computers and one activation object."""

    def __init__(self, lab):
        lab.directory_up()
        bulk.load(lab, 3)
        self.port = free_port()
        self.daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{self.port}"})
        lab.install_hostkey(self.daemon, GROUP)
        self.daemon.ctl("ao", "create", "--group", GROUP, "--name", "Servers")
        self.daemon.stop()
        fill(f"{self.daemon.folder}/state/ledger.db", product_ids(lab, "Windows 11", "Enterprise"),
             product_ids(lab, "Windows Server 2022", "Standard"))
        self.daemon.start()
        wait_for_page(self.daemon, starts=2)
        wait_for(lambda: self.json("objects")["objects"], "the daemon has seen the object")
        self.clients = Clients(lab, self.daemon.port)
        for name in (MARKUP, FORMULA):
            self.clients.count(workstation=name)
        self.office = Clients(lab, self.daemon.port, "Office LTSC 2024", "Office LTSC Professional Plus 2024")
        assert self.office.ask(workstation="OFFICE-1")[1] == 0xC004F042
        wait_for(lambda: self.json("decisions", outcome="refused")["decisions"], "the refusal is recorded")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path, headers=None, **query):
        """(status, headers, body) of one request."""
        url = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def json(self, name, **query):
        code, _, body = self.get(f"api/{name}", **query)
        assert code == 200, body
        return json.loads(body)


@pytest.fixture(scope="module", name="site")
def site_with_page():
    with Lab() as lab:
        yield Site(lab)


@pytest.fixture(scope="module", name="chromium")
def one_chromium():
    with Browser() as browser:
        yield browser


@pytest.fixture(name="browser")
def browser_at_the_page(chromium, site):
    """At the page, with all of it shown; whatever happens, it may not complain or ask elsewhere."""
    chromium.open(url=site.url)
    settle(chromium)
    yield chromium
    assert chromium.problems() == []


def settle(browser):
    """Every part has its data."""
    browser.wait(selector="#machines-line", pattern="licen[cs]es|match|Nothing|of")
    browser.wait(selector="#decision-list", pattern="ago|now|Nothing")
    browser.wait(selector="#checks-line", pattern="check")
    browser.wait(selector="#activations-line", pattern="request|Nobody")
    browser.wait(selector="#directory-line", pattern="object|count")
    browser.wait(selector="#about", pattern="realm")


# ---- the JSON ----


def test_status_is_what_the_daemon_says(site):
    page, told = site.json("status"), site.daemon.status()
    assert page["realm"] == "LAB" and page["version"] == told["version"]
    assert [(a["application"], a["count"], a["thresholds"]) for a in page["applications"]] == [
        (a["application"], a["count"], a["thresholds"]) for a in told["applications"]]
    assert page["host_keys"] == [{"group": GROUP, "activated": True, "lacks": None}]
    assert page["directory"]["state"] == "up" and page["directory"]["forest"] == "lab.example"
    assert page["ledger"] == {"state": "up", "why": None}


def test_nothing_new_is_not_sent_again(site):
    for name in ("status", "machines", "activations", "decisions", "objects"):
        def unchanged(name=name):
            _, headers, _ = site.get(f"api/{name}")
            code, _, body = site.get(f"api/{name}", headers={"If-None-Match": headers["ETag"]})
            return code == 304 and body == ""
        wait_for(unchanged, f"/api/{name} answers 304")


def test_objects_have_days_left_and_verdict(site):
    (one,) = site.json("objects")["objects"]
    assert (one["name"], one["verdict"], one["group"]) == ("Servers", "good", GROUP)
    assert one["days_left"] in (729, 730)


def test_warnings_are_those_of_directory_check(site):
    told = site.daemon.ctl("directory", "check", "--json", expect=None).json["checks"]
    beyond = {"srv", "replica"}  # the command alone asks for these
    assert [c for c in site.json("warnings")["checks"]] == [c for c in told if c["check"] not in beyond]


def test_machines_page_by_page(site):
    first = site.json("machines", limit=100)
    assert first["total"] == first["matched"] == MANY + 2
    assert first["no_report"] == 3
    seen = [m["client_id"] for m in first["machines"]]
    for offset in range(100, 1000, 100):
        seen += [m["client_id"] for m in site.json("machines", limit=100, offset=offset)["machines"]]
    assert len(set(seen)) == 1000
    assert site.json("machines", offset=MANY + 2)["machines"] == []


@pytest.mark.parametrize("sort, key", [("machine", lambda m: m["workstation"].lower()),
                                       ("expires", lambda m: m["expires"] or 1 << 60),
                                       ("last", lambda m: -m["last"]),
                                       ("product", lambda m: (m["product"], m["edition"]))])
def test_machines_in_order(site, sort, key):
    rows = [key(m) for m in site.json("machines", sort=sort, limit=500)["machines"]]
    assert rows == sorted(rows) and len(set(rows)) > 1 or sort == "product" and rows == sorted(rows)
    last = site.json("machines", sort=sort, order="reverse", limit=1)["machines"][0]
    assert key(last) >= rows[-1]


def test_machines_found(site):
    (one,) = site.json("machines", search="bulk-02999")["machines"]
    assert one["workstation"] == "BULK-02999" and one["channel"] == "kms"
    assert site.json("machines", channel="adba")["matched"] == len(range(0, MANY, 7))
    waiting = [i for i in range(MANY) if i % 7 != 0 and i % 10 == 0]
    assert site.json("machines", status="not-licensed")["matched"] == len(waiting)
    server = next(p for p in site.json("machines")["products"] if p["product"] == "Windows Server 2022")
    assert site.json("machines", product=server["activation_id"])["matched"] == len(range(0, MANY, 3))


def test_what_clients_told_is_marked(site):
    (one,) = site.json("machines", channel="self-reported")["machines"]
    assert (one["workstation"], one["channel"], one["self_reported"]) == ("BULK-00000", "adba", True)
    assert one["expires"] == one["last"] + 180 * DAY
    assert sum(site.json("activations", range="7d")["self_reported"]) == 1
    _, _, body = site.get("api/machines.csv", channel="self-reported")
    assert [(r["workstation"], r["self_reported"]) for r in csv.DictReader(io.StringIO(body))] == [("BULK-00000", "1")]


def test_the_file_is_that_of_the_command_line(site):
    _, _, body = site.get("api/machines.csv", sort="machine")
    said = site.daemon.ctl("report", "machines", "--csv", "--sort", "machine", "--limit", "0").out
    assert body.replace("\r\n", "\n").splitlines() == said.splitlines() and "\r\n" in body


def test_the_file_has_every_row_and_no_formula(site):
    _, headers, body = site.get("api/machines.csv", sort="machine")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert headers["Content-Disposition"] == 'attachment; filename="machines.csv"'
    assert len(rows) == MANY + 2
    assert {r["workstation"] for r in rows} >= {MARKUP, "'" + FORMULA, "BULK-00000"}
    assert not [c for r in rows for c in r.values() if c[:1] in "=+-@" and c]


@pytest.mark.parametrize("span, columns, step", [("24h", 24, 3600), ("7d", 28, 6 * 3600), ("30d", 30, DAY)])
def test_activations_over_time(site, span, columns, step):
    asked = time.time()
    told = site.json("activations", range=span)
    with sqlite3.connect(f"file:{site.daemon.folder}/state/ledger.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT (at - ?) / ?, channel, count(*) FROM activations WHERE at >= ? GROUP BY 1, 2",
                          (told["from"], step, told["from"])).fetchall()
    db.close()
    wanted = {name: [0] * columns for name in ("kms", "adba", "relay")}
    for at, channel, n in rows:
        wanted[("kms", "adba", "relay")[channel]][at] = n
    assert told["step"] == step and told["from"] % step == 0
    assert told["channels"] == wanted
    assert sum(told["refused"]) == 1
    assert told["from"] <= time.time() and asked < told["from"] + columns * step


def test_decisions_say_why(site):
    told = site.json("decisions", limit=3)["decisions"]
    refused = next(d for d in told if d["outcome"] == "refused")
    assert (refused["machine"], refused["reason"], refused["code"]) == ("OFFICE-1", "not-served", "0xC004F042")
    assert "no installed host key serves" in refused["why"]
    granted = next(d for d in told if d["outcome"] == "granted")
    assert granted["why"] == "The count is 50 and it needs 25."
    assert [d["outcome"] for d in site.json("decisions", outcome="refused")["decisions"]] == ["refused"]


def test_relayed_requests_are_among_the_decisions(lab):
    port = free_port()
    with Lab(realm="UPSTREAM") as other:
        host = other.daemon("host", options={"lab.enabled": None, "lab.clock": None})
        other.install_hostkey(host)
        gateway = lab.daemon("gateway", options={"web.listen": f"127.0.0.1:{port}", "relay.upstream": host.address,
                                                 "relay.check": "1s", "lab.enabled": None, "lab.clock": None})
        wait_for_page(gateway)
        lab.install_hostkey(gateway)
        Clients(lab, gateway.port).count(workstation="OURS")
        clients = Clients(other, gateway.port)
        wait_for(lambda: gateway.ctl("relay", "status", "--json").json["healthy"], "the upstream answers")
        clients.count(workstation="CLEAR", major=4)
        clients.count(workstation="SEALED", major=6)
        office = Clients(other, gateway.port, "Office LTSC 2024", "Office LTSC Professional Plus 2024")
        assert office.ask(workstation="REFUSED")[1] == 0xC004F042

        def told(**query):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/decisions?{urllib.parse.urlencode(query)}") as answer:
                return json.load(answer)["decisions"]
        rows = wait_for(lambda: (r := [d for d in told() if d.get("channel") == "relay"]) and len(r) == 3 and r, "three rows")
        # Those of several workers may be written in any order.
        refused, clear, sealed = sorted(rows, key=lambda d: (d["outcome"], d["machine"] is None))
        assert [d["outcome"] for d in (refused, clear, sealed)] == ["refused", "relayed", "relayed"]
        assert (refused["code"], refused["reason"]) == ("0xC004F042", "upstream")
        assert (sealed["machine"], sealed["product"], sealed["upstream"]) == (None, None, host.address)
        assert sealed["why"] == f"Passed on as it is: {host.address} answered."
        assert (clear["machine"], clear["product"]) == ("CLEAR", "Windows 11")
        assert "OURS" in [d.get("machine") for d in told()]
        assert [d["outcome"] for d in told(outcome="refused")] == ["refused"]
        assert len(told(limit=2)) == 2


@pytest.mark.parametrize("path, query", [
    ("machines", {"sort": "colour"}), ("machines", {"status": "fine"}), ("machines", {"status": "no-report"}), ("machines", {"channel": "phone"}),
    ("machines", {"product": "Windows"}), ("machines", {"offset": "-1"}), ("machines", {"limit": "501"}),
    ("machines", {"limit": "99999999999999999999"}), ("machines", {"order": "up"}), ("machines.csv", {"sort": "x"}),
    ("activations", {"range": "1y"}), ("decisions", {"limit": "0"}), ("decisions", {"limit": "x"}),
    ("decisions", {"outcome": "odd"})])
def test_what_is_not_understood_is_named(site, path, query):
    code, _, body = site.get(f"api/{path}", **query)
    assert code == 400 and body.startswith(next(iter(query)) + ":")


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere(site):
    code, headers, page = site.get("")
    assert code == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in headers["Content-Security-Policy"] and "unsafe" not in headers["Content-Security-Policy"]
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)|//", page.replace("<!doctype", ""))
    for name in re.findall(r'(?:src|href)="/([\w.]+)"', page):
        assert site.get(name)[0] == 200


# ---- the page ----


@in_browser
@pytest.mark.parametrize("look", [{"scheme": "light"}, {"scheme": "dark"}, {"width": 360, "height": 780},
                                  {"width": 360, "height": 780, "scheme": "dark"}], ids=str)
def test_everybody_can_use_it(chromium, site, look):
    chromium.open(url=site.url, **look)
    settle(chromium)
    found = chromium.axe()
    assert [v for v in found if v["impact"] in ("serious", "critical")] == []
    assert chromium.evaluate(script="document.documentElement.scrollWidth - innerWidth") <= 0
    assert chromium.problems() == []


@in_browser
def test_a_gateway_needs_no_host_key(chromium, lab):
    """The page, health and the log judge by the same: all is well while everything is relayed, and not after that."""
    port = free_port()

    def page(pattern):
        chromium.open(url=f"http://127.0.0.1:{port}/")
        chromium.wait(selector="#verdict", pattern=pattern)
        chromium.wait(selector="#vitals", pattern="Relay")
        return chromium.text(selector="#attention"), chromium.text(selector="#vitals")

    def reload(only):
        gateway.options["relay.only"] = only
        gateway.write_conf()
        assert [c["key"] for c in gateway.ask("reload")["applied"]] == ["[relay] only"]

    def health(state):
        told = gateway.ctl("health", expect=None).out
        return told if told.startswith(state) else None

    with Lab(realm="UPSTREAM") as other:
        host = other.daemon("host", options={"lab.enabled": None, "lab.clock": None})
        other.install_hostkey(host)
        gateway = lab.daemon("gateway", options={"web.listen": f"127.0.0.1:{port}", "relay.upstream": host.address,
                                                 "relay.only": "all", "relay.check": "1s"})
        wait_for_page(gateway)
        assert "relays everything" in wait_for(lambda: health("OK"), "the upstream answers")
        assert gateway.status()["relays_all"] is True
        assert "every request is relayed" in gateway.ctl("kms", "status").out
        assert "host key" not in gateway.log()
        attention, vitals = page("Everything is in order")
        assert attention == "" and "relaying everything" in vitals and "none needed" in vitals

        reload("foreign")
        gateway.wait_log("no host key is installed .*every request is refused")
        assert "host keys: none is installed" in health("CRITICAL")
        attention, _ = page("1 thing to repair")
        assert "no host key is installed" in attention

        reload("all")
        assert health("OK")
        host.stop()
        wait_for(lambda: health("CRITICAL"), "the upstream is missed")
        attention, _ = page("1 thing to repair")
        assert host.address in attention and "host key" not in attention
        assert chromium.problems() == []


@in_browser
def test_axe_would_find_something(browser):
    browser.evaluate(script="document.querySelector('#filters input').parentElement.replaceWith("
                            "document.querySelector('#filters input')), document.querySelector('#filters input')"
                            ".removeAttribute('placeholder')")
    assert "label" in [v["id"] for v in browser.axe() if v["impact"] == "critical"]


@in_browser
def test_it_works_without_a_mouse(chromium, site):
    browser = chromium
    browser.open(url=site.url, motion="reduce")
    settle(browser)
    stops = browser.stops()
    assert stops[0]["text"] == "Skip to the content"
    assert [s for s in stops if s["outline"] < 2 or not s["inView"]] == []
    wanted = {"search", "status", "channel", "product", "range", "outcome", "#machines", "/api/machines.csv"}
    assert wanted <= {s["label"] for s in stops}
    assert {"Machine", "Product", "Status", "Channel", "Expires", "Last contact", "Next"} <= {s["text"] for s in stops}

    browser.focus(selector="#filters [name=search]")
    browser.type(text="bulk-0299")
    browser.wait(selector="#machines-line", pattern="^10 of")
    for _ in range(2):
        browser.press(key="Tab")  # over status to channel
    browser.type(text="Dir")
    browser.wait(selector="#machines-line", pattern="^1 of|^2 of")
    browser.press(key="Tab")
    browser.press(key="Tab")
    assert browser.focused()["id"] == "reset"
    browser.press(key="Enter")
    browser.wait(selector="#machines-line", pattern="^3,002 licences")
    assert browser.focused()["label"] == "search"

    browser.focus(selector="th:first-child button.sort")
    browser.press(key="Enter")
    browser.wait(selector="#machine-table tbody tr", pattern="<img")
    browser.wait(selector="#machine-table th:first-child[aria-sort=ascending]", pattern="Machine")
    browser.press(key="Space")
    browser.wait(selector="#machine-table tbody tr", pattern="BULK-02999")
    browser.wait(selector="#machine-table th:first-child[aria-sort=descending]", pattern="Machine")
    browser.focus(selector="#next")
    browser.press(key="Enter")
    browser.wait(selector="#page", pattern="26.50 of 3,002")

    browser.evaluate(script="document.activeElement.blur()")
    browser.focus(selector=".skip")
    browser.press(key="Enter")
    assert browser.focused()["id"] == "main"
    assert browser.problems() == []


@in_browser
def test_a_name_is_never_markup(browser):
    browser.focus(selector="#filters [name=search]")
    browser.type(text="onerror")
    browser.wait(selector="#machines-line", pattern="^1 of")
    assert MARKUP in browser.text(selector="#machine-table .name")
    assert MARKUP in browser.text(selector="#decision-list")
    assert browser.count(selector="main img") == 0

    # Times are relative, and say when exactly.
    title = browser.attribute(selector="#machine-table td:last-child time", name="title")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", title)
    assert browser.attribute(selector="#machine-table td:last-child time", name="datetime").endswith("Z")


@in_browser
def test_the_question_stays_in_the_address(browser):
    browser.select(selector="#filters [name=channel]", value="adba")
    browser.wait(selector="#machines-line", pattern="^429 of")
    browser.click(selector="th:nth-child(2) button.sort")
    assert browser.url().endswith("?channel=adba&sort=product")
    browser.reload()
    browser.wait(selector="#machines-line", pattern="^429 of")
    assert browser.evaluate(script="document.querySelector('#filters [name=channel]').value") == "adba"


@in_browser
def test_the_file_is_what_is_shown(browser, site):
    browser.focus(selector="#filters [name=search]")
    browser.type(text="BULK-000")
    browser.wait(selector="#machines-line", pattern="^100 of")
    file = browser.download(selector="#csv")
    assert file["name"] == "machines.csv"
    assert file["content"] == site.get("api/machines.csv", search="BULK-000")[2].replace("\r\n", "\n") or \
        file["content"] == site.get("api/machines.csv", search="BULK-000")[2]
    assert len(list(csv.DictReader(io.StringIO(file["content"])))) == 100


@in_browser
def test_it_follows_without_reloading_or_jumping(browser, site):
    browser.evaluate(script="window.mark = 1, document.querySelector('#decisions').scrollIntoView(), window.shifts = []")
    browser.focus(selector="#outcome input")
    site.clients.count(workstation="NEWCOMER")
    browser.wait(selector="#decision-list", pattern="NEWCOMER")
    browser.wait(selector="#machine-table", pattern="NEWCOMER")
    assert browser.evaluate(script="window.mark") == 1
    assert browser.focused()["label"] == "outcome"
    # The list of decisions moves down by one row; what the page is made of does not move.
    assert browser.evaluate(script="window.shifts.reduce((sum, s) => sum + s.value, 0)") < 0.1


@in_browser
def test_movement_only_for_those_who_like_it(chromium, site):
    for motion, name in (("reduce", "none"), ("no-preference", "fresh")):
        chromium.open(url=site.url, motion=motion)
        settle(chromium)
        site.clients.count(workstation=f"MOVE-{motion}")
        chromium.wait(selector="#decision-list", pattern=f"MOVE-{motion}")
        assert chromium.evaluate(
            script="getComputedStyle(document.querySelector('.decisions li.new')).animationName") == name


@in_browser
def test_it_says_when_it_is_cut_off_and_comes_back(chromium, site):
    chromium.open(url=site.url)
    settle(chromium)
    site.daemon.stop()
    chromium.wait(selector="#live", pattern="No answer since")
    assert "BULK-" in chromium.text(selector="#machine-table")  # what was seen stays
    site.daemon.start()
    chromium.wait(selector="#live", pattern="^Live$")


@in_browser
def test_a_machine_that_told_of_itself_is_marked(chromium, site):
    chromium.open(url=site.url + "?channel=self-reported")
    settle(chromium)
    assert "self-reported" in chromium.text(selector="#machine-table")
    assert chromium.count(selector="#machine-table tbody tr") == 1


@in_browser
def test_the_chart_and_its_table_agree(browser, site):
    told = site.json("activations", range="7d")
    browser.click(selector="#range label:nth-of-type(2)")
    browser.wait(selector="#activations-line", pattern="last 7 days")
    browser.click(selector="#chart-table summary")
    browser.wait(selector="#chart-table tbody", pattern=r"\d")
    cells = browser.texts(selector="#chart-table tbody tr td:nth-child(2)")
    assert [int(c.replace(",", "")) for c in reversed(cells)] == [
        n for i, n in enumerate(told["channels"]["kms"])
        if n + told["channels"]["adba"][i] + told["channels"]["relay"][i] + told["refused"][i] + told["self_reported"][i] > 0]
    assert sum(int(c) for c in browser.texts(selector="#chart-table tbody tr td:last-child")) == sum(told["self_reported"]) == 1
    assert "1 activation through the directory was self-reported" in browser.text(selector="#activations-line")
    assert browser.count(selector="#chart rect.hit") == 28


@in_browser
def test_an_empty_host_teaches(chromium, lab):
    port = free_port()
    wait_for_page(lab.daemon(options={"web.listen": f"127.0.0.1:{port}"}))
    chromium.open(url=f"http://127.0.0.1:{port}/")
    chromium.wait(selector="#machine-table", pattern="No machine has asked yet")
    chromium.wait(selector="#objects", pattern="No directory is configured")
    chromium.wait(selector="#verdict", pattern="1 thing to repair")
    chromium.wait(selector="#attention", pattern="adbactl hostkey")
    assert [v for v in chromium.axe() if v["impact"] in ("serious", "critical")] == []
    assert chromium.problems() == []


@in_browser
def test_the_daemon_clock_counts(chromium, lab):
    port = free_port()
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}"})
    wait_for_page(daemon)
    lab.install_hostkey(daemon)
    Clients(lab, daemon.port).count(workstation="EARLY")
    chromium.open(url=f"http://127.0.0.1:{port}/")
    chromium.wait(selector="#machine-table", pattern="EARLY")
    daemon.ctl("clock", "advance", "10d")
    chromium.wait(selector="#machine-table", pattern="10 days ago")
    chromium.wait(selector="#decision-list", pattern="10 days ago")


@in_browser
def test_the_documents_pictures_can_be_taken_anew(tmp_path):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    subprocess.run([sys.executable, os.path.join(root, "tests", "demo", "screenshots.py"), tmp_path], check=True, timeout=300)
    assert sorted(os.listdir(tmp_path)) == sorted(os.listdir(os.path.join(root, "docs", "img")))
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
