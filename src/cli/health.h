/* health: what the running daemon's answers mean to somebody who watches it: a list of checks, each
 * with a state, and the worst of them. A pure function of the answers. */
#ifndef ADBAD_CLI_HEALTH_H
#define ADBAD_CLI_HEALTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order and with the numbers of monitoring plugins' exit codes. */
enum health_state { HEALTH_OK, HEALTH_WARNING, HEALTH_CRITICAL, HEALTH_UNKNOWN };

/* "ok", "warning", "critical", "unknown". */
const char *health_state_name(enum health_state s);

#define HEALTH_CHECKS_MAX 64
#define HEALTH_TEXT_MAX   400

struct health_check {
    const char *name; /* "ledger" */
    enum health_state state;
    char text[HEALTH_TEXT_MAX];
};

struct health {
    struct health_check checks[HEALTH_CHECKS_MAX];
    size_t n;
};

/* What is asked of it. */
struct health_wants {
    bool count;    /* counts below their thresholds are a warning */
    bool kms_only; /* that the directory has no activation object is none */
    int64_t days;  /* an activation object with fewer days left is one */
    int64_t
        max_stale; /* seconds; a registry that is older is one; 0: as the daemon's settings say */
};

/* The threshold that counts for an application of kms.status: of Windows that of servers, and that
 * of clients once one has asked. */
long long health_threshold(const json_t *application);

/* The "status" of kms.status, membership.status and relay.status; the last two may be NULL: not
 * configured. */
void health_judge(const json_t *kms, const json_t *membership, const json_t *relay,
                  const struct health_wants *wants, struct health *out);
/* Adds one. What is beyond HEALTH_CHECKS_MAX is summed up in the last. */
void health_add(struct health *h, const char *name, enum health_state s, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Critical before unknown before warning before ok. */
enum health_state health_worst(const struct health *h);
/* "CRITICAL: ledger: …; directory: …": all that is not ok, the worst first; or, if all is, what
 * there is. Returns text. */
const char *health_line(const struct health *h, char *text, size_t size);

#endif
