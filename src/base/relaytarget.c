#include "base/relaytarget.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static enum err malformed(const char *text, struct errinfo *ei)
{
    return err_fail(ei, ERR_CONFIG,
                    "\"%s\": expected HOST[:PORT] [priority=N] [weight=N], for example "
                    "kms1.example:1688, or auto alone",
                    text);
}

/* A number up to 65535 that takes all of the text. */
static bool number(const char *text, size_t len, uint16_t *out)
{
    unsigned long n = 0;

    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (unsigned long)(text[i] - '0');
    }
    *out = (uint16_t)n;
    return n <= UINT16_MAX;
}

/* Of an IPv6 address without brackets nobody knows whether its end is a port. */
static bool take_host(const char *text, size_t len, struct relay_target *out)
{
    struct hostport h;

    if (!hostport_parse(text, len, &h) || h.host[0] == '\0' ||
        (text[0] != '[' && strchr(h.host, ':') != NULL))
        return false;
    memcpy(out->host, h.host, sizeof(out->host));
    if (h.port != 0)
        out->port = h.port;
    return true;
}

static bool take_option(const char *word, size_t len, struct relay_target *out)
{
    static const char priority[] = "priority=", weight[] = "weight=";
    const size_t p = sizeof(priority) - 1, w = sizeof(weight) - 1;

    if (len > p && strncmp(word, priority, p) == 0)
        return number(word + p, len - p, &out->priority);
    return len > w && strncmp(word, weight, w) == 0 && number(word + w, len - w, &out->weight);
}

enum err relay_target_parse(const char *text, uint16_t position, struct relay_target *out,
                            struct errinfo *ei)
{
    struct relay_target t = {.port = RELAY_DEFAULT_PORT, .priority = position};
    const char *at = text;

    for (bool first = true; *at != '\0' || first; first = false) {
        size_t len = strcspn(at, " \t");

        if (!(first ? take_host(at, len, &t) : take_option(at, len, &t)))
            return malformed(text, ei);
        at += len;
        at += strspn(at, " \t");
    }
    *out = t;
    return ERR_OK;
}

enum err relay_targets_parse(const struct conf_list *list, bool *automatic,
                             struct relay_target out[RELAY_TARGETS_MAX], size_t *n,
                             struct errinfo *ei)
{
    enum err e = ERR_OK;

    *n = 0;
    *automatic = list->n == 1 && strcmp(list->v[0], "auto") == 0;
    if (*automatic)
        return ERR_OK;
    if (list->n > RELAY_TARGETS_MAX)
        return err_fail(ei, ERR_CONFIG, "at most %d hosts", RELAY_TARGETS_MAX);
    for (size_t i = 0; e == ERR_OK && i < list->n; i++) {
        if (strcmp(list->v[i], "auto") == 0)
            return malformed("auto", ei);
        e = relay_target_parse(list->v[i], (uint16_t)i, &out[i], ei);
        for (size_t k = 0; e == ERR_OK && k < i; k++) {
            if (relay_target_same(&out[k], &out[i]))
                e = err_fail(ei, ERR_CONFIG, "\"%s\" is there twice", list->v[i]);
        }
        if (e == ERR_OK)
            *n = i + 1;
    }
    return e;
}

/* Not printf, which would be a hundredth of a relayed request. */
const char *relay_target_format(const struct relay_target *t, char text[RELAY_TARGET_TEXT])
{
    size_t len = strlen(t->host);
    bool v6 = memchr(t->host, ':', len) != NULL;
    char digits[5], *at = text;
    unsigned n = 0, port = t->port;

    if (v6)
        *at++ = '[';
    memcpy(at, t->host, len);
    at += len;
    if (v6)
        *at++ = ']';
    *at++ = ':';
    do {
        digits[n++] = (char)('0' + port % 10);
        port /= 10;
    } while (port > 0);
    while (n > 0)
        *at++ = digits[--n];
    *at = '\0';
    return text;
}

bool relay_target_same(const struct relay_target *a, const struct relay_target *b)
{
    return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}
