/* tend: the steward's part of a look at the directory, on the worker's thread. It needs the host
 * keys' private halves, which it reads itself and forgets again, and nothing of the network side:
 * it can move to a process of its own as it is. */
#ifndef ADBAD_DAEMON_TEND_H
#define ADBAD_DAEMON_TEND_H

#include "base/log.h"
#include "catalog/catalog.h"
#include "ldap/dir.h"
#include "realm/realm.h"
#include "settings/settings.h"

struct tend_line {
    enum log_level level;
    bool deed; /* something was done; else a state, to be told when it begins */
    char text[ERR_TEXT_MAX * 2];
};

struct tended {
    struct tend_line *lines;
    size_t n;
};

void tend(const struct settings *s, const struct bundle *b, const struct catalog *cat,
          struct dir *d, int64_t now, struct tended *out);
void tended_fini(struct tended *t);
/* Logs the deeds, and those states that was does not hold. */
void tended_log(const struct tended *t, const struct tended *was, const struct log *log);

#endif
