#include "steward/update.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/child.h"
#include "base/dnsname.h"
#include "ldap/krb.h"
#include "net/resolver.h"
#include "publish/kept.h"
#include "steward/directory.h"

#define DNS_PORT     53
#define LOOK_MS      5000
#define TICKET_MS    15000
#define NSUPDATE_MS  20000
#define NSUPDATE_SEC "15" /* its own deadline, before ours */

/* ---- what we publish ---- */

static enum err own_name(char out[256], struct errinfo *ei)
{
    const struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char name[256] = "";

    gethostname(name, sizeof(name) - 1);
    if (strchr(name, '.') == NULL && getaddrinfo(name, NULL, &hints, &found) == 0 &&
        found->ai_canonname != NULL)
        snprintf(name, sizeof(name), "%s", found->ai_canonname);
    if (found != NULL)
        freeaddrinfo(found);
    if (strchr(name, '.') == NULL || !dnsname_is_valid(name))
        return err_fail(
            ei, ERR_CONFIG,
            "publish in DNS: this machine (\"%s\") has no full DNS name; set [dns] host", name);
    memcpy(out, name, sizeof(name));
    return ERR_OK;
}

static enum err describe(const struct round *by, struct update *u, struct errinfo *ei)
{
    const struct settings *s = by->settings;
    const char *colon = s->listen.n > 0 ? strrchr(s->listen.v[0], ':') : NULL;
    unsigned long port = s->dns_port != 0 ? s->dns_port
                         : colon != NULL  ? strtoul(colon + 1, NULL, 10)
                                          : 0;

    u->record = (struct publish_record){.priority = (uint16_t)s->dns_priority,
                                        .weight = (uint16_t)s->dns_weight,
                                        .port = (uint16_t)port};
    if (by->what == UPDATE_PUBLISH && (port == 0 || port > UINT16_MAX))
        return err_fail(ei, ERR_CONFIG,
                        "publish in DNS: [kms] listen names no port that clients could use; set "
                        "[dns] port");
    if (s->dns_host == NULL)
        return own_name(u->record.host, ei);
    snprintf(u->record.host, sizeof(u->record.host), "%s", s->dns_host);
    return ERR_OK;
}

/* ---- looking ---- */

/* A resolver that asks the zone's primary server alone: what others answer may be older. */
static enum err ask_primary(struct resolver *system, const struct update_domain *d,
                            struct resolver **out, struct errinfo *ei)
{
    struct resolver_address *at = NULL;
    struct buf list = BUF_INIT;
    size_t n = 0;
    enum err e = resolver_host(system, d->primary, DNS_PORT, LOOK_MS, &at, &n, ei);

    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        union address a;
        char text[128];

        memcpy(&a, &at[i].at, sizeof(a));
        buf_add_fmt(&list, "%s%s", i > 0 ? "," : "", address_format(&a, text, sizeof(text)));
    }
    if (e == ERR_OK)
        e = buf_str(&list) == NULL ? err_nomem(ei) : resolver_new(buf_str(&list), out, ei);
    buf_fini(&list);
    free(at);
    return e;
}

static enum err find_zone(struct resolver *system, struct update_domain *d, const char *name,
                          struct errinfo *ei)
{
    struct resolver_zone zone;
    enum err e = resolver_zone(system, name, LOOK_MS, &zone, ei);

    if (e != ERR_OK)
        return e;
    if (!dnsname_is_valid(zone.name) || !dnsname_is_valid(zone.primary))
        return err_fail(ei, ERR_MALFORMED, "look up the zone of %s: its SOA record names \"%s\"",
                        name, zone.primary);
    memcpy(d->zone, zone.name, sizeof(d->zone));
    memcpy(d->primary, zone.primary, sizeof(d->primary));
    return ERR_OK;
}

