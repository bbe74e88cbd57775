"""The chart of adbaclient fleet in a browser: headless Chromium lays the page out and gives back its document."""
import html.parser
import json
import os
import re
import subprocess

import pytest

from lab import BIN

pytestmark = pytest.mark.uninstrumented  # the browser takes its time, and it is not what is looked at
SITE = ["--clients", "2000", "--days", "60", "--hosts", "2", "--arrive", "10d", "--outage", "kms1:20d+5d",
        "--mix", "Windows 11 Enterprise=70,Windows Server 2022 Standard=20,Office LTSC 2024 Professional Plus=10"]


class Document(html.parser.HTMLParser):
    """The panels of the picture: their ticks and paths; and the text of the list."""

    def __init__(self, text):
        super().__init__()
        self.panels, self.items, self.at, self.path = {}, [], None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.at = (tag, dict(attrs))
        if tag == "path":
            self.path = dict(attrs)
        if tag == "li":
            self.items.append("")

    def handle_endtag(self, tag):
        self.at = None

    def handle_data(self, data):
        tag, attrs = self.at or (None, {})
        if tag == "text" and attrs.get("class") == "title":
            self.panels[data] = {"ticks": {}, "paths": {}}
        elif tag == "text" and attrs.get("class") == "tick" and attrs.get("text-anchor") == "end":
            list(self.panels.values())[-1]["ticks"][int(data)] = float(attrs["y"])
        elif tag == "title" and self.path is not None:
            points = [tuple(map(float, p.split(","))) for p in re.findall(r"[ML]([\d.]+,[\d.]+)", self.path["d"])]
            list(self.panels.values())[-1]["paths"][data] = points
        elif tag == "li":
            self.items[-1] += data

    def values(self, panel, series, days):
        """What a reader reads off the axis, day by day; and how exact that is."""
        ticks, points = self.panels[panel]["ticks"], self.panels[panel]["paths"][series]
        top = max(ticks)
        scale = top / (ticks[0] - ticks[top])
        base = ticks[0] - 4  # a label stands a little lower than its line
        return [(base - y) * scale for _, y in points[1:days + 1]], 0.1 * scale + 1e-6


def browse(page, folder):
    """The document after layout, the addresses that were asked for, and what the console said."""
    net = folder / "net.json"
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--disable-default-apps", f"--user-data-dir={folder / 'profile'}", f"--log-net-log={net}",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom",
         page.as_uri()], capture_output=True, timeout=120, check=True, text=True)
    # What the browser asks for itself has no page as its origin.
    found = re.findall(r'"initiator":"([^"]*)".*?"url":"([^"]*)"', net.read_text(encoding="utf-8"))
    asked = [url for origin, url in found if origin != "not an origin" and not url.startswith(("file:", "data:"))]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, asked, console


@pytest.fixture(scope="module", name="chart")
def chart_of_a_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chart")
    page = folder / "fleet.html"
    done = subprocess.run([os.path.join(BIN, "adbaclient"), "fleet", *SITE, "--chart", str(page), "--json"],
                          capture_output=True, timeout=120, check=True)
    return json.loads(done.stdout), *browse(page, folder)


def test_the_page_asks_for_nothing_and_has_no_errors(chart):
    _, _, asked, console = chart
    assert asked == [] and console == []


def test_a_page_that_does_would_be_found_out(tmp_path):
    page = tmp_path / "other.html"
    page.write_text('<img src="http://elsewhere.example/x.png"><script>nowhere()</script>', encoding="utf-8")
    _, asked, console = browse(page, tmp_path)
    assert "http://elsewhere.example/x.png" in asked
    assert any("nowhere is not defined" in line for line in console)


@pytest.mark.parametrize("panel, series, value", [
    ("Requests in an hour, day by day", "KMS, fullest hour", lambda day: day["requests"]["kms_peak_hour"]),
    ("Requests in an hour, day by day", "AD, fullest hour", lambda day: day["requests"]["ad_peak_hour"]),
    ("Clients by channel", "licensed by AD", lambda day: day["licensed"]["ad"]),
    ("Clients by channel", "licensed by KMS", lambda day: day["licensed"]["ad"] + day["licensed"]["kms"]),
    ("Clients by channel", "not licensed", lambda day: day["machines"]),
])
def test_the_figures_are_those_of_the_json(chart, panel, series, value):
    result, document, _, _ = chart
    drawn, exact = Document(document).values(panel, series, len(result["series"]))
    wanted = [value(day) for day in result["series"]]
    assert len(drawn) == len(wanted)
    assert [day for day, (a, b) in enumerate(zip(drawn, wanted), 1) if abs(a - b) > exact] == []


def test_the_conclusions_are_those_of_the_json(chart):
    result, document, _, _ = chart
    assert [" ".join(i.split()) for i in Document(document).items] == [c["text"] for c in result["conclusions"]]
