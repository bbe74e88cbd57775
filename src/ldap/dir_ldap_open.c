/* Opening a session: the first server that answers, its TLS, its login; and going on at another
 * or with another ticket. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include "base/clk.h"
#include "ldap/dir_ldap.h"
#include "ldap/krb.h"
#include "ldap/netlogon.h"

#define PATIENCE_MIN 100 /* ms: enough to say that time is up */

int dir_ldap_patience(const struct dir_ldap *s)
{
    int64_t left = s->deadline == 0 ? s->timeout_ms : s->deadline - clk_uptime_ms();

    if (left < PATIENCE_MIN)
        left = PATIENCE_MIN;
    return left < s->timeout_ms ? (int)left : s->timeout_ms;
}

/* ---- one server ---- */

static bool starts_with(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

static enum err set_options(struct dir_ldap *s, struct errinfo *ei)
{
    int version = LDAP_VERSION3, never = LDAP_DEREF_NEVER, demand = LDAP_OPT_X_TLS_HARD;
    int endpoint = LDAP_OPT_X_SASL_CBINDING_TLS_ENDPOINT;
    int tls12 = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, ms = dir_ldap_patience(s), client = 0;
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    bool tls = s->conf.tls == DIR_TLS_START || starts_with(s->uri, "ldaps:");
    const struct {
        int option;
        const void *value;
        const char *name;
        bool skip;
    } options[] = {
        {LDAP_OPT_PROTOCOL_VERSION, &version, "protocol version 3", false},
        {LDAP_OPT_REFERRALS, LDAP_OPT_OFF, "no referrals", false},
        {LDAP_OPT_DEREF, &never, "no aliases", false},
        {LDAP_OPT_NETWORK_TIMEOUT, &tv, "network timeout", false},
        {LDAP_OPT_TIMEOUT, &tv, "timeout", false},
        {LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON, "no reverse lookups", false},
        {LDAP_OPT_X_TLS_REQUIRE_CERT, &demand, "certificates are verified", !tls},
        {LDAP_OPT_X_TLS_PROTOCOL_MIN, &tls12, "TLS 1.2 or later", !tls},
        {LDAP_OPT_X_TLS_CACERTFILE, s->conf.tls_ca, "certificates of tls_ca",
         !tls || s->conf.tls_ca == NULL},
        {LDAP_OPT_X_TLS_NEWCTX, &client, "TLS", !tls},
        {LDAP_OPT_X_SASL_CBINDING, &endpoint, "the login is bound to TLS (RFC 5929)",
         !tls || (s->conf.mechanism != DIR_GSSAPI && s->conf.mechanism != DIR_SPNEGO)},
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (options[i].skip)
            continue;
        if (ldap_set_option(s->ld, options[i].option, options[i].value) == LDAP_OPT_SUCCESS)
            continue;
        if (options[i].option == LDAP_OPT_X_TLS_NEWCTX)
            return err_fail(ei, ERR_CONFIG,
                            "prepare TLS with %s: no certificates can be read from tls_ca %s",
                            s->uri, s->conf.tls_ca != NULL ? s->conf.tls_ca : "(not set)");
        return err_fail(ei, ERR_INTERNAL, "prepare a session with %s: libldap refuses \"%s\"",
                        s->uri, options[i].name);
    }
    return ERR_OK;
}

/* A server that stops in the middle of a message would hold a blocking read for ever; libldap
 * polls with our deadline when the socket does not block. */
static enum err unblock(struct dir_ldap *s, struct errinfo *ei)
{
    int fd = -1;
    int flags;

    if (ldap_get_option(s->ld, LDAP_OPT_DESC, &fd) != LDAP_OPT_SUCCESS || fd < 0)
        return err_fail(ei, ERR_INTERNAL, "connect to %s: libldap names no socket", s->uri);
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return err_fail(ei, ERR_IO, "connect to %s: the socket can't be made non-blocking", s->uri);
    return ERR_OK;
}

/* libldap tells no reason (with GnuTLS), and calls a certificate that does not verify a server that
 * is down. What is known: the server was reached, and there was time left. */
static enum err fail_tls(const struct dir_ldap_op *op, int rc, struct errinfo *ei)
{
    struct dir_ldap *s = op->s;
    char *diag = NULL;
    enum err e;

    if (ldap_get_option(s->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &diag) != LDAP_OPT_SUCCESS)
        diag = NULL;
    if (s->deadline != 0 && clk_uptime_ms() >= s->deadline)
        e = err_fail(ei, ERR_TIMEOUT, "%s %s at %s: no answer within %d.%d s", op->verb, op->object,
                     s->uri, s->share_ms / 1000, s->share_ms % 1000 / 100);
    else if (rc == LDAP_CONNECT_ERROR || (diag != NULL && diag[0] != '\0'))
        e = err_fail(ei, ERR_AUTH,
                     "%s %s at %s: its TLS certificate does not verify, or TLS fails otherwise; "
                     "tls_ca in section [directory] (%s) must hold the authority that issued it, "
                     "and uri must name the server as the certificate does",
                     op->verb, op->object, s->uri,
                     s->conf.tls_ca != NULL ? s->conf.tls_ca : "not set");
    else
        e = dir_ldap_fail(op, rc, diag, ei);
    ldap_memfree(diag);
    return e;
}

static enum err start_tls(struct dir_ldap *s, struct errinfo *ei)
{
    struct dir_ldap_op op = {.s = s, .verb = "start TLS with", .object = "the directory"};
    LDAPMessage *res = NULL;
    int msgid = 0;
    int rc = ldap_start_tls(s->ld, NULL, NULL, &msgid);
    enum err e;

    if (rc != LDAP_SUCCESS)
        return dir_ldap_fail_local(&op, rc, ei);
    e = dir_ldap_wait(&op, msgid, LDAP_MSG_ALL, &res, ei);
    if (e == ERR_OK)
        e = dir_ldap_result(&op, res, NULL, ei);
    if (e != ERR_OK)
        return e;
    rc = ldap_install_tls(s->ld);
    if (rc != LDAP_SUCCESS)
        return fail_tls(&op, rc, ei);
    return unblock(s, ei);
}

/* libldap sets itself up at its first use, without a lock: not by two threads at once. */
static void first_use(void)
{
    int version;

    (void)ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &version);
}

