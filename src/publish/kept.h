/* kept: which records we published, and where; they are ours to replace and to withdraw, also
 * after a restart and with another configuration. A file in a folder of its own within the state
 * folder, where nobody but who updates DNS has to write; a record gets there before DNS hears of
 * it, and leaves when DNS has it no more. Earlier versions had dns.json in the state folder itself:
 * what it lists is ours too. */
#ifndef ADBAD_PUBLISH_KEPT_H
#define ADBAD_PUBLISH_KEPT_H

#include <stddef.h>

#include "publish/record.h"

#define PUBLISH_KEPT_FILE "dns/dns.json"

struct publish_kept {
    size_t n;
    struct publish_kept_one {
        char domain[256];
        struct publish_record record;
    } * v; /* owned */
};

/* Makes the folder and moves an earlier version's file there, unless it can't be read. */
MUST_CHECK enum err publish_kept_open(const char *state_dir, struct errinfo *ei);
/* No file: none. ERR_MALFORMED names the file. On failure *out is empty. */
MUST_CHECK enum err publish_kept_load(const char *state_dir, struct publish_kept *out,
                                      struct errinfo *ei);
/* Needs the folder. */
MUST_CHECK enum err publish_kept_save(const char *state_dir, const struct publish_kept *k,
                                      struct errinfo *ei);
void publish_kept_fini(struct publish_kept *k);

/* Nothing happens if it is there. */
MUST_CHECK enum err publish_kept_add(struct publish_kept *k, const char *domain,
                                     const struct publish_record *r, struct errinfo *ei);
/* Forgets every record of domain but those that are in left. */
void publish_kept_trim(struct publish_kept *k, const char *domain,
                       const struct publish_record *left, size_t n);
/* The records of domain; the caller frees *out. */
MUST_CHECK enum err publish_kept_of(const struct publish_kept *k, const char *domain,
                                    struct publish_record **out, size_t *n, struct errinfo *ei);

#endif
