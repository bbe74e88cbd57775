#include "settings/values.h"

#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/cidr.h"
#include "base/dnsname.h"
#include "base/hostport.h"
#include "base/relaytarget.h"

static const char *text_of(const void *member)
{
    return *(const char *const *)member;
}

/* ---- addresses ---- */

enum err values_listen(const void *member, struct errinfo *ei)
{
    const struct conf_list *l = member;
    enum err e = ERR_OK;
    union address a;

    if (l->n > ADDRESS_LISTEN_MAX)
        return err_fail(ei, ERR_CONFIG, "more than %d addresses to listen on", ADDRESS_LISTEN_MAX);
    for (size_t i = 0; e == ERR_OK && i < l->n; i++)
        e = address_parse(l->v[i], &a, ei);
    return e;
}

enum err values_web_listen(const void *member, struct errinfo *ei)
{
    const struct conf_list *l = member;

    return l->n == 1 && strcasecmp(l->v[0], "none") == 0 ? ERR_OK : values_listen(member, ei);
}

enum err values_networks(const void *member, struct errinfo *ei)
{
    const struct conf_list *l = member;
    enum err e = ERR_OK;
    struct cidr c;

    for (size_t i = 0; e == ERR_OK && i < l->n; i++)
        e = cidr_parse(l->v[i], &c, ei);
    return e;
}

/* A network of one. */
static bool is_address(const char *host)
{
    struct cidr c;

    return strchr(host, '/') == NULL && cidr_parse(host, &c, NULL) == ERR_OK;
}

enum err values_dns_server(const void *member, struct errinfo *ei)
{
    const char *text = text_of(member);
    struct hostport h;

    return hostport_parse(text, strlen(text), &h) && is_address(h.host)
               ? ERR_OK
               : err_fail(ei, ERR_CONFIG,
                          "\"%s\": expected ADDRESS[:PORT], for example 192.0.2.53 or "
                          "[2001:db8::53]:5353",
                          text);
}

enum err values_house(const void *member, struct errinfo *ei)
{
    const char *text = text_of(member);
    struct hostport h;

    return hostport_parse(text, strlen(text), &h) && h.host[0] != '\0'
               ? ERR_OK
               : err_fail(ei, ERR_CONFIG, "\"%s\": expected ADDRESS[:PORT], for example %s", text,
                          "192.0.2.7:1688");
}

enum err values_upstreams(const void *member, struct errinfo *ei)
{
    struct relay_target targets[RELAY_TARGETS_MAX];
    bool automatic;
    size_t n;

    return relay_targets_parse(member, &automatic, targets, &n, ei);
}

/* ---- names ---- */

enum err values_names(const void *member, struct errinfo *ei)
{
    const struct conf_list *l = member;

    for (size_t i = 0; i < l->n; i++)
        if (!dnsname_is_valid(l->v[i]))
            return err_fail(ei, ERR_CONFIG,
                            "\"%s\" is no DNS name; write it without port and scheme", l->v[i]);
    return ERR_OK;
}

enum err values_domain(const void *member, struct errinfo *ei)
{
    const char *text = text_of(member);
    size_t len = strlen(text);
    char name[256];

    if (len > 1 && text[len - 1] == '.')
        len--;
    if (len < sizeof(name)) {
        memcpy(name, text, len);
        name[len] = '\0';
        if (dnsname_is_valid(name))
            return ERR_OK;
    }
    return err_fail(ei, ERR_CONFIG, "\"%s\" is no DNS name, such as lab.example", text);
}

enum err values_full_name(const void *member, struct errinfo *ei)
{
    const char *text = text_of(member);

    return dnsname_is_valid(text) && strchr(text, '.') != NULL
               ? ERR_OK
               : err_fail(ei, ERR_CONFIG,
                          "\"%s\": expected a full DNS name, such as kms.lab.example", text);
}

/* ---- the directory ---- */

static bool is_uri(const char *word, size_t len)
{
    static const char *const schemes[] = {"ldap://", "ldaps://", "ldapi://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncasecmp(word, schemes[i], strlen(schemes[i])) == 0)
            return len > strlen(schemes[i]) || i == 2; /* ldapi:// alone is the system's socket */
    return false;
}

enum err values_uris(const void *member, struct errinfo *ei)
{
    static const char blanks[] = " \t";
    const char *text = text_of(member), *at = text + strspn(text, blanks);
    bool good = *at != '\0';

    if (strcmp(text, "auto") == 0)
        return ERR_OK;
    while (good && *at != '\0') {
        size_t len = strcspn(at, blanks);

        good = is_uri(at, len);
        at += len;
        at += strspn(at, blanks);
    }
    return good ? ERR_OK
                : err_fail(
                      ei, ERR_CONFIG,
                      "\"%s\": expected ldap://HOST, ldaps://HOST or ldapi://PATH, several with "
                      "blanks between, or auto",
                      text);
}
