"""The lab ids, made again by Python's uuid (RFC 9562 section 5.5)."""
import csv
import io
import os
import subprocess
import uuid

from lab import BIN

NAMESPACE = uuid.UUID("cd19028f-6ae0-43a4-8e83-e8170195a945")  # docs/catalog.md


def dump(what):
    out = subprocess.run([os.path.join(BIN, "catalog_dump"), what], check=True,
                         capture_output=True, timeout=30).stdout.decode()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert rows, "catalog_dump printed no rows"
    return rows


def lab_id(kind, name):
    return str(uuid.uuid5(NAMESPACE, f"{kind}:{name}"))


def test_activation_ids_are_those_of_product_and_edition():
    for row in dump("products"):
        assert row["activation_id"] == lab_id("activation", f"{row['product']}/{row['edition']}")


def test_kms_ids_are_those_of_the_kms_product():
    for row in dump("products"):
        assert row["kms_id"] == lab_id("kms", row["kms_name"])


def test_host_key_ids_are_those_of_the_group():
    for row in dump("groups"):
        assert row["sku_id"] == lab_id("csvlk", row["group"])


def test_ids_are_of_version_5_and_never_shared():
    products, groups = dump("products"), dump("groups")
    activation = [row["activation_id"] for row in products]
    names = {row["kms_name"] for row in products}
    ids = activation + list({row["kms_id"] for row in products}) + [g["sku_id"] for g in groups]
    assert len(ids) == len(products) + len(names) + len(groups)
    assert len(set(ids)) == len(ids)
    for text in ids:
        assert uuid.UUID(text).version == 5
        assert uuid.UUID(text).variant == uuid.RFC_4122
