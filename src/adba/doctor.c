/* What the doctor says about each thing. */
#include "adba/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "adba/aoattr.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/utf8.h"

#define CLOCK_LIMIT    60
#define KERBEROS_LIMIT (5 * CLK_MINUTE)
#define SCHEMA_NEEDED  48
#define STRANGERS_MAX  8

const char *check_level_name(enum check_level level)
{
    return level == CHECK_OK ? "ok" : level == CHECK_WARNING ? "warning" : "failed";
}

void doctor_fini(struct doctor *d)
{
    free(d->lines);
    *d = (struct doctor){0};
}

enum check_level doctor_worst(const struct doctor *d)
{
    enum check_level worst = CHECK_OK;

    for (size_t i = 0; i < d->n; i++)
        if (d->lines[i].level > worst)
            worst = d->lines[i].level;
    return worst;
}

json_t *doctor_json(const struct doctor *d)
{
    json_t *list = json_array();

    for (size_t i = 0; i < d->n; i++) {
        const struct check_line *l = &d->lines[i];
        json_t *line = json_pack("{s:s, s:s, s:s, s:s?}", "check", l->check, "state",
                                 check_level_name(l->level), "finding", l->finding, "remedy",
                                 l->remedy[0] == '\0' ? NULL : l->remedy);

        if (json_array_append_new(list, line) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

void doctor_say(struct doctor *d, enum check_level level, const char *check, const char *remedy,
                const char *fmt, ...)
{
    struct check_line *grown = realloc(d->lines, (d->n + 1) * sizeof(*grown));
    struct check_line *l;
    char text[2 * sizeof(l->finding)];
    va_list ap;

    if (grown == NULL) {
        d->failed = true;
        return;
    }
    d->lines = grown;
    l = &grown[d->n++];
    *l = (struct check_line){.level = level, .check = check};
    utf8_copy(l->remedy, sizeof(l->remedy), remedy == NULL ? "" : remedy);
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    utf8_copy(l->finding, sizeof(l->finding), text); /* whole characters: it goes into JSON */
}

/* ---- session, clock ---- */

void doctor_session(struct doctor *d, const char *uri, enum err e, const struct errinfo *why)
{
    if (e == ERR_UNREACHABLE || e == ERR_TIMEOUT || e == ERR_NOTFOUND) {
        doctor_say(d, CHECK_FAILED, "connection", "start the directory, or correct [directory] uri",
                   "%s", why->text);
    } else if (e == ERR_CONFIG) {
        doctor_say(d, CHECK_FAILED, "connection", "correct section [directory]", "%s", why->text);
    } else if (e != ERR_OK) {
        doctor_say(d, CHECK_OK, "connection", NULL, "%s answers", uri);
        doctor_say(d, CHECK_FAILED, "login",
                   "correct the account in section [directory], or its password or keytab", "%s",
                   why->text);
    } else {
        doctor_say(d, CHECK_OK, "connection", NULL, "%s answers", uri);
        doctor_say(d, CHECK_OK, "login", NULL, "it lets us in");
    }
}

void doctor_clock(struct doctor *d, const char *current_time, int64_t now)
{
    struct tm tm = {0};
    char text[CLK_TEXT_MAX];
    int64_t off;

    if (current_time == NULL) {
        doctor_say(d, CHECK_OK, "clock", NULL, "the server does not tell its time");
        return;
    }
    if (strptime(current_time, "%Y%m%d%H%M%S", &tm) == NULL) {
        doctor_say(d, CHECK_WARNING, "clock", NULL, "the server's time can't be read: \"%s\"",
                   current_time);
        return;
    }
    off = now - (int64_t)timegm(&tm);
    clk_format_duration(off < 0 ? -off : off, text);
    if (off >= -CLOCK_LIMIT && off <= CLOCK_LIMIT)
        doctor_say(d, CHECK_OK, "clock", NULL, "%s from the server's", text);
    else
        doctor_say(
            d, CHECK_WARNING, "clock", "set this host's clock, from the domain's time source",
            "this host's clock is %s %s the server's%s", text, off < 0 ? "behind" : "ahead of",
            off > KERBEROS_LIMIT || off < -KERBEROS_LIMIT
                ? "; Kerberos refuses more than 5 min where it does not correct for it"
                : "");
}

/* ---- facts ---- */

static void check_kind(struct doctor *d, const struct dir_facts *f, const char *lab_forest)
{
    const char *forest = f->forest != NULL ? f->forest : "(unknown)";

    if (f->ad_ds)
        doctor_say(d, CHECK_OK, "directory", NULL, "Active Directory Domain Services, forest %s",
                   forest);
    else if (f->lab_marked)
        doctor_say(d, CHECK_OK, "directory", NULL, "a lab directory of ours, not AD DS, forest %s",
                   forest);
    else
        doctor_say(d, CHECK_WARNING, "directory", "point [directory] uri at a domain controller",
                   "neither AD DS nor a lab directory of ours; nothing is written there");
    if (lab_forest == NULL)
        doctor_say(d, CHECK_OK, "forest", NULL,
                   "[directory] lab_forest is not set: this forest is read only for us");
    else if (f->forest == NULL || strcasecmp(lab_forest, f->forest) != 0)
        doctor_say(d, CHECK_WARNING, "forest", "correct [directory] uri or lab_forest",
                   "its forest is %s and [directory] lab_forest is %s: nothing is written there",
                   forest, lab_forest);
    else
        doctor_say(d, CHECK_OK, "forest", NULL, "%s is the lab forest", forest);
}

static void check_schema(struct doctor *d, const struct dir_facts *f)
{
    static const char remedy[] =
        "extend the schema to Windows Server 2012 or later (adprep /forestprep), or add "
        "the classes: adbactl directory prepare --schema";

    if (f->has_ao_class && (!f->ad_ds || f->schema_version >= SCHEMA_NEEDED))
        doctor_say(d, CHECK_OK, "schema", NULL,
                   "version %d, with the classes of activation objects", f->schema_version);
    else if (f->has_ao_class)
        doctor_say(d, CHECK_OK, "schema", NULL,
                   "version %d is older than Windows Server 2012 (%d), but the classes are there",
                   f->schema_version, SCHEMA_NEEDED);
    else
        doctor_say(d, CHECK_FAILED, "schema", remedy,
                   "version %d lacks msSPP-ActivationObject (%d or later has it): clients get "
                   "0x%08X",
                   f->schema_version, SCHEMA_NEEDED, SL_E_VL_AD_SCHEMA_VERSION_NOT_SUPPORTED);
}

void doctor_facts(struct doctor *d, const struct dir_facts *f, const char *lab_forest)
{
    const char *host = f->dns_host_name != NULL ? f->dns_host_name : "the server";

    check_kind(d, f, lab_forest);
    check_schema(d, f);
    if (f->read_only)
        doctor_say(
            d, CHECK_WARNING, "writable", "name a writable domain controller in [directory] uri",
            "%s is a read-only domain controller: objects can't be created through it", host);
    else
        doctor_say(d, CHECK_OK, "writable", NULL, "%s takes writes", host);
}

void doctor_levels(struct doctor *d, const char *domain, const char *forest)
{
    static const char *const names[] = {"2000",    "2003 interim", "2003",    "2008",
                                        "2008 R2", "2012",         "2012 R2", "2016",
                                        NULL,      NULL,           "2025"};
    int level = domain == NULL ? -1 : atoi(domain);
    const char *name =
        level >= 0 && (size_t)level < sizeof(names) / sizeof(names[0]) ? names[level] : NULL;

    if (domain == NULL && forest == NULL)
        doctor_say(d, CHECK_OK, "functional-level", NULL, "the server tells none");
    else
        doctor_say(d, CHECK_OK, "functional-level", NULL,
                   "domain %s%s%s%s, forest %s; activation objects need none",
                   domain != NULL ? domain : "?", name != NULL ? " (Windows Server " : "",
                   name != NULL ? name : "", name != NULL ? ")" : "",
                   forest != NULL ? forest : "?");
}

/* ---- access ---- */

static void check_strangers(struct doctor *d, const struct dir_facts *f, const char *check,
                            const char *what, const struct dir_entry *e, const struct sid *own)
{
    const struct dir_val *v = dir_entry_val(e, ACCESS_ATTR);
    struct sd_writer w[STRANGERS_MAX];
    struct buf list = BUF_INIT;
    char text[SID_TEXT_MAX];
    struct sd sd;
    size_t n;

    if (v == NULL || sd_parse(v->data, v->len, &sd, NULL) != ERR_OK)
        return; /* the line about reading says so */
    n = access_strangers(&sd, f->domain_sid, own, w, STRANGERS_MAX);
    for (size_t i = 0; i < n && i < STRANGERS_MAX; i++)
        buf_add_fmt(&list, "%s%s", i > 0 ? ", " : "", sid_format(&w[i].sid, text));
    if (n == 0)
        doctor_say(d, CHECK_OK, check, NULL,
                   "%s: only administrators and our account may change it", what);
    else
        doctor_say(d, CHECK_WARNING, check,
                   "take these rights away, unless you gave them on purpose",
                   "%s: %zu more may change it: %s", what, n,
                   buf_str(&list) == NULL ? "" : buf_str(&list));
    buf_fini(&list);
    sd_fini(&sd);
}

static void check_read(struct doctor *d, const char *check, const char *what, enum access_what kind,
                       const struct dir_entry *e, const char *remedy)
{
    switch (access_read_of(e, kind)) {
    case ACCESS_GIVEN:
        doctor_say(d, CHECK_OK, check, NULL, "%s: Authenticated Users can read it", what);
        break;
    case ACCESS_LOST:
        doctor_say(d, CHECK_FAILED, check, remedy,
                   "%s: Authenticated Users can't read it: members get 0x%08X", what,
                   SL_E_VL_AD_AO_NOT_FOUND);
        break;
    default:
        doctor_say(d, CHECK_WARNING, check, "let our account read it (RC)",
                   "%s: its security descriptor may not be read", what);
    }
}

static bool allows_child(const struct dir_entry *e, const char *class)
{
    const struct dir_attr *a = dir_entry_attr(e, "allowedChildClassesEffective");

    for (size_t i = 0; a != NULL && i < a->n; i++)
        if (strcasecmp((const char *)a->vals[i].data, class) == 0)
            return true;
    return false;
}

void doctor_container(struct doctor *d, const struct dir_facts *f, const struct dir_entry *e,
                      const struct sid *own)
{
    if (e == NULL) {
        doctor_say(d, CHECK_FAILED, "container", "adbactl directory prepare, as an administrator",
                   "there is no %s, or it may not be read: members get 0x%08X", AO_CONTAINER_RDN,
                   SL_E_VL_AD_AO_NOT_FOUND);
        return;
    }
    doctor_say(d, CHECK_OK, "container", NULL, "%s", e->dn);
    if (!f->ad_ds)
        return; /* its access rules are in the server's configuration */
    check_read(d, "container-read", "container", ACCESS_CONTAINER, e,
               "give Authenticated Users its read entry back: (A;;RPLCLORC;;;AU)");
    check_strangers(d, f, "container-write", "container", e, own);
    if (f->read_only)
        return;
    if (allows_child(e, AO_CLASS))
        doctor_say(d, CHECK_OK, "create", NULL, "our account may create activation objects");
    else
        doctor_say(d, CHECK_WARNING, "create",
                   "delegate the right to create msSPP-ActivationObject, if this account shall",
                   "our account may not create activation objects");
}

void doctor_object_access(struct doctor *d, const struct dir_facts *f, const char *name, bool ours,
                          const struct dir_entry *e, const struct sid *own)
{
    char what[200];

    if (!f->ad_ds)
        return;
    snprintf(what, sizeof(what), "object \"%s\"", name);
    check_read(d, "object-read", what, ACCESS_OBJECT, e,
               ours ? "adbactl ao steward, or [adba] steward = yes"
                    : "give Authenticated Users its read entry back: (A;;RPLCLORC;;;AU)");
    check_strangers(d, f, "object-write", what, e, own);
}

void doctor_object_verdict(struct doctor *d, const char *name, enum ao_verdict v,
                           const char *verdict_why, int64_t days_left)
{
    if (v == AO_GOOD && days_left >= DOCTOR_DAYS_LEFT)
        doctor_say(d, CHECK_OK, "object", NULL, "object \"%s\": good for %lld more days", name,
                   (long long)days_left);
    else if (v == AO_GOOD)
        doctor_say(d, CHECK_WARNING, "object", "adbactl ao steward, or [adba] steward = yes",
                   "object \"%s\": its licence ends in %lld days", name, (long long)days_left);
    else if (v == AO_FOREIGN)
        doctor_say(d, CHECK_OK, "object", NULL,
                   "object \"%s\": not signed by this realm, so not judged", name);
    else
        doctor_say(d, CHECK_FAILED, "object", "adbactl ao steward, or delete it and create it anew",
                   "object \"%s\": %s: %s", name, ao_verdict_name(v), verdict_why);
}

/* ---- DNS ---- */

void doctor_srv(struct doctor *d, const char *name, enum err e, const char *why,
                const struct doctor_host *hosts, size_t n)
{
    if (e == ERR_NOTFOUND || (e == ERR_OK && n == 0)) {
        doctor_say(
            d, CHECK_WARNING, "srv",
            "name the domain in [dns] domains, then adbactl dns publish adds the record; or tell "
            "clients the host (slmgr /skms)",
            "DNS has no SRV record %s: whom the directory does not serve finds no KMS host", name);
        return;
    }
    if (e != ERR_OK) {
        doctor_say(d, CHECK_WARNING, "srv", "see that this host's DNS servers answer",
                   "SRV record %s: %s", name, why);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (hosts[i].answer == ERR_OK)
            doctor_say(d, CHECK_OK, "srv", NULL, "%s: %s port %u serves KMS", name, hosts[i].host,
                       hosts[i].port);
        else
            doctor_say(d, CHECK_FAILED, "srv", "start the host, or take its record away",
                       "%s: %s port %u does not serve: %s", name, hosts[i].host, hosts[i].port,
                       hosts[i].why);
    }
}

/* ---- replicas ---- */

static const struct doctor_copy *copy_named(const struct doctor_copy *c, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(c[i].name, name) == 0)
            return &c[i];
    return NULL;
}

void doctor_replica(struct doctor *d, const char *host, enum err e, const char *why,
                    const struct doctor_copy *here, size_t here_n, const struct doctor_copy *there,
                    size_t there_n)
{
    static const char remedy[] = "wait for replication, or start it (repadmin /syncall, samba-tool "
                                 "drs replicate); its clients fall back to KMS until then";
    size_t before = d->n;

    if (e != ERR_OK) {
        doctor_say(d, CHECK_WARNING, "replica", "see that the domain controller runs",
                   "%s can't be compared: %s", host, why);
        return;
    }
    for (size_t i = 0; i < here_n; i++) {
        const struct doctor_copy *c = copy_named(there, there_n, here[i].name);

        if (c == NULL)
            doctor_say(d, CHECK_WARNING, "replica", remedy, "%s lacks object \"%s\"", host,
                       here[i].name);
        else if (memcmp(c->digest, here[i].digest, sizeof(c->digest)) != 0)
            doctor_say(d, CHECK_WARNING, "replica", remedy,
                       "%s has another licence in object \"%s\"", host, here[i].name);
    }
    for (size_t i = 0; i < there_n; i++)
        if (copy_named(here, here_n, there[i].name) == NULL)
            doctor_say(d, CHECK_WARNING, "replica", remedy, "%s has object \"%s\", not known here",
                       host, there[i].name);
    if (d->n == before)
        doctor_say(d, CHECK_OK, "replica", NULL, "%s holds the same %zu objects", host, here_n);
}
