"""Every row of every table in data/ that names a product joins to products.csv, and the other way
round. The joins are made here again from the CSV files, with Python's csv module, and compared with
what the loader made of them (catalog_dump)."""
import csv
import functools
import io
import os
import re
import subprocess

import pytest

from lab import BIN

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DATA = os.path.join(ROOT, "data")


@functools.lru_cache(maxsize=None)
def table(name):
    with open(os.path.join(DATA, name + ".csv"), encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    assert rows, f"{name}.csv has no rows"
    return rows


def split(text):
    return text.split(";") if text else []


@functools.lru_cache(maxsize=None)
def spellings():
    """Product name -> every spelling of it, from products.csv."""
    found = {}
    for row in table("products"):
        found.setdefault(row["product"], {row["product"]}).update(split(row["aliases"]))
    return found


@functools.lru_cache(maxsize=None)
def editions():
    """(product, edition) -> the edition's spellings; host-only systems have none."""
    return {(row["product"], row["edition"]): {row["edition"], *split(row["edition_aliases"])}
            for row in table("products") if row["edition"]}


def products_called(name):
    return {product for product, names in spellings().items() if name in names}


def editions_called(name, edition):
    return {key for key, names in editions().items()
            if key[0] in products_called(name) and edition in names}


def units_called(name):
    return {row["kms_product"] for row in table("kms_products")
            if name == row["kms_product"] or name in split(row["called"])}


def dump(what):
    out = subprocess.run([os.path.join(BIN, "catalog_dump"), what], check=True,
                         capture_output=True, timeout=30).stdout.decode()
    return list(csv.DictReader(io.StringIO(out)))


@pytest.fixture(scope="module")
def loaded():
    return {(row["product"], row["edition"]): row for row in dump("products")}


def test_every_table_is_looked_at_here():
    """A new table with products in it must get a join below."""
    joined = {"products", "kms_products", "client_setup_keys", "host_key_groups", "host_updates",
              "avma_keys", "avma_matrix", "product_ids"}
    without_products = {"error_codes", "event_ids", "license_states", "msspp_schema",
                        "oslicense_cmdlets", "ospp_options", "registry_values", "slmgr_options"}
    assert {f[:-4] for f in os.listdir(DATA) if f.endswith(".csv")} == joined | without_products


def test_every_product_is_loaded(loaded):
    assert set(loaded) == set(editions())
    for row in table("products"):
        if not row["edition"]:
            continue
        got = loaded[row["product"], row["edition"]]
        for column in ("family", "n_policy", "protocol", "adba"):
            assert got[column] == row[column], row
        assert got["kms_name"] == row["kms_product"]


def test_thresholds_follow_the_family():
    for row in table("products"):
        if row["edition"]:
            assert row["n_policy"] == {"client": "25", "server": "5", "office": "5"}[row["family"]]


def test_office_is_counted_apart(loaded):
    ids = {row["name"]: row["guid"] for row in table("product_ids") if row["kind"] == "application"}
    for row in loaded.values():
        name = "Office 2013+" if row["family"] == "office" else "Windows"
        assert row["application_id"] == ids[name]


def test_every_setup_key_reaches_its_products(loaded):
    expected = {}
    for row in table("client_setup_keys"):
        reached = editions_called(row["product"], row["edition"])
        assert reached, f"no product for {row['product']} / {row['edition']}"
        for key in reached:
            assert expected.setdefault(key, row["key"]) == row["key"], f"{key} has two keys"
    assert {key: row["key"] for key, row in loaded.items() if row["key"]} == expected


def test_only_products_older_than_the_published_tables_have_no_key(loaded):
    assert {product for (product, _), row in loaded.items() if not row["key"]} == \
        {"Office 2013", "Office 2010"}


def test_a_shared_spelling_names_each_of_its_products():
    assert products_called("Windows 10/11") == {"Windows 10", "Windows 11"}
    assert products_called("Windows 11 LTSC 2024 / Windows 10 LTSC 2021 / 2019") == \
        {"Windows 11 LTSC 2024", "Windows 10 LTSC 2021", "Windows 10 LTSC 2019"}
    assert products_called("Windows Server 1809/1903/1909/2004/20H2") == \
        {f"Windows Server {v}" for v in ("1809", "1903", "1909", "2004", "20H2")}
    assert products_called("Windows Server 1803/1709") == \
        {"Windows Server 1803", "Windows Server 1709"}


def test_every_host_of_a_group_is_a_product():
    for row in table("host_key_groups"):
        if row["relation"] == "host":
            assert products_called(row["product"]), row


def test_every_group_serves_exactly_its_rows(loaded):
    expected = {}
    for row in table("host_key_groups"):
        units = expected.setdefault(row["csvlk_group"], set())
        if row["relation"] == "activates":
            called = units_called(row["product"])
            assert called, f"no KMS product for {row['product']}"
            units |= called
    served = {}
    for row in loaded.values():
        for group in split(row["groups"]):
            served.setdefault(group, set()).add(row["kms_name"])
    assert served == expected
    ids = {row["kms_id"] for row in loaded.values()}
    for row in dump("groups"):
        assert len(split(row["kms_ids"])) == len(expected[row["group"]])
        assert set(split(row["kms_ids"])) <= ids


def test_all_editions_of_a_product_are_served_where_the_row_says_so(loaded):
    """"all editions" in the tables' note, read from products.csv alone."""
    checked = 0
    for row in table("host_key_groups"):
        if row["note"] != "all editions":
            continue
        for (product, _), got in loaded.items():
            if product == row["product"]:
                assert row["csvlk_group"] in split(got["groups"]), (row, product)
                checked += 1
    assert checked > 100


def test_only_office_2010_has_no_group(loaded):
    assert {product for (product, _), row in loaded.items() if not row["groups"]} == {"Office 2010"}


def test_every_kms_product_has_products_and_every_spelling_a_row():
    used = {row["kms_product"] for row in table("products") if row["kms_product"]}
    rows = {row["product"] for row in table("host_key_groups") if row["relation"] == "activates"}
    for row in table("kms_products"):
        assert row["kms_product"] in used
        for name in split(row["called"]):
            assert name in rows, f"{name} is in no row of host_key_groups.csv"
    assert used == {row["kms_product"] for row in table("kms_products")}


def test_every_host_update_joins():
    for row in table("host_updates"):
        assert products_called(row["host_os"]), row
        assert products_called(row["client_os"]), row


def test_every_avma_key_joins():
    for row in table("avma_keys"):
        assert editions_called(row["product"], row["edition"]), row


def test_every_avma_pair_joins():
    for row in table("avma_matrix"):
        name, plus = row["host"].split(" + ")
        product, edition = name.rsplit(" ", 1)
        assert plus == "Hyper-V"
        assert editions_called(product, edition), row
        assert products_called(row["guest"]), row


def test_product_ids_join_or_are_known_not_to():
    unnamed = {"Windows ServerDatacenter (example)", "(product not stated)"}
    for row in table("product_ids"):
        if row["kind"] == "application" or row["name"] in unnamed:
            continue
        name = re.sub(r" (KMS host|\(.*\))$", "", row["name"])
        assert products_called(name), row


def test_a_system_that_is_a_host_only_is_needed_by_some_table():
    for row in table("products"):
        if not row["kms_product"]:
            assert any(row["product"] == r["host_os"] for r in table("host_updates"))


def test_no_spelling_is_the_name_of_another_product():
    names = spellings()
    for product, own in names.items():
        for other in names:
            assert other == product or other.lower() not in {n.lower() for n in own}


@pytest.mark.parametrize("program, before", [("Windows 7", "no"), ("Windows 8", "yes")])
def test_directory_activation_begins_with_windows_8(loaded, program, before):
    assert loaded[program, "Enterprise"]["adba"] == before
