/* report: what a KMS host's ledger tells of a site: the inventory (which machine has which product,
 * how it was activated, until when), totals by product, and the computers of the domain held
 * against it.
 *
 * Read beside whoever writes the ledger, then kept in memory, so that going on costs only the rows
 * that came since. A host knows what a machine told it and what it answered, nothing else: every
 * judgement here follows from a machine's last answered request. A member that the directory
 * activates by itself never asks a host, so of it there is no report, unless it is a lab client
 * that tells of it: such rows are self-reported, the client's own word and nothing more. A struct
 * report belongs to one thread. */
#ifndef ADBAD_REPORT_REPORT_H
#define ADBAD_REPORT_REPORT_H

#include "catalog/catalog.h"
#include "store/store.h"

#define REPORT_VALIDITY (INT64_C(180) * 24 * 3600) /* seconds that an activation holds */
#define REPORT_SOON     (INT64_C(30) * 24 * 3600)  /* a licence is expiring with so many left */
#define REPORT_NEVER    INT64_MIN

enum report_status {
    REPORT_LICENSED,
    REPORT_EXPIRING,     /* licensed, for REPORT_SOON (or what was asked for) at most */
    REPORT_GRACE,        /* was told too low a count, and its grace period goes on */
    REPORT_NOT_LICENSED, /* was told too low a count, and has no grace period (any more) */
    REPORT_LAPSED,       /* was licensed; its time ran out and it did not come back */
    REPORT_NO_REPORT, /* a computer of the domain that never asked this host, nor told it anything
                       */
    REPORT_STATUSES
};

enum report_member {
    REPORT_NO_REGISTRY, /* no directory was ever read, so nothing is known */
    REPORT_MEMBER,
    REPORT_DISABLED, /* its account is */
    REPORT_STRANGER, /* no account has its name, or several have */
    REPORT_MEMBERS
};

/* "licensed", "expiring", "grace", "not-licensed", "lapsed", "no-report". */
const char *report_status_name(enum report_status s);
/* "unknown", "member", "disabled", "no-member". */
const char *report_member_name(enum report_member m);

/* One machine (client machine id) and product: its last answered request, or where that is newer
 * what it told of its activation through the directory. Texts live until the next report_read. */
struct report_row {
    struct guid client_id, activation_id, application_id;
    const struct cat_product *product; /* NULL: the catalogue has no such id */
    const char *workstation, *peer;    /* peer: address:port */
    enum store_channel channel;
    int64_t last; /* lab time; self-reported: when it was activated, as it says */
    uint32_t count, required_count;
    uint32_t licence_status, minutes_left; /* as it said of itself then, before the answer */
    bool is_virtual;
    bool self_reported; /* channel is STORE_ADBA, count and what follows it mean nothing */
    int64_t stated_end; /* self-reported: the end of its licence */
    /* as judged */
    enum report_status status;
    int64_t expires; /* the licence or grace period ends, or ended; REPORT_NEVER: there is none */
    enum report_member member;
    uint32_t account; /* of the computer in the registry; UINT32_MAX: none */
};

/* What a single answered request means at a time: status and expires. soon: seconds. */
enum report_status report_judge(const struct report_row *row, int64_t now, int64_t soon,
                                int64_t *expires);

struct report;

/* The catalogue must outlive it. NULL: out of memory. */
struct report *report_new(const struct catalog *c);
void report_free(struct report *r);

/* Reads what the ledger got since the last call (all there is at the first), and the registry where
 * it changed; then judges every row at now. After an error it may be called again. */
MUST_CHECK enum err report_read(struct report *r, struct store *s, int64_t now, int64_t soon,
                                struct errinfo *ei);

/* Another number once report_read found new rows or another registry: which machines, products and
 * computers there are follows from that alone. 0: nothing was read. */
uint64_t report_generation(const struct report *r);
/* When the registry was last read from the directory; REPORT_NEVER. */
int64_t report_registry_read(const struct report *r);
/* The count of an application (KMS clients of the last 30 days), as the host's own rules have it.
 */
uint32_t report_count(const struct report *r, const struct guid *application_id);

/* ---- the inventory ---- */

enum report_sort {
    REPORT_BY_LAST, /* newest first */
    REPORT_BY_WORKSTATION,
    REPORT_BY_PRODUCT,
    REPORT_BY_STATUS,
    REPORT_BY_CHANNEL,
    REPORT_BY_EXPIRES, /* soonest first; none last */
    REPORT_SORTS
};

/* "last", "machine", "product", "status", "channel", "expires"; REPORT_SORTS for no such name. */
const char *report_sort_name(enum report_sort s);
enum report_sort report_sort_named(const char *name);
/* REPORT_STATUSES for no such name. */
enum report_status report_status_named(const char *name);

struct report_query {
    const char *text; /* is in the machine's name, product, address or id, in any case; NULL: any */
    int64_t since;    /* last contact; REPORT_NEVER: any */
    unsigned statuses;     /* bits 1 << enum report_status; 0: all */
    enum report_sort sort; /* equal ones by name, then id, so that pages are stable */
    bool reverse;
    size_t offset, limit; /* limit 0: all */
    /* What else is asked of a row; may be NULL. */
    bool (*wants)(void *arg, const struct report_row *row);
    void *arg;
};

struct report_list {
    const struct report_row **rows; /* until the next report_read */
    size_t n;
    size_t total; /* that the query found, on all pages */
};

MUST_CHECK enum err report_select(const struct report *r, const struct report_query *q,
                                  struct report_list *out, struct errinfo *ei);
void report_list_free(struct report_list *l);

/* ---- products ---- */

struct report_product {
    struct guid activation_id, application_id;
    const struct cat_product *product; /* NULL: unknown */
    size_t machines;
    size_t by_status[REPORT_STATUSES], by_channel[STORE_RELAY + 1];
    size_t self_reported;    /* of by_channel[STORE_ADBA] */
    uint32_t required_count; /* the highest that was asked for */
    uint32_t count;          /* of its application, now */
    int64_t last;
};

/* Sorted by name, unknown ones last. *out is the caller's (free). */
MUST_CHECK enum err report_products(const struct report *r, struct report_product **out, size_t *n,
                                    struct errinfo *ei);

/* ---- compliance ---- */

/* One computer: an account of the registry, or a machine that asked and has none. Of its products
 * the worst off decides: lapsed, not licensed, grace, expiring, licensed. Of what one machine asked
 * for under several ids (set up anew, another edition of Windows) only the newest counts. */
struct report_computer {
    const char *name;     /* the account's, or the workstation's */
    const char *dns_name; /* "" if there is none */
    enum report_member member;
    enum report_status status;
    const struct report_row *row; /* the one that decides; NULL: no report */
    size_t products;
};

struct report_compliance {
    struct report_computer *computers; /* by status (worst first), then name */
    size_t n;
    /* counts[member][status]; licensed ones by the channel that did it */
    size_t counts[REPORT_MEMBERS][REPORT_STATUSES];
    size_t licensed_by[STORE_RELAY + 1]; /* licensed and expiring */
    size_t self_reported;                /* of licensed_by[STORE_ADBA] */
};

MUST_CHECK enum err report_compliance(const struct report *r, struct report_compliance *out,
                                      struct errinfo *ei);
void report_compliance_free(struct report_compliance *c);

#endif