static enum err take_records(struct update_domain *d, const struct publish_goal *g,
                             const struct resolver_srv *found, size_t n, struct errinfo *ei)
{
    struct publish_record *all = calloc(n + 1, sizeof(*all));

    free(d->records);
    d->n = 0;
    d->records = calloc(n + 1, sizeof(*d->records));
    if (all == NULL || d->records == NULL) {
        free(all);
        return err_nomem(ei);
    }
    for (size_t i = 0; i < n; i++) {
        all[i] = (struct publish_record){
            .priority = found[i].priority, .weight = found[i].weight, .port = found[i].port};
        memcpy(all[i].host, found[i].host, sizeof(all[i].host));
        d->records[i] =
            (struct update_record){.record = all[i], .whose = publish_whose(g, &all[i])};
    }
    d->n = n;
    d->state = publish_state(g, all, n);
    d->seen = true;
    free(all);
    return ERR_OK;
}

static enum err look(struct update_domain *d, const struct publish_goal *g, struct errinfo *ei)
{
    struct resolver *system = NULL, *primary = NULL;
    struct resolver_srv *found = NULL;
    char name[300];
    size_t n = 0;
    enum err e = resolver_new(NULL, &system, ei);

    d->seen = false;
    snprintf(name, sizeof(name), PUBLISH_SERVICE ".%s", d->domain);
    if (e == ERR_OK)
        e = find_zone(system, d, name, ei);
    if (e == ERR_OK)
        e = ask_primary(system, d, &primary, ei);
    if (e == ERR_OK) {
        e = resolver_srv(primary, name, LOOK_MS, &found, &n, ei);
        if (e == ERR_NOTFOUND) /* no record is an answer too */
            e = ERR_OK;
    }
    if (e == ERR_OK)
        e = take_records(d, g, found, n, ei);
    free(found);
    resolver_free(primary);
    resolver_free(system);
    return e;
}

/* ---- updating ---- */

static enum err log_in(const struct settings *s, const char *primary, struct krb **out,
                       struct errinfo *ei)
{
    struct krb_conf conf = {.principal = s->dir_principal != NULL ? s->dir_principal : s->dir_user,
                            .keytab = s->dir_keytab,
                            .service = "DNS",
                            .host = primary,
                            .timeout_ms = TICKET_MS};
    struct buf password = BUF_INIT;
    enum err e = ERR_OK;

    if ((s->dir_mechanism != SET_MECH_GSSAPI && s->dir_mechanism != SET_MECH_SPNEGO) ||
        s->dir_uri == NULL)
        return err_fail(ei, ERR_CONFIG,
                        "update DNS at %s: secure updates need a Kerberos account; set [directory] "
                        "mechanism = gssapi, with uri and keytab",
                        primary);
    if (s->dir_keytab == NULL) {
        e = directory_password(s->dir_password_file, &password, ei);
        conf.password = e == ERR_OK ? buf_str(&password) : NULL;
    }
    if (e == ERR_OK)
        e = krb_login(&conf, out, ei);
    buf_wipe(&password);
    return e == ERR_OK ? ERR_OK : err_context(ei, "update DNS at %s", primary);
}

static enum err run_nsupdate(const char *script, const char *cache, struct buf *said,
                             struct errinfo *ei)
{
    static const char *const argv[] = {"nsupdate", "-g", "-t", NSUPDATE_SEC, NULL};
    const char *conf = getenv("KRB5_CONFIG");
    char ccache[4200], krb5[4200];
    const char *const env[] = {CHILD_PATH, "LC_ALL=C.UTF-8", ccache, conf != NULL ? krb5 : NULL,
                               NULL};
    const struct child c = {
        .argv = argv, .env = env, .input = script, .output = said, .timeout_ms = NSUPDATE_MS};
    int status = 0;
    enum err e;

    snprintf(ccache, sizeof(ccache), "KRB5CCNAME=FILE:%s", cache);
    snprintf(krb5, sizeof(krb5), "KRB5_CONFIG=%s", conf != NULL ? conf : "");
    e = child_run(&c, &status, ei);
    if (e == ERR_OK && status == CHILD_MISSING)
        e = err_fail(ei, ERR_CONFIG,
                     "update DNS: nsupdate is not installed (Debian package bind9-dnsutils)");
    return e;
}

