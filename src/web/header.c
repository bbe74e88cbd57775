#include "web/header.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 255 /* octets of a DNS name */

/* ---- Host ---- */

/* What stands before the port, without brackets; false if the rest is no port. */
static bool split_port(const char *host, char name[HOST_MAX + 1], bool *bracketed)
{
    const char *end, *port;
    size_t n;

    *bracketed = host[0] == '[';
    host += *bracketed;
    end = host + strcspn(host, *bracketed ? "]" : ":");
    if (*bracketed && *end != ']')
        return false;
    port = end + *bracketed;
    if (*port == ':')
        port += 1 + strspn(port + 1, "0123456789");
    n = (size_t)(end - host);
    if (*port != '\0' || n == 0 || n > HOST_MAX)
        return false;
    memcpy(name, host, n);
    name[n] = '\0';
    return true;
}

static bool is_name(const char *name, const char *wanted)
{
    size_t n = strlen(wanted);

    return strncasecmp(name, wanted, n) == 0 && strcmp(name + n, name[n] == '.' ? "." : "") == 0;
}

bool header_host_is_ours(const char *host, const struct conf_list *names)
{
    char name[HOST_MAX + 1];
    unsigned char address[sizeof(struct in6_addr)];
    bool bracketed;

    if (!split_port(host, name, &bracketed))
        return false;
    if (bracketed)
        return inet_pton(AF_INET6, name, address) == 1;
    if (inet_pton(AF_INET, name, address) == 1 || is_name(name, "localhost"))
        return true;
    for (size_t i = 0; names != NULL && i < names->n; i++) {
        if (is_name(name, names->v[i]))
            return true;
    }
    return false;
}

/* ---- lists ---- */

struct span {
    const char *text;
    size_t n;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trimmed(const char *text, size_t n)
{
    for (; n > 0 && is_blank(*text); n--)
        text++;
    while (n > 0 && is_blank(text[n - 1]))
        n--;
    return (struct span){text, n};
}

/* Takes what stands before the next separator outside of quotes; false at the end. */
static bool take(const char **at, const char *end, char separator, struct span *out)
{
    const char *from = *at, *p = from;
    bool quoted = false;

    if (from == NULL)
        return false;
    for (; p < end && (quoted || *p != separator); p++) {
        if (quoted && *p == '\\' && p + 1 < end)
            p++;
        else if (*p == '"')
            quoted = !quoted;
    }
    *out = trimmed(from, (size_t)(p - from));
    *at = p < end ? p + 1 : NULL;
    return true;
}

static bool says(struct span s, const char *text)
{
    return s.n == strlen(text) && strncasecmp(s.text, text, s.n) == 0;
}

/* ---- Accept ---- */

#define WEIGHT_MAX 1000

/* A qvalue (RFC 9110, 12.4.2) in thousandths; what is none weighs nothing. */
static int weight(struct span s)
{
    int value, unit = 100;

    if (s.n == 0 || s.n > 5 || (s.text[0] != '0' && s.text[0] != '1') ||
        (s.n > 1 && s.text[1] != '.'))
        return 0;
    value = (s.text[0] - '0') * WEIGHT_MAX;
    for (size_t i = 2; i < s.n; i++, unit /= 10) {
        if (!isdigit((unsigned char)s.text[i]))
            return 0;
        value += (s.text[i] - '0') * unit;
    }
    return value > WEIGHT_MAX ? 0 : value;
}

/* One media range: its type, its weight, and whether its version is the one given (or none). */
static struct span media_range(struct span range, const char *version, int *q, bool *fits)
{
    const char *at = range.text, *end = range.text + range.n;
    struct span type = {0}, part;

    *q = WEIGHT_MAX;
    *fits = true;
    (void)take(&at, end, ';', &type);
    while (take(&at, end, ';', &part)) {
        const char *equals = part.n == 0 ? NULL : memchr(part.text, '=', part.n);
        struct span name, value;

        if (equals == NULL)
            continue;
        name = trimmed(part.text, (size_t)(equals - part.text));
        value = trimmed(equals + 1, part.n - (size_t)(equals + 1 - part.text));
        if (value.n >= 2 && value.text[0] == '"' && value.text[value.n - 1] == '"')
            value = (struct span){value.text + 1, value.n - 2};
        if (says(name, "q"))
            *q = weight(value);
        else if (says(name, "version"))
            *fits = says(value, version);
    }
    return type;
}

bool header_wants_openmetrics(const char *accept)
{
    const char *at = accept, *end = accept + strlen(accept);
    int openmetrics = 0, text = 0, q;
    struct span range;
    bool fits;

    while (take(&at, end, ',', &range)) {
        if (says(media_range(range, "1.0.0", &q, &fits), "application/openmetrics-text") && fits &&
            q > openmetrics)
            openmetrics = q;
        if (says(media_range(range, "0.0.4", &q, &fits), "text/plain") && fits && q > text)
            text = q;
    }
    return openmetrics > 0 && openmetrics >= text;
}

/* ---- If-None-Match ---- */

bool header_has_etag(const char *list, const char *etag)
{
    const char *at = list, *end = list + strlen(list);
    struct span one;

    while (take(&at, end, ',', &one)) {
        if (one.n > 2 && one.text[0] == 'W' && one.text[1] == '/')
            one = (struct span){one.text + 2, one.n - 2};
        if (says(one, "*") || (one.n == strlen(etag) && memcmp(one.text, etag, one.n) == 0))
            return true;
    }
    return false;
}
