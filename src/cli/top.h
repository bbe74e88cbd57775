/* top: one frame of adbactl top, from two looks at a daemon: what it says, and how much that
 * changed in between. No terminal and no daemon here. */
#ifndef ADBAD_CLI_TOP_H
#define ADBAD_CLI_TOP_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

#define TOP_DECISIONS 64
#define TOP_LINE_MAX  512 /* bytes; longer ones are cut */

/* A decision of the host, newest first. */
struct top_decision {
    int64_t when;
    char what[32];           /* "refused", "count 7" */
    char machine[256];       /* its name; of refusals that were only counted, how many */
    char of[160];            /* the product, or why it was refused */
    char address[64];        /* without port */
    char text[TOP_LINE_MAX]; /* in place of these: an event of the host itself; "": none */
};

struct top_look {
    int64_t at; /* milliseconds of any clock that does not jump */
    /* "status" of kms.status, membership.status, relay.status; NULL: none, or no answer. Owned. */
    json_t *kms, *membership, *relay;
    json_t *events;  /* the decisions as "kms events --json" has them; NULL: not wanted */
    enum err failed; /* why there was no answer; ERR_OK if there was one */
    char failure[ERR_TEXT_MAX]; /* its text */
    struct top_decision decisions[TOP_DECISIONS];
    size_t n;
};

void top_look_fini(struct top_look *l);

enum top_style { TOP_PLAIN, TOP_BOLD, TOP_BAD };

/* Called for each line, top to bottom: valid UTF-8 without control characters, at most width
 * characters, with "…" at the end where there were more. */
typedef void top_line_fn(void *arg, enum top_style style, const char *text);
/* At most height lines (24 or more show all parts; the decisions take what is left). before NULL:
 * no rates yet. */
void top_frame(const struct top_look *now, const struct top_look *before, unsigned width,
               unsigned height, top_line_fn *line, void *arg);

#endif
