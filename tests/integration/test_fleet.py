"""adbaclient fleet: what it prints, draws and says. The expected figures come from the public rules
(25, 5, 5; 30, 180 and 7 days; a room of 50 or 10) and from sums over the series."""
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from lab import BIN

USAGE, NOT_FOUND = 2, 4
SVG = "{http://www.w3.org/2000/svg}"
SITE = ["--clients", "5000", "--days", "60", "--hosts", "2", "--arrive", "10d", "--outage", "kms1:20d+5d",
        "--outage", "dc:30d+3d", "--outage", "object:40d+2d",
        "--mix", "Windows 11 Enterprise=70,Windows Server 2022 Standard=20,Office LTSC 2024 Professional Plus=10"]


def fleet(*argv):
    return subprocess.run([os.path.join(BIN, "adbaclient"), "fleet", *argv], capture_output=True, timeout=120,
                          check=False, env={k: v for k, v in os.environ.items() if k != "ADBAD_CATALOG"})


def report(*argv):
    done = fleet(*argv, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def says(result, topic):
    return " ".join(c["text"] for c in result["conclusions"] if c["topic"] == topic)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    def everything(name, seed):
        chart = [tmp_path / f"{name}.{kind}" for kind in ("svg", "html")]
        out = [fleet(*SITE, "--seed", seed, "--chart", str(chart[0])).stdout,
               fleet(*SITE, "--seed", seed, "--json", "--chart", str(chart[1])).stdout]
        return out + [path.read_bytes() for path in chart]

    first, again, other = everything("a", "5"), everything("b", "5"), everything("c", "6")
    assert all(first)
    assert first == again
    assert all(one != two for one, two in zip(first, other))


def test_the_series_add_up():
    result = report(*SITE, "--move", "0", "--replace", "0")
    series = result["series"]
    assert [day["day"] for day in series] == list(range(1, 61))
    for day in series:
        assert sum(day["status"].values()) == day["machines"]
        assert sum(day["licensed"].values()) == day["status"]["Licensed"]
        assert sum(host["requests"] for host in day["hosts"]) == day["requests"]["kms"]
        assert all(h["count_windows"] <= 50 and h["count_office"] <= 10 for h in day["hosts"])
        assert (day["failed"]["0x8007203A"] > 0) <= (30 < day["day"] <= 33)
        assert (day["failed"]["0xC004F081"] > 0) <= (40 < day["day"] <= 42)
        if 20 < day["day"] <= 25:
            assert day["hosts"][0]["requests"] == 0
    end = series[-1]
    assert end["machines"] == 5000
    # Four in five are members, and 18 days are enough to be back from the last trouble.
    assert end["licensed"] == {"ad": 4000, "kms": 1000, "other": 0}
    assert result["peak"]["requests"] == max(day["requests"]["kms_peak_hour"] for day in series)


def test_the_table_tells_the_last_day_and_the_codes():
    result, text = report(*SITE), fleet(*SITE).stdout.decode()
    end = result["series"][-1]
    row = next(line.split() for line in text.splitlines() if line.split()[:2] == ["60", "5000"])
    assert [int(v) for v in row[3:6]] == [end["licensed"][k] for k in ("ad", "kms", "other")]
    for code in ("0xC004F038", "0x8007203A", "0xC004F081"):
        times = sum(day["failed"][code] for day in result["series"])
        assert re.search(rf"^ *{times}  {code}", text, re.M), code
    for conclusion in result["conclusions"]:
        assert conclusion["text"] in " ".join(text.split())


def test_planning_when_a_small_site_reaches_25():
    base = ["--domain-share", "0", "--presence", "always", "--days", "20", "--arrive", "0s", "--move", "0", "--replace",
            "0", "--mix", "Windows 11 Enterprise=1"]
    few, enough = report(*base, "--clients", "24"), report(*base, "--clients", "25")
    assert "never reached; the highest told was 24, so 1 more machine must ask" in says(few, "threshold")
    assert few["series"][-1]["licensed"]["kms"] == 0
    assert enough["windows"]["minute_of_25"] == 0
    assert enough["series"][-1]["licensed"]["kms"] == 25
    apart = report(*base, "--clients", "30", "--hosts", "8")
    assert "30 machines asked, enough for one host" in says(apart, "threshold")


def test_planning_how_long_a_host_may_be_away():
    base = ["--clients", "40", "--domain-share", "0", "--presence", "always", "--move", "0", "--replace", "0",
            "--arrive", "1d", "--mix", "Windows 11 Enterprise=1"]
    harmless = report(*base, "--days", "250", "--outage", "kms:20d+172d")
    assert "no licence ran out" in says(harmless, "outage")
    long = report(*base, "--days", "250", "--outage", "kms:20d+181d")
    assert long["outages"][0]["lapsed"] == 40
    assert "40 licences ran out" in says(long, "outage")
    # Each renewed within the last week.
    first, one, half = map(int, re.search(r"after (\d+) days, 1 % after (\d+), half after (\d+)",
                                          says(harmless, "outage")).groups())
    assert 172 <= first <= one <= half <= 180


def test_planning_how_many_hosts():
    base = ["--clients", "60", "--domain-share", "0", "--days", "20", "--replace", "0"]
    assert "from 50 clients on two hosts are advised" in says(report(*base), "hosts")
    two = says(report(*base, "--hosts", "2"), "hosts")
    assert "2 hosts are enough" in two
    assert sum(map(int, re.findall(r"(\d+) %", two))) in (99, 100, 101)
    only = report(*base, "--ask", "hosts")
    assert list(only) == ["conclusions"]
    assert {c["topic"] for c in only["conclusions"]} == {"hosts"}


def test_the_chart_has_every_series_and_nothing_from_elsewhere(tmp_path):
    for kind in ("svg", "html"):
        path = tmp_path / f"fleet.{kind}"
        done = fleet(*SITE, "--chart", str(path))
        assert done.returncode == 0, done.stderr
        text = path.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        svg = root if kind == "svg" else root.find(f".//{SVG}svg")
        drawn = {p.findtext(f"{SVG}title"): p.get("d") for p in svg.iter(f"{SVG}path") if p.find(f"{SVG}title") is not None}
        legend = {t.text for t in svg.iter(f"{SVG}text") if t.get("class") == "legend"}
        assert legend == set(drawn) == {
            "licensed by AD", "licensed by KMS", "licensed otherwise", "not licensed", "AD, fullest hour",
            "KMS, fullest hour", "KMS, mean", "host 1, Windows", "host 1, Office", "host 2, Windows",
            "host 2, Office", "0xC004F038", "0xC004F042", "0xC004F074", "0xC004F081", "0x8007203A"}
        assert all(60 <= d.count("L") <= 61 for d in drawn.values())  # a point a day
        inside = [float(y) for d in drawn.values() for y in re.findall(r",([-\d.]+)", d)]
        assert 0 <= min(inside) and max(inside) <= 170
        axes = [t.text for t in svg.iter(f"{SVG}text") if t.get("class") == "axis"]
        assert axes.count("days") == 4 and len(axes) == 8
        assert "prefers-color-scheme:dark" in text
        assert "<script" not in text and "url(" not in text
        assert set(re.findall(r'https?://[^"]+', text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}


@pytest.mark.parametrize("argv, code, words", [
    (["--mix", "Windows 11 Enterprise"], USAGE, "--mix takes products and their shares"),
    (["--mix", "Windows 99 Enterprise=1"], NOT_FOUND, "no such product"),
    (["--outage", "kms:1d"], USAGE, "kms:30d+10d"),
    (["--outage", "kms2:1d+1d"], USAGE, "--hosts"),
    (["--outage", "dc1:1d+1d"], USAGE, "dc:60d+5d"),
    (["--domain-share", "101%"], USAGE, "0.8 or 80%"),
    (["--arrive", "40d"], USAGE, "longer than the run"),
    (["--presence", "never"], USAGE, "office or always"),
    (["--ask", "everything"], USAGE, "threshold, outage or hosts"),
    (["--chart", "fleet.png"], USAGE, "FILE.svg or FILE.html"),
    (["--chart", "/nowhere/fleet.svg"], None, "/nowhere"),
    (["--clients", "0"], USAGE, "from 1 to 2000000"),
    (["--key-group", "nothing"], NOT_FOUND, "nothing"),
])
def test_mistakes_name_the_remedy(argv, code, words):
    done = fleet("--days", "30", "--clients", "10", *argv)
    assert done.returncode != 0 and code in (None, done.returncode)
    assert words in done.stderr.decode()
    assert done.stdout == b""
