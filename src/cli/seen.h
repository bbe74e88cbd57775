/* seen: which machine has been met with which product. 32 bytes each and some room. */
#ifndef ADBAD_CLI_SEEN_H
#define ADBAD_CLI_SEEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/guid.h"

struct seen_key {
    struct guid client_id, activation_id;
};

struct seen {
    struct seen_key *slots; /* owned */
    bool *taken;            /* owned */
    size_t n, size;
};

/* *is_new tells whether it had not been met before. A zeroed struct is empty. */
MUST_CHECK enum err seen_add(struct seen *s, const struct guid *client_id,
                             const struct guid *activation_id, bool *is_new);
void seen_free(struct seen *s);

#endif
