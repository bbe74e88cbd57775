"""Many computer accounts in a lab directory at once: written as LDIF and loaded by slapadd."""
import base64
import hashlib
import os
import subprocess

SLAPADD = "/usr/sbin/slapadd"


def _bytes(value):
    return base64.b64encode(value).decode("ascii")


def _account(suffix, domain, number, domain_sid, name):
    guid = hashlib.sha256(name.encode()).digest()[:16]
    sid = domain_sid + (100000 + number).to_bytes(4, "little")
    control = 4098 if number % 100 == 0 else 4096
    return (f"dn: CN={name},CN=Computers,{suffix}\n"
            "objectClass: top\nobjectClass: user\nobjectClass: computer\n"
            f"cn: {name}\nsAMAccountName: {name}$\ndNSHostName: {name.lower()}.{domain}\n"
            f"userAccountControl: {control}\n"
            f"objectGUID:: {_bytes(guid)}\nobjectSid:: {_bytes(sid)}\n\n")


def write_ldif(path, count, forest="lab.example", first=1, form="BULK{:06}"):
    """count accounts BULK000001 …; every hundredth is disabled."""
    suffix = ",".join(f"DC={part}" for part in forest.split("."))
    domain_sid = bytes([1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]) + bytes(range(12))
    with open(path, "w", encoding="ascii") as f:
        for number in range(first, first + count):
            f.write(_account(suffix, forest, number, domain_sid, form.format(number)))


def load(lab, count, form="BULK{:06}"):
    """Adds count accounts to the lab's directory, which is stopped meanwhile and started again."""
    lab.directory_down()
    conf = os.path.join(lab.directory, "slapd.conf")
    # slapadd refuses the rootDSE directive.
    bare = os.path.join(lab.directory, "slapadd.conf")
    with open(conf, encoding="utf-8") as source, open(bare, "w", encoding="utf-8") as out:
        out.writelines(line for line in source if not line.startswith("rootDSE "))
    ldif = os.path.join(lab.folder, "bulk.ldif")
    write_ldif(ldif, count, lab.forest, form=form)
    done = subprocess.run([SLAPADD, "-q", "-w", "-f", bare, "-n", "1", "-l", ldif],
                          capture_output=True, text=True, check=False, timeout=600)
    os.unlink(ldif)
    os.unlink(bare)
    if done.returncode != 0:
        raise RuntimeError(f"slapadd: {done.stderr}")
    lab.directory_up()


def ldapmodify(lab, ldif):
    """Applies LDIF changes as the lab's administrator."""
    subprocess.run(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", lab.directory_uri], check=True,
                   capture_output=True, text=True, input=ldif, timeout=120)