enum err dir_ldap_connect(struct dir_ldap *s, struct errinfo *ei)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct dir_ldap_op op = {.s = s, .verb = "connect to", .object = "the directory"};
    bool ldaps = starts_with(s->uri, "ldaps:"), ldapi = starts_with(s->uri, "ldapi:");
    enum err e;
    int rc;

    pthread_once(&once, first_use);
    rc = ldap_initialize(&s->ld, s->uri);
    if (rc != LDAP_SUCCESS)
        return err_fail(ei, ERR_CONFIG,
                        "directory address \"%s\": %s; expected ldapi://%%2Fpath, ldap://host:port "
                        "or ldaps://host",
                        s->uri, ldap_err2string(rc));
    e = set_options(s, ei);
    if (e != ERR_OK)
        return e;
    rc = ldap_connect(s->ld);
    if (rc != LDAP_SUCCESS)
        return ldaps ? fail_tls(&op, rc, ei) : dir_ldap_fail_local(&op, rc, ei);
    e = unblock(s, ei);
    if (e == ERR_OK && s->conf.tls == DIR_TLS_START && !ldaps && !ldapi)
        e = start_tls(s, ei);
    s->secret = ldapi || ldaps || s->conf.tls == DIR_TLS_START;
    return e;
}

void dir_ldap_hang_up(struct dir_ldap *s)
{
    if (s->ld != NULL)
        ldap_unbind_ext(s->ld, NULL, NULL);
    s->ld = NULL;
    krb_free(s->krb);
    s->krb = NULL;
}

static enum err open_at(struct dir_ldap *s, const char *uri, struct errinfo *ei)
{
    enum err e;

    free(s->uri);
    s->uri = strdup(uri);
    if (s->uri == NULL)
        return err_nomem(ei);
    e = dir_ldap_connect(s, ei);
    if (e == ERR_OK)
        e = dir_ldap_bind(s, ei);
    if (e == ERR_OK)
        e = dir_ldap_read_facts(s, ei);
    if (e != ERR_OK) {
        dir_ldap_hang_up(s);
        dir_facts_fini(&s->base.facts);
    }
    return e;
}

/* ---- the first of several ---- */

