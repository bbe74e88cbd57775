#include "relay/outcome.h"

static const struct {
    const char *name, *text;
} outcomes[RELAY_OUTCOMES] = {
    [RELAY_ANSWERED] = {"relay-answered", "answered"},
    [RELAY_FAULT] = {"relay-fault", "the upstream answered with a fault"},
    [RELAY_LOOP] = {"relay-loop", "the same bytes are on their way to an upstream already: an "
                                  "upstream relays back to us; see adbactl relay status"},
    [RELAY_BUSY] = {"relay-busy", "too many requests wait for an upstream, or too many of "
                                  "this address; raise [relay] connections or queue, or add an "
                                  "upstream"},
    [RELAY_DOWN] = {"relay-down", "no upstream answers; see adbactl relay test"},
    [RELAY_TIMEOUT] = {"relay-timeout", "no upstream answered within [relay] patience"},
    [RELAY_LEFT] = {"relay-left", "the client closed its connection before its turn came"},
    [RELAY_FAILED] = {"relay-failed", "out of memory or of file descriptors; raise the limits of "
                                      "this process"},
};

const char *relay_outcome_name(enum relay_outcome o)
{
    return (unsigned)o < RELAY_OUTCOMES ? outcomes[o].name : "unknown";
}

const char *relay_outcome_text(enum relay_outcome o)
{
    return (unsigned)o < RELAY_OUTCOMES ? outcomes[o].text : "unknown";
}
