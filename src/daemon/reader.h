/* reader: the ledger, read beside its writer through a connection of its own, for a thread that
 * shows it. It never holds up the writer, and a question takes only so long. */
#ifndef ADBAD_DAEMON_READER_H
#define ADBAD_DAEMON_READER_H

#include "store/store.h"

#define READER_MS 500 /* for one question */

struct reader { /* of one thread */
    const char *path;
    struct store *store; /* NULL: not open */
};

/* Runs fn with the ledger, which is opened if it is not. Its reads fail with ERR_TIMEOUT when they
 * take too long in all. */
MUST_CHECK enum err reader_ask(struct reader *r,
                               enum err (*fn)(void *arg, struct store *s, struct errinfo *ei),
                               void *arg, struct errinfo *ei);
void reader_close(struct reader *r);

#endif
