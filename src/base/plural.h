/* plural: "1 key", "2 keys" in sentences for people. */
#ifndef ADBAD_BASE_PLURAL_H
#define ADBAD_BASE_PLURAL_H

#include <stdint.h>

/* What to put behind the word. */
static inline const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

#endif
