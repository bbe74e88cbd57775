/* ids: installation IDs and confirmation IDs (docs/protocol/activation-ids.md), ours and for this
 * lab only.
 *
 * An installation ID (IID) says which host key wants to be activated, for which group, and on
 * what; or which key of a machine: 9 groups of 7 digits. A confirmation ID (CID) is the clearing
 * house's answer to it: 8 groups of 6 digits, most of them a truncated HMAC under the confirmation
 * key: that of the host key's package, or on a machine realm_machine_derive's. Both catch errors;
 * neither is security. */
#ifndef ADBAD_CLEARING_IDS_H
#define ADBAD_CLEARING_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"
#include "realm/hostkey.h"
#include "realm/labkey.h"

#define IID_DIGITS   63
#define IID_TEXT_MAX 72 /* with hyphens and NUL */
#define CID_DIGITS   48
#define CID_TEXT_MAX 56

enum iid_kind { IID_HOST, IID_FOREST, IID_MACHINE, IID_KINDS };
/* "host", "forest", "machine". */
const char *iid_kind_name(enum iid_kind kind);

struct iid {
    enum iid_kind kind;
    uint32_t group; /* iid_group_code of the group's name; of a machine the kind of its key */
    char key[HOSTKEY_TEXT_LEN + 1];
    uint32_t binding; /* iid_binding of what is activated */
    uint32_t seal;
};

/* 20 bits that stand for a group's name; different for all groups of the catalogue. */
uint32_t iid_group_code(const char *group);
/* What is activated, as 16 bytes: a forest by the DNS name of its root and the SID of the root
 * domain ("" where there is none), a KMS host by a name that it keeps. */
struct guid iid_forest(const char *dns_name, const char *sid);
struct guid iid_host(const char *name);
/* A machine by the identity of its hardware. */
struct guid iid_machine(const struct guid *hardware);
/* 32 bits of it, which is what an IID has room for. */
uint32_t iid_binding(const struct guid *target);

/* k holds its private part, and with it the confirmation key. */
MUST_CHECK enum err iid_make(enum iid_kind kind, const struct hostkey *k, const struct guid *target,
                             struct iid *out, struct errinfo *ei);
/* The same for a machine that knows the text of a lab key, of any kind. ERR_USAGE for what is none.
 */
MUST_CHECK enum err iid_make_machine(const char *key, const uint8_t confirm[REALM_CONFIRM_LEN],
                                     const struct guid *target, struct iid *out,
                                     struct errinfo *ei);
/* Whether the IID was made with the package to which this confirmation key belongs. */
bool iid_sealed_by(const struct iid *id, const uint8_t confirm[REALM_CONFIRM_LEN]);

/* "1234567-1234567-…" */
void iid_write(const struct iid *id, char text[IID_TEXT_MAX]);
/* Blanks and hyphens do not matter. ERR_TRUNCATED, ERR_LIMIT, ERR_MALFORMED, ERR_VERSION;
 * ei->hresult is the documented code (0xC004F04D for a check digit). */
MUST_CHECK enum err iid_read(const char *text, struct iid *out, struct errinfo *ei);

MUST_CHECK enum err cid_make(const struct iid *id, const uint8_t confirm[REALM_CONFIRM_LEN],
                             char text[CID_TEXT_MAX], struct errinfo *ei);
/* ERR_OK if the CID answers this IID. Else as iid_read, or ERR_REFUSED with 0xC004F07E (given for
 * another host key), 0xC004F07F (for another forest or host) or 0xC004F031. */
MUST_CHECK enum err cid_check(const char *text, const struct iid *id,
                              const uint8_t confirm[REALM_CONFIRM_LEN], struct errinfo *ei);

#endif
