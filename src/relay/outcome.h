/* outcome: what became of a request that was relayed, for logs, counters and people. */
#ifndef ADBAD_RELAY_OUTCOME_H
#define ADBAD_RELAY_OUTCOME_H

enum relay_outcome {
    RELAY_ANSWERED, /* by an upstream, with whatever result */
    RELAY_FAULT,    /* the last upstream that could be asked answered with a fault */
    RELAY_LOOP,     /* the same bytes are on their way already */
    RELAY_BUSY,     /* the queue is full, or the source has its half of it */
    RELAY_DOWN,     /* nobody who could be asked answers */
    RELAY_TIMEOUT,  /* the client's patience was over first */
    RELAY_LEFT,     /* the client went away before its turn came */
    RELAY_FAILED,   /* our own failure: no memory or descriptors */
    RELAY_OUTCOMES
};

/* A lower-case word: "relay-down". */
const char *relay_outcome_name(enum relay_outcome o);
/* Why, and where there is one the remedy. */
const char *relay_outcome_text(enum relay_outcome o);

#endif
