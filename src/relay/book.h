/* book: the addresses that the dialler may connect to, each under a number. Whatever was looked up
 * last stays in it; of what was found before, the latest: an upstream whose name cannot be looked
 * up now keeps its addresses. A number that was given is never given again. Private to this room.
 */
#ifndef ADBAD_RELAY_BOOK_H
#define ADBAD_RELAY_BOOK_H

#include "base/address.h"
#include "relay/dialling.h"

#define BOOK_MAX ((size_t)4 * RELAY_TARGETS_MAX * RELAY_ADDRESSES_MAX)

struct book_entry {
    uint32_t number;
    uint64_t round; /* of look-ups, when it was found last */
    union address at;
};

/* All zero at first. */
struct book {
    struct book_entry v[BOOK_MAX];
    size_t n;
    uint32_t last; /* number */
};

/* The number of an address that a look-up found; at most RELAY_TARGETS_MAX * RELAY_ADDRESSES_MAX of
 * them in one round. Rounds only grow. */
uint32_t book_number(struct book *b, const union address *at, uint64_t round);
/* NULL: no address has that number any more. */
const union address *book_find(const struct book *b, uint32_t number);

#endif