/* Says nothing about success: only a look does. */
static enum err send_update(const struct round *by, const struct update_domain *d,
                            const struct publish_goal *g, struct buf *said, struct errinfo *ei)
{
    struct publish_record *found = calloc(d->n + 1, sizeof(*found));
    struct buf script = BUF_INIT;
    struct krb *k = NULL;
    enum err e = ERR_OK;

    for (size_t i = 0; found != NULL && i < d->n; i++)
        found[i] = d->records[i].record;
    if (found != NULL)
        publish_script(g, found, d->n, d->zone, d->primary, &script);
    if (found == NULL || buf_str(&script) == NULL)
        e = err_nomem(ei);
    if (e == ERR_OK)
        e = log_in(by->settings, d->primary, &k, ei);
    if (e == ERR_OK)
        e = krb_export(k, by->cache, ei);
    if (e == ERR_OK)
        e = run_nsupdate(buf_str(&script), by->cache, said, ei);
    krb_free(k);
    buf_fini(&script);
    free(found);
    return e;
}

/* ---- what we remember ---- */

/* What we published is remembered before DNS hears of it, and forgotten when DNS has it no more. */
static enum err remember(const struct round *by, struct publish_kept *kept,
                         const struct publish_goal *g, struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (g->present)
        e = publish_kept_add(kept, g->domain, &g->record, ei);
    return e == ERR_OK ? publish_kept_save(by->settings->state_dir, kept, ei) : e;
}

static enum err forget_gone(const struct round *by, struct publish_kept *kept,
                            const struct update_domain *d, struct errinfo *ei)
{
    struct publish_record *left = calloc(d->n + 1, sizeof(*left));
    size_t before = kept->n;

    if (left == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < d->n; i++)
        left[i] = d->records[i].record;
    publish_kept_trim(kept, d->domain, left, d->n);
    free(left);
    return kept->n == before ? ERR_OK : publish_kept_save(by->settings->state_dir, kept, ei);
}

/* ---- one domain ---- */

static enum err change(const struct round *by, struct update_domain *d,
                       const struct publish_goal *g, struct errinfo *ei)
{
    struct buf said = BUF_INIT;
    enum err e = send_update(by, d, g, &said, ei);

    if (e == ERR_OK)
        e = look(d, g, ei);
    if (e == ERR_OK && !publish_reached(g, d->state)) {
        if (buf_str(&said) == NULL)
            e = err_nomem(ei);
        else
            e = publish_failure(d->domain, d->primary, (char *)said.data, ei);
    }
    buf_fini(&said);
    return e;
}

/* Makes DNS as the goal wants it. An update that the server refused will not come late: what it
 * would have added is not ours, should another program add it. */
static enum err settle(const struct round *by, struct publish_kept *kept, struct update_domain *d,
                       const struct publish_goal *g, struct errinfo *ei)
{
    enum err e = look(d, g, ei), forgotten;

    if (e == ERR_OK && (g->present || !publish_reached(g, d->state))) {
        e = remember(by, kept, g, ei);
        if (e == ERR_OK)
            e = change(by, d, g, ei);
    }
    if (e != ERR_OK && (e != ERR_DENIED || !d->seen))
        return e;
    forgotten = forget_gone(by, kept, d, e == ERR_OK ? ei : NULL);
    return e == ERR_OK ? forgotten : e;
}

/* Where we may not publish: what of ours is there stays or goes. Fails with the refusal, which then
 * says which of them; but that it goes is all that UPDATE_RETRACT wants. */
static enum err settle_refused(const struct round *by, struct publish_kept *kept,
                               struct update_domain *d, struct publish_goal *g,
                               const struct errinfo *refusal, struct errinfo *ei)
{
    struct errinfo why;
    enum err e;

    if (g->kept_count == 0) {
        *ei = *refusal;
        return ei->code;
    }
    if (publish_may_stay(by->relay, by->down_rounds)) {
        (void)!look(d, g, &why); /* for those who ask what is there */
        return err_fail(ei, refusal->code, "%s; what was published there stays for now",
                        refusal->text);
    }
    g->present = false;
    e = settle(by, kept, d, g, &why);
    if (e != ERR_OK)
        return err_fail(ei, refusal->code, "%s; and withdrawing what is there failed: %s",
                        refusal->text, why.text);
    if (by->what == UPDATE_RETRACT)
        return ERR_OK;
    return err_fail(ei, refusal->code, "%s; what was published there is withdrawn", refusal->text);
}

