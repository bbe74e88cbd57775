/* selfreport: what a lab client tells of its activation through the directory, over the lab RPC
 * interface (docs/protocol/lab.md). The directory activates without asking any host, so all that
 * a host can know of it is the client's own word: nothing here proves more than that the sender
 * holds the realm's bundle. Bytes to struct and back, and a judgement; no clock, no ledger. */
#ifndef ADBAD_SELFREPORT_SELFREPORT_H
#define ADBAD_SELFREPORT_SELFREPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "catalog/catalog.h"
#include "realm/keys.h"

#define SELFREPORT_VERSION  1
#define SELFREPORT_EVENT    12308 /* "AD activation succeeded" (data/event_ids.csv) */
#define SELFREPORT_KEY_LEN  5     /* of the installed key, its last group */
#define SELFREPORT_TAG_LEN  32
#define SELFREPORT_SKEW     (INT64_C(4) * 3600)        /* s; of a client's clock, as for KMS */
#define SELFREPORT_VALIDITY (INT64_C(180) * 24 * 3600) /* s; the longest licence */

/* Texts are UTF-8 without control characters; times are Unix seconds. */
struct selfreport {
    uint16_t event;   /* SELFREPORT_EVENT */
    uint32_t hresult; /* of the activation; 0 */
    struct guid client_id, application_id, activation_id, kms_id;
    struct guid object_sku_id; /* the host key that the activation object was made with */
    int64_t client_when;       /* the client's clock as it reports */
    int64_t activated_at;      /* when the directory activated it */
    int64_t expires;           /* its licence */
    char key[SELFREPORT_KEY_LEN + 1];
    char workstation[256];
    char account[256];     /* "PC01$"; "" where it has none of its own */
    char domain[256];      /* DNS name */
    char sid[192];         /* of the account; "" if the client doesn't know it */
    char object_name[256]; /* event 12308, second field */
    char object_dn[1024];  /* and third */
};

/* What is made of a report. */
enum selfreport_reason {
    SELFREPORT_TAKEN,
    SELFREPORT_MALFORMED,       /* breaks the format */
    SELFREPORT_FOREIGN,         /* its tag is not this realm's */
    SELFREPORT_CLOCK_SKEW,      /* the client's clock is more than SELFREPORT_SKEW off */
    SELFREPORT_BAD_EVENT,       /* of no machine, or not of an activation through the directory */
    SELFREPORT_UNKNOWN_PRODUCT, /* the directory activates no product with these ids */
    SELFREPORT_BAD_TIME,        /* not yet, over already, or longer than any licence */
    SELFREPORT_REASONS
};

const char *selfreport_reason_name(enum selfreport_reason r); /* "taken", "bad-event" */
uint32_t selfreport_reason_hresult(enum selfreport_reason r); /* 0 for SELFREPORT_TAKEN */
const char *selfreport_reason_text(enum selfreport_reason r); /* a sentence for people */

/* Appends the message with its tag. ERR_USAGE for a text that is not plain. */
MUST_CHECK enum err selfreport_write(const struct selfreport *m,
                                     const uint8_t key[REALM_REPORT_LEN], struct buf *out,
                                     struct errinfo *ei);
/* Parse only: ERR_TRUNCATED, ERR_MALFORMED, ERR_VERSION. The tag is not looked at. */
MUST_CHECK enum err selfreport_read(const void *data, size_t len, struct selfreport *out);
/* Whether a message that parsed was made with this key. */
bool selfreport_is_of(const void *data, size_t len, const uint8_t key[REALM_REPORT_LEN]);

/* Parses and judges what came at time now. *out is filled unless the message is malformed;
 * *product (may be NULL) where the catalogue has one. */
enum selfreport_reason selfreport_receive(const void *data, size_t len,
                                          const uint8_t key[REALM_REPORT_LEN],
                                          const struct catalog *catalog, int64_t now,
                                          struct selfreport *out,
                                          const struct cat_product **product);
/* The judgement alone, of a message that is the realm's. */
enum selfreport_reason selfreport_judge(const struct selfreport *m, const struct catalog *catalog,
                                        int64_t now, const struct cat_product **product);

#endif
