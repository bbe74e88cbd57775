/* Which servers: those that the configuration names, or the domain controllers that DNS and the
 * directory itself know. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ldap/dir_ldap.h"

void dir_list_fini(struct dir_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->uri[i]);
    *l = (struct dir_list){0};
}

/* Takes uri over; one that is listed already, or more than fit, are dropped. */
static enum err add_uri(struct dir_list *l, char *uri, struct errinfo *ei)
{
    bool drop = l->n == DIR_LIST_MAX;

    if (uri == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < l->n; i++)
        drop = drop || strcasecmp(l->uri[i], uri) == 0;
    if (drop)
        free(uri);
    else
        l->uri[l->n++] = uri;
    return ERR_OK;
}

static enum err add_host(struct dir_list *l, const char *host, unsigned port, struct errinfo *ei)
{
    char *uri = NULL;
    int n = port == LDAPS_PORT ? asprintf(&uri, "ldaps://%s", host)
                               : asprintf(&uri, "ldap://%s:%u", host, port);

    if (n < 0)
        uri = NULL;
    return add_uri(l, uri, ei);
}

static enum err split(const char *text, struct dir_list *out, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (text += strspn(text, " ,\t"); e == ERR_OK && *text != '\0'; text += strspn(text, " ,\t")) {
        size_t len = strcspn(text, " ,\t");

        e = add_uri(out, strndup(text, len), ei);
        text += len;
    }
    return e;
}

/* A session that began over ldaps:// stays with it. */
static bool prefers_ldaps(const struct dir_conf *conf)
{
    return strncasecmp(conf->uri, "ldaps:", 6) == 0;
}

/* ---- DNS (MS-ADTS 6.3.2.3) ---- */

/* Domain controllers under one name; no record is no error. */
static enum err ask_dns(const struct dir_conf *conf, const char *name, int timeout_ms,
                        struct dir_list *out, struct errinfo *ei)
{
    struct dir_target *found = NULL;
    size_t n = 0;
    enum err e = conf->find(conf->find_arg, name, timeout_ms, &found, &n, ei);

    if (e == ERR_NOTFOUND)
        return ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        unsigned port = prefers_ldaps(conf) ? LDAPS_PORT : found[i].port;
        size_t len = strlen(found[i].host);

        if (len > 0 && found[i].host[len - 1] == '.')
            found[i].host[--len] = '\0';
        if (len > 0)
            e = add_host(out, found[i].host, port, ei);
    }
    free(found);
    return e;
}

enum err dir_list_site(const struct dir_conf *conf, int timeout_ms, struct dir_list *out,
                       struct errinfo *ei)
{
    char name[600];

    if (conf->site == NULL || conf->site[0] == '\0')
        return ERR_OK;
    snprintf(name, sizeof(name), "_ldap._tcp.%s._sites.dc._msdcs.%s", conf->site, conf->domain);
    return ask_dns(conf, name, timeout_ms, out, ei);
}

static enum err ask_domain(const struct dir_conf *conf, const char *domain, int timeout_ms,
                           struct dir_list *out, struct errinfo *ei)
{
    char name[512];

    snprintf(name, sizeof(name), "_ldap._tcp.dc._msdcs.%s", domain);
    return ask_dns(conf, name, timeout_ms, out, ei);
}

enum err dir_list_servers(const struct dir_conf *conf, int timeout_ms, struct dir_list *out,
                          struct errinfo *ei)
{
    enum err e;

    if (strcmp(conf->uri, "auto") != 0)
        return split(conf->uri, out, ei);
    if (conf->domain == NULL || conf->domain[0] == '\0')
        return err_fail(ei, ERR_CONFIG,
                        "find a domain controller: no domain given; set domain in section "
                        "[directory]");
    if (conf->find == NULL)
        return err_fail(ei, ERR_INTERNAL, "find a domain controller: nobody asks DNS");
    e = dir_list_site(conf, timeout_ms, out, ei);
    if (e == ERR_OK)
        e = ask_domain(conf, conf->domain, timeout_ms, out, ei);
    if (e != ERR_OK)
        return err_context(ei, "find a domain controller of %s", conf->domain);
    if (out->n == 0)
        return err_fail(ei, ERR_UNREACHABLE,
                        "find a domain controller of %s: DNS has no record "
                        "_ldap._tcp.dc._msdcs.%s; does this machine use the domain's DNS servers?",
                        conf->domain, conf->domain);
    return ERR_OK;
}

/* ---- writable ones, as the directory names them ---- */

struct writable {
    struct dir_ldap *s;
    struct dir_list *list;
};

/* The NTDS settings object stands below the server's, which has its DNS name. */
static enum err add_owner(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    static const char *const attrs[] = {"dNSHostName", NULL};
    struct writable *w = arg;
    struct dir_entry *server = NULL;
    const char *parent = strchr(e->dn, ','), *host;
    enum err r =
        parent == NULL ? ERR_NOTFOUND : dir_get(&w->s->base, parent + 1, attrs, &server, ei);

    if (r == ERR_NOTFOUND || r == ERR_DENIED)
        return ERR_OK;
    if (r != ERR_OK)
        return r;
    host = dir_entry_str(server, "dNSHostName");
    r = host == NULL
            ? ERR_OK
            : add_host(w->list, host, prefers_ldaps(&w->s->conf) ? LDAPS_PORT : LDAP_PORT, ei);
    dir_entry_free(server);
    return r;
}

/* objectCategory tells writable controllers (NTDS-DSA) from read-only ones (NTDS-DSA-RO). */
static enum err ask_directory(struct dir_ldap *s, struct dir_list *out, struct errinfo *ei)
{
    static const char *const attrs[] = {"cn", NULL};
    const struct dir_facts *f = &s->base.facts;
    char base[1024], category[1024];
    const struct dir_filter filter = {
        .op = DIR_EQ,
        .attr = "objectCategory",
        .value = category,
        .len = (size_t)snprintf(category, sizeof(category), "CN=NTDS-DSA,%s", f->schema_nc)};
    const struct dir_query q = {.base = base, .scope = DIR_SUB, .filter = &filter, .attrs = attrs};
    struct writable w = {.s = s, .list = out};
    enum err e;

    snprintf(base, sizeof(base), "CN=Sites,%s", f->config_nc);
    e = dir_search(&s->base, &q, add_owner, &w, ei);
    return e == ERR_NOTFOUND || e == ERR_DENIED ? ERR_OK : e;
}

enum err dir_list_writable(struct dir_ldap *s, struct dir_list *out, struct errinfo *ei)
{
    const char *domain = s->base.facts.domain;
    enum err e = ERR_OK;

    if (s->conf.find != NULL && domain != NULL)
        e = ask_domain(&s->conf, domain, s->timeout_ms, out, ei);
    if (e == ERR_OK || e == ERR_UNREACHABLE || e == ERR_TIMEOUT) /* DNS may fail: go on */
        e = ask_directory(s, out, ei);
    if (e == ERR_OK && out->n == 0)
        return err_fail(ei, ERR_READONLY,
                        "write to the directory: %s is read-only, and neither DNS nor the "
                        "directory names a writable domain controller",
                        s->uri);
    return e;
}
