/* words: the words by which adbad tells why it did not do something (in its log, its counters and
 * ADBAD_REASON of the journal), and what they mean to people. Each is of the room that says it. */
#ifndef ADBAD_CLI_WORDS_H
#define ADBAD_CLI_WORDS_H

#include <stddef.h>
#include <stdint.h>

struct word {
    const char *kind; /* "request", "connection", "relay", "clearing", "self-report", "proof" */
    const char *told; /* of what it is told, for people */
    const char *name;
    const char *meaning;
    const char *remedy; /* "": none, or it is in the meaning */
    const char *source; /* the document that tells more */
    uint32_t code;      /* what the client gets; 0: no code of its own */
};

#define WORDS_SAME_MAX 4 /* how many can have one name */

/* The words of that name; how many. */
size_t words_find(const char *name, struct word out[WORDS_SAME_MAX]);
/* Calls each with all of them, by kind. */
void words_each(void (*each)(void *arg, const struct word *w), void *arg);

#endif
