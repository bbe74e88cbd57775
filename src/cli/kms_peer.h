/* kms_peer: what other hosts of the same site saw, from exports of their ledgers. */
#ifndef ADBAD_CLI_KMS_PEER_H
#define ADBAD_CLI_KMS_PEER_H

#include <stddef.h>

#include "store/store.h"

struct peer_contact {
    struct store_activation a;
    const char *host; /* whoever saw it; the caller's text */
};

/* The last contact of each machine and product. A zeroed struct is empty. */
struct peer_contacts {
    struct peer_contact *rows; /* owned; once read, newest first */
    size_t n, size;
};

/* Adds the activations in a file that "adbactl ledger export" wrote (JSON lines) which are not
 * older than since. ERR_MALFORMED names file and line. */
MUST_CHECK enum err peer_contacts_read(struct peer_contacts *all, const char *path, int64_t since,
                                       struct errinfo *ei);
/* After the last file. */
void peer_contacts_sort(struct peer_contacts *all);
void peer_contacts_free(struct peer_contacts *all);

#endif
