"""Pictures of the dashboard for the documents: a small site beside a lab directory, seen in a real browser.

Usage: screenshots.py [FOLDER]      (default: docs/img; ./dev screenshots calls it)"""
import os
import sqlite3
import sys
import time
import urllib.request
import uuid

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "tests", "support"), os.path.join(ROOT, "tests", "integration")]

import bulk  # noqa: E402
from browser import Browser  # noqa: E402
from kms_lab import Clients, product_ids  # noqa: E402
from lab import Lab, free_port, wait_for  # noqa: E402

HOUR, DAY = 3600, 86400
GROUPS = {"Volume License for Windows Server 2022": "Windows Server 2022", "Office LTSC 2024 KMS host key": "Office LTSC 2024"}
# (picture, what the browser is, the part that is scrolled to)
PICTURES = [("dashboard.png", {"scheme": "light", "width": 1100, "height": 780}, "#overview"),
            ("dashboard-dark.png", {"scheme": "dark", "width": 1100, "height": 780}, "#activations"),
            ("dashboard-machines.png", {"scheme": "light", "width": 1100, "height": 780}, "#machines"),
            ("dashboard-phone.png", {"scheme": "light", "width": 390, "height": 780}, "#overview")]


def fill(path, kinds):
    """A month of a small company: 60 computers, most of which ask each week."""
    now = int(time.time())
    rows = []
    for i in range(60):
        channel, ids = kinds[i % len(kinds)]
        for week in range(4 if i % 5 else 2):
            at = now - 40 * 60 - week * 7 * DAY - i * 2 * HOUR - (i * i * 977) % HOUR
            count = 0 if channel == 1 else max(3, 50 - 12 * week - i // 8)
            rows.append((at, channel, f"192.0.2.{10 + i}:49{i:03}", 6, ids["application_id"].bytes_le,
                         ids["activation_id"].bytes_le, ids["kms_id"].bytes_le, uuid.UUID(int=i + 1).bytes, bytes(16),
                         ids["required_count"], 5, 0, 0, count, f"PC-{i + 1:03}.lab.example"))
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO activations (at, channel, peer, version, application_id, activation_id, kms_id, client_id, "
            "previous_client_id, required_count, licence_status, minutes_left, is_virtual, count, workstation) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", sorted(rows, key=lambda row: row[0]))
    db.close()


def site(lab, port):
    """A daemon with that past, two host keys and their objects."""
    lab.directory_up()
    bulk.load(lab, 64, "PC-{:03}")
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}"})
    for group, name in GROUPS.items():
        lab.install_hostkey(daemon, group)
        daemon.ctl("ao", "create", "--group", group, "--name", name)
    daemon.stop()
    windows = product_ids(lab, "Windows 11", "Enterprise")
    server = product_ids(lab, "Windows Server 2022", "Standard")
    fill(f"{daemon.folder}/state/ledger.db", [(0, windows), (1, windows), (1, server), (0, windows)])
    daemon.start()
    office = Clients(lab, daemon.port, "Office LTSC 2024", "Office LTSC Professional Plus 2024")
    office.ask(workstation="PC-005.lab.example", status=2, minutes_left=30 * 24 * 60)  # the first of five
    return daemon


def settle(browser):
    """Every part has its data."""
    for selector, pattern in (("#machines-line", "licen[cs]es"), ("#decision-list", "ago|now"), ("#checks-line", "check"),
                              ("#activations-line", "request"), ("#directory-line", "object"), ("#about", "realm")):
        browser.wait(selector=selector, pattern=pattern)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "docs", "img")
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with Lab() as lab, Browser() as browser:
        daemon = site(lab, port)
        wait_for(lambda: daemon.log().count("web: listening") > 1, "the page is served again")
        wait_for(lambda: b'"verdict":"good"' in urllib.request.urlopen(url + "api/objects", timeout=30).read().replace(
            b" ", b""), "the daemon has seen the objects")
        for name, look, part in PICTURES:
            browser.open(url=url, motion="reduce", **look)
            settle(browser)
            browser.evaluate(script=f"document.querySelector('{part}').scrollIntoView()")
            path = os.path.join(folder, name)
            browser.screenshot(path=os.path.abspath(path))
            print(path)


if __name__ == "__main__":
    main()
