/* facts: what the main loop knows, as JSON, for another thread that shows it. The main loop makes
 * them when they are asked for, between its other work; who asks waits for that only so long. */
#ifndef ADBAD_DAEMON_FACTS_H
#define ADBAD_DAEMON_FACTS_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "base/err.h"

#define FACTS_PATIENCE_MS 1000 /* for a main loop that is busy */
#define FACTS_FRESH_MS    200  /* so long they are not asked for again */

struct facts;

/* On the main loop: make is called there, and gives a new reference that shares nothing with
 * anybody, or NULL. */
MUST_CHECK enum err facts_open(uv_loop_t *loop, json_t *(*make)(void *arg), void *arg,
                               struct facts **out, struct errinfo *ei);
/* On the one thread that asks: lent until the next call. ERR_TIMEOUT: the main loop is busy.
 * ERR_NOT_NOW: it is ending. */
MUST_CHECK enum err facts_get(struct facts *f, const json_t **out, struct errinfo *ei);

/* On the main loop, while the other thread may still ask: it gets no more. */
void facts_stop(struct facts *f);
/* When it does not ask any more; free once facts_closed. */
void facts_close(struct facts *f);
bool facts_closed(const struct facts *f);
void facts_free(struct facts *f);

#endif
