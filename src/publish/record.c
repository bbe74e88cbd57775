#include "publish/record.h"

#include <string.h>
#include <strings.h>

static size_t length_without_dot(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

bool publish_name_same(const char *a, const char *b)
{
    size_t len = length_without_dot(a);

    return len == length_without_dot(b) && strncasecmp(a, b, len) == 0;
}

bool publish_record_same(const struct publish_record *a, const struct publish_record *b)
{
    return a->priority == b->priority && a->weight == b->weight && a->port == b->port &&
           publish_name_same(a->host, b->host);
}

/* The forest's root domain, or one below it. */
static bool is_within(const char *domain, const char *forest)
{
    size_t len = length_without_dot(domain), tail = length_without_dot(forest);

    return tail > 0 && len >= tail && strncasecmp(domain + len - tail, forest, tail) == 0 &&
           (len == tail || domain[len - tail - 1] == '.');
}

enum err publish_allowed(const char *domain, const char *lab_forest, enum publish_relay relay,
                         struct errinfo *ei)
{
    static const char *const why[] = {
        [PUBLISH_RELAY_NONE] = "no relay is configured ([relay] upstream)",
        [PUBLISH_RELAY_UNKNOWN] = "no health check of the relay has ended yet",
        [PUBLISH_RELAY_DOWN] = "no upstream of the relay is healthy; see adbactl relay status",
    };

    if (relay == PUBLISH_RELAY_HEALTHY || (lab_forest != NULL && is_within(domain, lab_forest)))
        return ERR_OK;
    return err_fail(ei, ERR_REFUSED,
                    "publish in %s: it is no domain of the lab forest (%s), and genuine clients "
                    "that found this host there could not be served: %s",
                    domain, lab_forest != NULL ? lab_forest : "[directory] lab_forest is not set",
                    why[relay]);
}

bool publish_may_stay(enum publish_relay relay, unsigned rounds)
{
    return relay == PUBLISH_RELAY_UNKNOWN ||
           (relay == PUBLISH_RELAY_DOWN && rounds < PUBLISH_DOWN_ROUNDS);
}