static enum err session_new(const struct dir_conf *conf, struct dir_ldap **out, struct errinfo *ei)
{
    struct dir_ldap *s = calloc(1, sizeof(*s));
    enum err e;

    if (s == NULL)
        return err_nomem(ei);
    s->base.ops = &dir_ldap_ops;
    s->timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms : DIR_TIMEOUT_MS;
    e = dir_conf_copy(conf, &s->conf, ei);
    if (e == ERR_OK && conf->lab_forest != NULL) {
        s->base.lab_forest = strdup(conf->lab_forest);
        if (s->base.lab_forest == NULL)
            e = err_nomem(ei);
    }
    if (e != ERR_OK) {
        dir_close(&s->base);
        return e;
    }
    *out = s;
    return ERR_OK;
}

/* Tells of all servers, where there were several: the last one's words alone would mislead. */
static enum err none_answered(const struct dir_list *l, enum err e, struct errinfo *ei)
{
    char names[256];
    size_t used = 0;

    if (l->n < 2 || ei == NULL)
        return e;
    names[0] = '\0';
    for (size_t i = 0; i < l->n && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
                                 l->uri[i]);
    return err_context(ei, "none of %zu directory servers can be used (%s); the last one", l->n,
                       names);
}

/* Each server gets its share of what is left until end, and no more than one timeout. */
static enum err open_first(struct dir_ldap *s, const struct dir_list *l, bool writable, int64_t end,
                           struct errinfo *ei)
{
    enum err e = err_fail(ei, ERR_UNREACHABLE, "open the directory: no server to ask");

    for (size_t i = 0; i < l->n; i++) {
        int64_t now = clk_uptime_ms(), share = (end - now) / (int64_t)(l->n - i);

        if (share < PATIENCE_MIN)
            share = PATIENCE_MIN;
        s->share_ms = share < s->timeout_ms ? (int)share : s->timeout_ms;
        s->deadline = now + s->share_ms;
        e = open_at(s, l->uri[i], ei);
        s->deadline = 0;
        if (e == ERR_OK && writable && s->base.facts.read_only) {
            dir_ldap_hang_up(s);
            dir_facts_fini(&s->base.facts);
            e = err_fail(ei, ERR_READONLY, "write to the directory at %s: it is read-only",
                         l->uri[i]);
            continue;
        }
        if (e != ERR_UNREACHABLE && e != ERR_TIMEOUT)
            return e;
    }
    return none_answered(l, e, ei);
}

/* ---- a closer one ---- */

static enum err note_netlogon(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    const struct dir_val *v = dir_entry_val(e, "Netlogon");

    (void)ei;
    if (v != NULL && netlogon_parse(v->data, v->len, arg) != ERR_OK)
        memset(arg, 0, sizeof(struct netlogon));
    return ERR_OK;
}

/* The site that the directory finds for our address, if this server stands in another. */
static const char *better_site(struct dir_ldap *s, struct netlogon *n)
{
    static const uint8_t version[4] = {6}; /* NETLOGON_NT_VERSION_5 and _5EX */
    static const char *const attrs[] = {"Netlogon", NULL};
    const struct dir_filter domain = {
        .op = DIR_EQ, .attr = "DnsDomain", .value = s->conf.domain, .len = strlen(s->conf.domain)};
    const struct dir_filter nt = {.op = DIR_EQ, .attr = "NtVer", .value = version, .len = 4};
    const struct dir_filter *const both[] = {&domain, &nt, NULL};
    const struct dir_filter f = {.op = DIR_AND, .sub = both};
    const struct dir_query q = {.base = "", .scope = DIR_BASE, .filter = &f, .attrs = attrs};

    memset(n, 0, sizeof(*n));
    if (dir_search(&s->base, &q, note_netlogon, n, NULL) != ERR_OK)
        return NULL; /* it needs no answer */
    if (n->client_site[0] == '\0' || (n->flags & NETLOGON_CLOSEST) != 0 ||
        strcasecmp(n->client_site, n->dc_site) == 0)
        return NULL;
    return n->client_site;
}

