/* relaytarget: a licensed KMS host that requests may be relayed to, as the configuration or DNS
 * names it. */
#ifndef ADBAD_BASE_RELAYTARGET_H
#define ADBAD_BASE_RELAYTARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/hostport.h"

#define RELAY_HOST_MAX     HOSTPORT_HOST_MAX
#define RELAY_TARGET_TEXT  (RELAY_HOST_MAX + 8)
#define RELAY_TARGETS_MAX  32
#define RELAY_DEFAULT_PORT 1688

/* Priority and weight as in an SRV record (RFC 2782): the lowest priority that can be reached
 * serves, weight shares the load among equal ones. */
struct relay_target {
    char host[RELAY_HOST_MAX]; /* a name or an address, without brackets */
    uint16_t port, priority, weight;
};

/* Parses "HOST", "HOST:PORT" or "[IPV6]:PORT", and after a blank, in any order, "priority=N" and
 * "weight=N". Without a priority it is position, so that a list is tried in its order; weight 0.
 * ERR_CONFIG says what is expected. */
MUST_CHECK enum err relay_target_parse(const char *text, uint16_t position,
                                       struct relay_target *out, struct errinfo *ei);
/* A whole [relay] upstream: "auto" alone sets *automatic, and *n is 0. */
MUST_CHECK enum err relay_targets_parse(const struct conf_list *list, bool *automatic,
                                        struct relay_target out[RELAY_TARGETS_MAX], size_t *n,
                                        struct errinfo *ei);
/* "kms1.example:1688", "[2001:db8::1]:1688". Returns text. */
const char *relay_target_format(const struct relay_target *t, char text[RELAY_TARGET_TEXT]);
/* Whether both name one port of one host. */
bool relay_target_same(const struct relay_target *a, const struct relay_target *b);

#endif