/* unnamed: why we cannot say what our record would be, NULL if we can. What is to go needs no name,
 * nor does what may not be there. */
static enum err run_domain(const struct round *by, struct publish_kept *kept,
                           struct update_domain *d, const struct errinfo *unnamed,
                           struct errinfo *ei)
{
    struct publish_goal g = {.domain = d->domain,
                             .record = by->record,
                             .present = d->configured &&
                                        (by->what == UPDATE_LOOK || by->what == UPDATE_PUBLISH),
                             .ttl = (uint32_t)by->settings->dns_ttl};
    struct publish_record *ours = NULL;
    struct errinfo refusal;
    enum err allowed =
        g.present || by->what == UPDATE_RETRACT
            ? publish_allowed(d->domain, by->settings->lab_forest, by->relay, &refusal)
            : ERR_OK;
    enum err e;

    if (g.present && allowed == ERR_OK && unnamed != NULL) {
        *ei = *unnamed;
        return ei->code;
    }
    e = publish_kept_of(kept, d->domain, &ours, &g.kept_count, ei);
    g.kept = ours;
    if (e == ERR_OK && by->what == UPDATE_LOOK)
        e = look(d, &g, ei);
    else if (e == ERR_OK && allowed != ERR_OK)
        e = settle_refused(by, kept, d, &g, &refusal, ei);
    else if (e == ERR_OK)
        e = settle(by, kept, d, &g, ei);
    free(ours);
    if (e == ERR_OK && allowed != ERR_OK && by->what == UPDATE_LOOK) {
        *ei = refusal;
        e = allowed;
    }
    return e;
}

/* ---- all of them ---- */

static bool has_domain(const struct update *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (publish_name_same(u->domains[i].domain, name))
            return true;
    return false;
}

static bool is_configured(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->dns_domains.n; i++)
        if (publish_name_same(s->dns_domains.v[i], name))
            return true;
    return false;
}

/* Those where something of ours is that may not be there. */
static enum err list_refused(const struct round *by, struct update *u,
                             const struct publish_kept *kept, struct errinfo *ei)
{
    const struct settings *s = by->settings;

    for (size_t i = 0; i < kept->n; i++) {
        const char *name = kept->v[i].domain;

        if (!has_domain(u, name) &&
            publish_allowed(name, s->lab_forest, by->relay, NULL) != ERR_OK &&
            update_add(u, name, is_configured(s, name)) == NULL)
            return err_nomem(ei);
    }
    return ERR_OK;
}

/* Those of the configuration, then those where only something old of ours may be. */
static enum err list_domains(const struct round *by, struct update *u,
                             const struct publish_kept *kept, struct errinfo *ei)
{
    const struct conf_list *l = &by->settings->dns_domains;

    if (by->what == UPDATE_RETRACT)
        return list_refused(by, u, kept, ei);
    for (size_t i = 0; i < l->n; i++)
        if (!has_domain(u, l->v[i]) && update_add(u, l->v[i], true) == NULL)
            return err_nomem(ei);
    for (size_t i = 0; i < kept->n; i++)
        if (!has_domain(u, kept->v[i].domain) && update_add(u, kept->v[i].domain, false) == NULL)
            return err_nomem(ei);
    return ERR_OK;
}

void update_run(const struct round *by, struct update *u)
{
    struct publish_kept kept;
    struct round r = *by;
    struct errinfo ei, why, *unnamed = NULL;
    enum err e;

    u->what = by->what;
    u->result = publish_kept_load(by->settings->state_dir, &kept, &u->why);
    if (u->result == ERR_OK && describe(by, u, &why) != ERR_OK)
        unnamed = &why;
    r.record = u->record;
    e = list_domains(by, u, &kept, &ei);
    if (e != ERR_OK) {
        u->result = e;
        u->why = ei;
    }
    for (size_t i = 0; i < u->n; i++) {
        struct update_domain *d = &u->domains[i];

        d->why = u->why;
        d->result = u->result != ERR_OK ? u->result : run_domain(&r, &kept, d, unnamed, &d->why);
    }
    publish_kept_fini(&kept);
}
