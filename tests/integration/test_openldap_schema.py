"""The lab directory's schema says of activation objects what Active Directory's says."""
import csv
import os
import re
import subprocess

import pytest

from lab import Lab

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

# attributeSyntax of Active Directory (MS-ADTS 3.1.1.2.2.2) to the syntax and equality rule of RFC 4517.
SYNTAXES = {
    "2.5.5.10": ("1.3.6.1.4.1.1466.115.121.1.40", "octetStringMatch"),
    "2.5.5.12": ("1.3.6.1.4.1.1466.115.121.1.15", "caseIgnoreMatch"),
}


def rows(kind):
    with open(os.path.join(ROOT, "data", "msspp_schema.csv"), encoding="utf-8", newline="") as f:
        return [row for row in csv.DictReader(f) if row["kind"] == kind]


def file_definitions():
    with open(os.path.join(ROOT, "schema", "openldap", "adbad.schema"), encoding="ascii") as f:
        text = re.sub(r"^#.*$", "", f.read(), flags=re.M)
    return [" ".join(part.split())
            for part in re.split(r"^(?:attributetype|objectclass) ", text, flags=re.M)[1:]]


def served_definitions(lab):
    text = subprocess.run(
        ["ldapsearch", "-Q", "-LLL", "-o", "ldif-wrap=no", "-Y", "EXTERNAL", "-H", lab.directory_uri,
         "-b", "cn=Subschema", "-s", "base", "attributeTypes", "objectClasses"],
        capture_output=True, text=True, check=True, timeout=60).stdout
    return [" ".join(line.split(": ", 1)[1].split()) for line in text.splitlines()
            if line.startswith(("attributeTypes: ", "objectClasses: "))]


def by_name(definitions):
    return {re.search(r"NAME '([^']+)'", d).group(1): d for d in definitions if "NAME '" in d}


@pytest.fixture
def running():
    with Lab(realm=None) as lab:
        lab.directory_up()
        yield lab


@pytest.fixture(params=["file", "server"])
def schema(request):
    if request.param == "file":
        return by_name(file_definitions())
    return by_name(served_definitions(request.getfixturevalue("running")))


def test_every_attribute_has_its_oid_syntax_and_number_of_values(schema):
    for row in rows("attribute"):
        definition = schema[row["lDAPDisplayName"]]
        syntax, equality = SYNTAXES[row["attributeSyntax"]]
        limit = re.escape("{" + row["rangeUpper"] + "}")
        assert definition.startswith(f"( {row['oid']} "), definition
        assert re.search(rf"SYNTAX {re.escape(syntax)}{limit}", definition), definition
        assert f"EQUALITY {equality} " in definition, definition
        assert ("SINGLE-VALUE" in definition) == (row["isSingleValued"] == "TRUE"), definition


def names_in(definition, word):
    match = re.search(rf" {word} (?:\( ([^)]+) \)|(\S+))", definition)
    return set(re.split(r"\s*\$\s*", (match.group(1) or match.group(2)).strip())) if match else set()


def test_every_class_has_its_oid_and_attributes(schema):
    for row in rows("class"):
        definition = schema[row["lDAPDisplayName"]]
        assert definition.startswith(f"( {row['oid']} "), definition
        assert " STRUCTURAL " in definition
        for word in ("MUST", "MAY"):
            match = re.search(rf"{word} ([^;]+)", row["description"])
            wanted = {"msSPP-" + name for name in match.group(1).split()} if match else set()
            ours = {name for name in names_in(definition, word) if name.startswith("msSPP-")}
            assert ours == wanted, definition


def test_kms_ids_are_indexed_as_the_schema_says(running):
    indexed = [row["lDAPDisplayName"] for row in rows("attribute") if row["searchFlags"] == "1"]
    assert indexed == ["msSPP-KMSIds"]
    with open(os.path.join(running.directory, "slapd.conf"), encoding="utf-8") as f:
        index = re.search(r"^index (\S+) eq$", f.read(), flags=re.M).group(1).split(",")
    assert set(indexed) <= set(index)
