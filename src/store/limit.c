#include "store/limit.h"

#include "base/clk.h"
#include "store/db.h"

#define STEPS                                                                                      \
    2000 /* of SQLite's machine between two looks at the clock: well below a millisecond */

static int is_over(void *arg)
{
    const struct store *s = arg;

    return clk_uptime_ms() >= s->read_until;
}

void store_limit(struct store *s, unsigned ms)
{
    s->read_until = clk_uptime_ms() + ms;
    if (s->db != NULL)
        sqlite3_progress_handler(s->db, STEPS, is_over, s);
}
