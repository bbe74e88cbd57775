#include "settings/values.h"

#include <stdint.h>
#include <stdlib.h>
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

/* ---- DNS servers ---- */

/* A number up to max, and nothing behind it. */
static bool is_number(const char *text, unsigned long max)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && text[digits] == '\0' && strtoul(text, NULL, 10) <= max;
}

/* In full, as c-ares makes 10.1.0.0 of "10.1"; leading zeros are no octal there. */
static bool is_v4(const char *host)
{
    unsigned dots = 0;

    for (;; dots++) {
        size_t digits = strspn(host, "0123456789");

        if (digits == 0 || strtoul(host, NULL, 10) > UINT8_MAX)
            return false;
        host += digits;
        if (*host != '.' || dots == 3)
            break;
        host++;
    }
    return dots == 3 && *host == '\0';
}

static bool is_v6(const char *host)
{
    struct cidr c;

    return strchr(host, ':') != NULL && cidr_parse(host, &c, NULL) == ERR_OK;
}

/* c-ares overlooks the bits of a network. */
static bool is_server_address(char *host, bool v6)
{
    char *slash = strchr(host, '/');

    if (slash != NULL)
        *slash = '\0';
    if (is_v6(host))
        return slash == NULL || is_number(slash + 1, 128);
    return !v6 && is_v4(host) && (slash == NULL || is_number(slash + 1, 32));
}

/* An opening bracket may stand alone; a closing one is of "[IPV6]:PORT", whose port may be missing,
 * but not the colon. */
static bool is_dns_server(const char *word, size_t len)
{
    size_t port = len, colons = 0, n = len;
    bool closed, has_port;
    char host[INET6_ADDRSTRLEN + sizeof("/128")];

    for (size_t i = 0; i < len; i++)
        colons += word[i] == ':';
    while (port > 0 && word[port - 1] >= '0' && word[port - 1] <= '9')
        port--;
    closed = port > 1 && word[port - 1] == ':' && word[port - 2] == ']';
    has_port = closed || (port > 0 && port < len && word[port - 1] == ':' && colons == 1);
    if (has_port)
        n = port - (closed ? 2 : 1);
    if (has_port && port < len && strtoul(word + port, NULL, 10) > UINT16_MAX)
        return false;
    if (n > 0 && word[0] == '[') {
        word++;
        n--;
    }
    if (n >= sizeof(host))
        return false;
    memcpy(host, word, n);
    host[n] = '\0';
    return is_server_address(host, closed);
}

/* A comma may end the list. */
enum err values_dns_servers(const void *member, struct errinfo *ei)
{
    const char *text = text_of(member), *at = text;
    bool good = *at != '\0';

    while (good && *at != '\0') {
        size_t len = strcspn(at, ",");

        good = is_dns_server(at, len);
        at += len + (at[len] == ',');
    }
    return good ? ERR_OK
                : err_fail(ei, ERR_CONFIG,
                           "\"%s\": expected ADDRESS[:PORT], for example 192.0.2.53 or "
                           "[2001:db8::53]:5353, several with commas and no blanks between",
                           text);
}

/* ---- hosts ---- */

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

#define WEB_NAME_MAX 255

static bool is_web_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");

    return n > 0 && n <= WEB_NAME_MAX && name[n] == '\0' && name[0] != '.' && name[0] != '-';
}

enum err values_web_names(const void *member, struct errinfo *ei)
{
    const struct conf_list *l = member;

    for (size_t i = 0; i < l->n; i++)
        if (!is_web_name(l->v[i]))
            return err_fail(ei, ERR_CONFIG,
                            "\"%s\" is no host name; write it without port and scheme", l->v[i]);
    return ERR_OK;
}

/* Octets beyond ASCII count as letters: the name is compared with the directory's and sent to DNS
 * as it is written, and there are domains with such names. */
enum err values_domain(const void *member, struct errinfo *ei)
{
    const char *text = text_of(member);
    size_t len = strlen(text);
    char name[256];

    if (len > 1 && text[len - 1] == '.')
        len--;
    if (len < sizeof(name)) {
        for (size_t i = 0; i < len; i++)
            name[i] = (text[i] & 0x80) != 0 ? 'x' : text[i];
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

/* A scheme alone is this machine's server. */
static bool is_uri(const char *word)
{
    static const char *const schemes[] = {"ldap://", "ldaps://", "ldapi://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncasecmp(word, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

enum err values_uris(const void *member, struct errinfo *ei)
{
    static const char between[] = " ,\t";
    const char *text = text_of(member), *at = text + strspn(text, between);
    bool good = *at != '\0';

    if (strcmp(text, "auto") == 0)
        return ERR_OK;
    while (good && *at != '\0') {
        good = is_uri(at);
        at += strcspn(at, between);
        at += strspn(at, between);
    }
    return good ? ERR_OK
                : err_fail(
                      ei, ERR_CONFIG,
                      "\"%s\": expected ldap://HOST, ldaps://HOST or ldapi://PATH, several with "
                      "blanks or commas between, or auto",
                      text);
}
