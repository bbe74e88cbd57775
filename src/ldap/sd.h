/* sd: security descriptors (MS-DTYP 2.4.6) as the directory stores them, and their text (SDDL,
 * MS-DTYP 2.5.1).
 *
 * Allowed, denied and audit entries, plain and for one object type, are understood. Entries of any
 * other type are kept byte for byte: they survive a round trip, count for no decision, and have no
 * text. */
#ifndef ADBAD_LDAP_SD_H
#define ADBAD_LDAP_SD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "wire/sid.h"

/* Rights in the directory (MS-ADTS 5.1.3.2), with their SDDL letters. */
enum {
    SD_CREATE_CHILD = 0x1,           /* CC */
    SD_DELETE_CHILD = 0x2,           /* DC */
    SD_LIST_CHILDREN = 0x4,          /* LC */
    SD_SELF_WRITE = 0x8,             /* SW */
    SD_READ_PROPERTY = 0x10,         /* RP */
    SD_WRITE_PROPERTY = 0x20,        /* WP */
    SD_DELETE_TREE = 0x40,           /* DT */
    SD_LIST_OBJECT = 0x80,           /* LO */
    SD_CONTROL_ACCESS = 0x100,       /* CR */
    SD_DELETE = 0x10000,             /* SD */
    SD_READ_CONTROL = 0x20000,       /* RC */
    SD_WRITE_DAC = 0x40000,          /* WD */
    SD_WRITE_OWNER = 0x80000,        /* WO */
    SD_GENERIC_ALL = 0x10000000,     /* GA */
    SD_GENERIC_EXECUTE = 0x20000000, /* GX */
    SD_GENERIC_WRITE = 0x40000000,   /* GW */
};
#define SD_GENERIC_READ UINT32_C(0x80000000) /* GR */
/* What changes the object, what is below it, or who may. */
#define SD_ANY_WRITE                                                                               \
    (SD_CREATE_CHILD | SD_DELETE_CHILD | SD_SELF_WRITE | SD_WRITE_PROPERTY | SD_DELETE_TREE |      \
     SD_DELETE | SD_WRITE_DAC | SD_WRITE_OWNER)

enum sd_ace_type {
    SD_ALLOW = 0,        /* A */
    SD_DENY = 1,         /* D */
    SD_AUDIT = 2,        /* AU */
    SD_OBJECT_ALLOW = 5, /* OA */
    SD_OBJECT_DENY = 6,  /* OD */
    SD_OBJECT_AUDIT = 7, /* OU */
};

enum {
    SD_OBJECT_INHERIT = 0x1,    /* OI */
    SD_CONTAINER_INHERIT = 0x2, /* CI */
    SD_NO_PROPAGATE = 0x4,      /* NP */
    SD_INHERIT_ONLY = 0x8,      /* IO */
    SD_INHERITED = 0x10,        /* ID */
    SD_AUDIT_SUCCESS = 0x40,    /* SA */
    SD_AUDIT_FAILURE = 0x80,    /* FA */
};

struct sd_ace {
    uint8_t type; /* enum sd_ace_type, or another one if opaque is not NULL */
    uint8_t flags;
    uint32_t mask;
    bool has_object, has_inherited;
    struct guid object;    /* attribute, property set, class or extended right */
    struct guid inherited; /* the class that inherits the entry */
    struct sid sid;
    uint8_t *opaque; /* owned: what follows the entry's header of four bytes */
    size_t opaque_len;
};

struct sd_acl {
    bool present; /* the descriptor says something about it */
    bool null;    /* present without a list: for the DACL, everything is allowed to everybody */
    size_t n;
    struct sd_ace *aces; /* owned */
};

enum {
    SD_DACL_PRESENT = 0x4,
    SD_SACL_PRESENT = 0x10,
    SD_DACL_AUTO_INHERIT_REQ = 0x100, /* AR */
    SD_SACL_AUTO_INHERIT_REQ = 0x200,
    SD_DACL_AUTO_INHERITED = 0x400, /* AI */
    SD_SACL_AUTO_INHERITED = 0x800,
    SD_DACL_PROTECTED = 0x1000, /* P */
    SD_SACL_PROTECTED = 0x2000,
    SD_SELF_RELATIVE = 0x8000,
};

struct sd {
    uint16_t control; /* the flags above; PRESENT and SELF_RELATIVE are set by sd_encode */
    bool has_owner, has_group;
    struct sid owner, group;
    struct sd_acl dacl, sacl;
};

void sd_fini(struct sd *sd);

/* ---- bytes ---- */

/* On failure *out is untouched. ERR_TRUNCATED, ERR_MALFORMED. */
MUST_CHECK enum err sd_parse(const void *data, size_t len, struct sd *out, struct errinfo *ei);
/* Appends the self-relative form: owner, group, SACL, DACL. ERR_LIMIT if a list exceeds 64 KiB. */
MUST_CHECK enum err sd_encode(const struct sd *sd, struct buf *out, struct errinfo *ei);

/* ---- text ---- */

/* The SIDs that aliases such as DA (of the domain) and EA (of the forest root) stand for. NULL:
 * those aliases are refused in a text, and not written. */
struct sd_domain {
    const struct sid *domain;
    const struct sid *root;
};

/* ERR_MALFORMED names the place in the text. On failure *out is untouched. */
MUST_CHECK enum err sd_from_sddl(const char *text, const struct sd_domain *dom, struct sd *out,
                                 struct errinfo *ei);
/* Appends the text. ERR_VERSION for an entry that has none. */
MUST_CHECK enum err sd_to_sddl(const struct sd *sd, const struct sd_domain *dom, struct buf *out,
                               struct errinfo *ei);

/* ---- entries ---- */

/* Equal in all that is written, the inherited flag apart. */
bool sd_ace_equal(const struct sd_ace *a, const struct sd_ace *b);
/* Adds a copy to the DACL at its place in the canonical order (MS-ADTS 5.1.3.1: own entries before
 * inherited ones, denials first). Nothing happens if the descriptor has an own entry like it.
 * ERR_REFUSED if there is no list (everything is allowed): an entry would take that away. */
MUST_CHECK enum err sd_add_ace(struct sd *sd, const struct sd_ace *ace, struct errinfo *ei);
/* Whether the two DACLs have the same own (not inherited) entries, in whatever order, and agree on
 * being protected. */
bool sd_equal_dacl(const struct sd *a, const struct sd *b);

/* ---- decisions ---- */

/* The rights a token has on the object (MS-ADTS 5.1.3.3): sids are its user and groups. Entries
 * for an object type count if it is among types (an attribute, its property set, a child class);
 * without types only entries for everything count. The owner may read and change the DACL.
 * Generic rights are spelt out in the result. */
uint32_t sd_granted(const struct sd *sd, const struct sid *sids, size_t n, const struct guid *types,
                    size_t n_types);
/* Whether such a token can read all properties of the object. */
bool sd_grants_read(const struct sd *sd, const struct sid *sids, size_t n);

struct sd_writer {
    struct sid sid;
    uint32_t mask; /* those of SD_ANY_WRITE that it has, for the whole object or a part of it */
};
/* Who may change something: owner and allowed entries, each SID once. Denials are not subtracted,
 * so nobody who can write is left out. Returns how many there are; the first max are written. */
size_t sd_writers(const struct sd *sd, struct sd_writer *out, size_t max);

#endif
