/* proofs: what came of the last request of each workstation that the directory covers, for people
 * who ask why it was granted or not. Kept in memory only, in as many places as there are: a
 * workstation may take another's. Any thread. */
#ifndef ADBAD_DAEMON_PROOFS_H
#define ADBAD_DAEMON_PROOFS_H

#include <stdbool.h>
#include <stdint.h>

#include "members/proofword.h"

#define PROOFS_NAME_MAX 64

struct proofs_case {
    char machine[PROOFS_NAME_MAX]; /* the first label of the name that the request gave */
    enum proof proof;
    int64_t when; /* lab time */
    char peer[64];
    char principal[160]; /* as it authenticated; "" not at all */
};

struct proofs;

/* NULL: out of memory. */
struct proofs *proofs_new(void);
void proofs_free(struct proofs *p);

/* workstation: as the request names it, also a DNS name. The rest of c is copied. */
void proofs_note(struct proofs *p, const char *workstation, const struct proofs_case *c);
/* Of a machine by its name, in any case; false: nothing is known. */
bool proofs_last(struct proofs *p, const char *name, struct proofs_case *out);

#endif
