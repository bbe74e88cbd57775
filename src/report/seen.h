/* seen: which machine has been met with which product, numbered in the order of meeting. 36 bytes
 * each and some room. */
#ifndef ADBAD_REPORT_SEEN_H
#define ADBAD_REPORT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"

struct seen_key {
    struct guid client_id, activation_id;
};

struct seen {
    struct seen_key *slots; /* owned */
    uint32_t *numbers;      /* owned; 0: the slot is free, else 1 + the pair's number */
    size_t n, size;
};

/* *is_new tells whether the pair had not been met before; *number (may be NULL) is its number, from
 * 0 on. A zeroed struct is empty. ERR_NOMEM leaves it as it was. */
MUST_CHECK enum err seen_add(struct seen *s, const struct guid *client_id,
                             const struct guid *activation_id, uint32_t *number, bool *is_new);
void seen_free(struct seen *s);

#endif
