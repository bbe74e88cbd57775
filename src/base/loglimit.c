#include "base/loglimit.h"

#include <inttypes.h>

bool loglimit_pass(struct loglimit *l, const struct log *log, int64_t now)
{
    if (log_enabled(log, LOGL_DEBUG))
        return true;
    if (now != l->second) {
        l->second = now;
        l->written = 0;
    }
    if (l->written < l->per_second) {
        l->written++;
        return true;
    }
    l->held++;
    return false;
}

bool loglimit_tell(struct loglimit *l, const struct log *log, enum log_level level, int64_t now)
{
    if (l->held == 0)
        return true;
    if (now == l->second)
        return false;
    log_as(log, level, LOGK_MORE, l->what, "… and %" PRIu64 " more %s", l->held, l->what);
    l->held = 0;
    return true;
}