/* Goes on at a controller of our own site, where there is one that answers; else all stays. */
static void move_closer(struct dir_ldap **s, int64_t end)
{
    struct dir_conf at_site = (*s)->conf;
    struct netlogon n;
    struct dir_list servers = {0};
    struct dir_ldap *fresh = NULL;

    at_site.site = better_site(*s, &n);
    if (at_site.site != NULL &&
        dir_list_site(&at_site, (*s)->timeout_ms, &servers, NULL) == ERR_OK && servers.n > 0 &&
        session_new(&at_site, &fresh, NULL) == ERR_OK) {
        if (open_first(fresh, &servers, false, end, NULL) == ERR_OK) {
            dir_close(&(*s)->base);
            *s = fresh;
        } else {
            dir_close(&fresh->base);
        }
    }
    dir_list_fini(&servers);
}

enum err dir_open(const struct dir_conf *conf, struct dir **out, struct errinfo *ei)
{
    struct dir_ldap *s = NULL;
    struct dir_list servers = {0};
    int64_t end;
    enum err e;

    if (conf->uri == NULL || conf->uri[0] == '\0')
        return err_fail(ei, ERR_CONFIG,
                        "open the directory: no address given; set uri in section [directory]");
    e = session_new(conf, &s, ei);
    if (e != ERR_OK)
        return e;
    end = clk_uptime_ms() + 2 * (int64_t)s->timeout_ms;
    e = dir_list_servers(&s->conf, s->timeout_ms, &servers, ei);
    if (e == ERR_OK)
        e = open_first(s, &servers, false, end, ei);
    dir_list_fini(&servers);
    if (e != ERR_OK) {
        dir_close(&s->base);
        return e;
    }
    if (strcmp(conf->uri, "auto") == 0 && conf->site == NULL)
        move_closer(&s, end);
    *out = &s->base;
    return ERR_OK;
}

/* ---- going on ---- */

/* Takes over connection and login of another session, and closes what is left of it. */
static void become(struct dir_ldap *s, struct dir_ldap *fresh)
{
    LDAP *ld = s->ld;
    struct krb *krb = s->krb;
    char *uri = s->uri;

    s->ld = fresh->ld;
    s->krb = fresh->krb;
    s->uri = fresh->uri;
    fresh->ld = ld;
    fresh->krb = krb;
    fresh->uri = uri;
    dir_close(&fresh->base);
}

enum err dir_ldap_ready(struct dir_ldap *s, struct errinfo *ei)
{
    struct dir_ldap *fresh = NULL;
    enum err e;

    if (s->krb == NULL || s->deadline != 0 || s->searching > 0 || !krb_ending(s->krb))
        return ERR_OK;
    e = session_new(&s->conf, &fresh, ei);
    if (e != ERR_OK)
        return e;
    fresh->share_ms = s->timeout_ms;
    fresh->deadline = clk_uptime_ms() + s->timeout_ms;
    e = open_at(fresh, s->uri, ei);
    if (e != ERR_OK) {
        dir_close(&fresh->base);
        return err_context(ei, "log in anew before the Kerberos ticket ends");
    }
    become(s, fresh); /* the facts stay: callers may look at them */
    return ERR_OK;
}

enum err dir_ldap_leave_rodc(struct dir *d, struct errinfo *ei)
{
    struct dir_ldap *s = (struct dir_ldap *)d, *fresh = NULL;
    struct dir_list servers = {0};
    enum err e;

    if (!s->conf.leave_rodc)
        return ERR_READONLY; /* in the guard's words */
    if (s->searching > 0)
        return err_fail(ei, ERR_READONLY,
                        "write to the directory: %s is read-only, and it can't be left in the "
                        "middle of a search",
                        s->uri);
    e = dir_list_writable(s, &servers, ei);
    if (e == ERR_OK)
        e = session_new(&s->conf, &fresh, ei);
    if (e == ERR_OK)
        e = open_first(fresh, &servers, true, clk_uptime_ms() + 2 * (int64_t)s->timeout_ms, ei);
    dir_list_fini(&servers);
    if (e != ERR_OK) {
        if (fresh != NULL)
            dir_close(&fresh->base);
        return err_context(ei, "find a writable domain controller instead of %s", s->uri);
    }
    dir_facts_fini(&s->left);
    s->left = s->base.facts;
    s->base.facts = fresh->base.facts;
    fresh->base.facts = (struct dir_facts){0};
    become(s, fresh);
    return ERR_OK;
}
