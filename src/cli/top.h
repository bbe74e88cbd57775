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
    char text[TOP_LINE_MAX];
};

struct top_look {
    int64_t at; /* milliseconds of any clock that does not jump */
    /* "status" of kms.status, membership.status, relay.status; NULL: none, or no answer. Owned. */
    json_t *kms, *membership, *relay;
    enum err failed;            /* why there was no answer; ERR_OK if there was one */
    char failure[ERR_TEXT_MAX]; /* its text */
    struct top_decision decisions[TOP_DECISIONS];
    size_t n;
};

void top_look_fini(struct top_look *l);

enum top_style { TOP_PLAIN, TOP_BOLD, TOP_BAD };

/* Called for each line, top to bottom: valid UTF-8 without control characters, at most width
 * characters. */
typedef void top_line_fn(void *arg, enum top_style style, const char *text);
/* At most height lines (24 or more show all parts; the decisions take what is left). before NULL:
 * no rates yet. */
void top_frame(const struct top_look *now, const struct top_look *before, unsigned width,
               unsigned height, top_line_fn *line, void *arg);

#endif
