"""schema/ad/msspp.ldf against the table it stands for."""
import csv
import os
import re

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
pytestmark = pytest.mark.no_program


def records():
    """name -> {attribute: [values]} of every record that adds something."""
    with open(os.path.join(ROOT, "schema", "ad", "msspp.ldf"), encoding="ascii") as f:
        text = re.sub(r"^#.*\n", "", f.read(), flags=re.M)
    found = {}
    for block in text.strip().split("\n\n"):
        pairs = [re.match(r"([A-Za-z-]+)::? ?(.*)", line).groups() for line in block.splitlines() if line != "-"]
        values = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        if "lDAPDisplayName" in values:
            found[values["lDAPDisplayName"][0]] = values
    return found


def table():
    with open(os.path.join(ROOT, "data", "msspp_schema.csv"), encoding="utf-8") as f:
        return list(csv.DictReader(f))


def test_every_row_is_there_and_nothing_else():
    assert sorted(records()) == sorted(row["lDAPDisplayName"] for row in table())


def test_attributes_are_as_in_the_table():
    found = records()
    for row in (r for r in table() if r["kind"] == "attribute"):
        values = found[row["lDAPDisplayName"]]
        expected = {"attributeID": row["oid"], "schemaIDGUID": row["schemaIDGUID_base64"]}
        expected.update({k: row[k] for k in ("attributeSyntax", "oMSyntax", "isSingleValued", "rangeLower", "rangeUpper",
                                             "searchFlags")})
        assert {k: values.get(k, [""])[0] for k in expected} == expected


def test_classes_are_as_in_the_table():
    found = records()
    for row in (r for r in table() if r["kind"] == "class"):
        values = found[row["lDAPDisplayName"]]
        assert (values["governsID"], values["schemaIDGUID"]) == ([row["oid"]], [row["schemaIDGUID_base64"]])
        text = row["description"]
        superior = re.search(r"possSuperiors (\S+);", text)[1]
        assert values["possSuperiors"] == [superior]
        # The blank in the published default is what old Samba can't read.
        default = re.search(r"defaultSD (.*)", text)[1].replace(" ", "")
        assert values["defaultSecurityDescriptor"] == [default]
        for word, attribute in (("MUST", "mustContain"), ("MAY", "mayContain")):
            named = re.search(word + r" ([^;]*);", text)
            expected = [f"msSPP-{name}" for name in named[1].split()] if named else []
            assert values.get(attribute, []) == expected
