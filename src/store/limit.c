#include "store/limit.h"

#include <time.h>

#include "store/db.h"

#define STEPS                                                                                      \
    2000 /* of SQLite's machine between two looks at the clock: well below a millisecond */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int is_over(void *arg)
{
    const struct store *s = arg;

    return now_ms() >= s->read_until;
}

void store_limit(struct store *s, unsigned ms)
{
    s->read_until = now_ms() + ms;
    if (s->db != NULL)
        sqlite3_progress_handler(s->db, STEPS, is_over, s);
}
