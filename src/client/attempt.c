#include "client/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "client/kmsask.h"
#include "client/words.h"

#define HR_NO_SRV      0x8007232Bu
#define HR_ALL_FAILED  0xC004F074u
#define HR_KMS_FOREIGN 0xC004F042u

struct attempt {
    const struct attempt_env *env;
    struct machine *m;
    struct machine_product *p;
    int64_t now;
    struct machine_attempt *rec;
    struct machine_try spare; /* beyond MACHINE_TRIES_MAX */
};

static struct machine_try *new_try(struct attempt *a, enum lic_channel channel)
{
    struct machine_try *t =
        a->rec->tries < MACHINE_TRIES_MAX ? &a->rec->try[a->rec->tries++] : &a->spare;

    *t = (struct machine_try){.channel = channel};
    return t;
}

/* ---- event log ---- */

#define FIELD_MAX 64

static void log_12288(const struct attempt *a, const char *host, uint32_t hresult, uint8_t status)
{
    const struct lic *l = &a->p->lic;
    char hr[FIELD_MAX], id[GUID_TEXT_MAX], when[CLK_TEXT_MAX], st[FIELD_MAX], left[FIELD_MAX],
        sku[GUID_TEXT_MAX], need[FIELD_MAX];
    int64_t m = l->expires == LIC_NEVER ? 0 : (l->expires - a->now) / CLK_MINUTE;

    snprintf(hr, sizeof(hr), "0x%08X", hresult);
    snprintf(st, sizeof(st), "%u", status);
    snprintf(left, sizeof(left), "%lld", (long long)(m > 0 ? m : 0));
    snprintf(need, sizeof(need), "%u", l->product->required_count);
    machine_event(a->m, 12288, a->now, 10,
                  (const char *[]){hr, "0x00000000", host, guid_format(&a->m->client_id, id),
                                   clk_format(a->now, when), a->m->is_virtual ? "1" : "0", st, left,
                                   guid_format(&l->product->activation_id, sku), need});
}

static void log_12289(const struct attempt *a, const struct lic_event *ev)
{
    bool bound = ev->count >= a->p->lic.product->required_count;
    char hr[FIELD_MAX], count[FIELD_MAX], act[FIELD_MAX], renew[FIELD_MAX], when[CLK_TEXT_MAX];

    snprintf(hr, sizeof(hr), "0x%08X", bound ? 0 : LIC_HR_BELOW);
    snprintf(count, sizeof(count), "%u", ev->count);
    snprintf(act, sizeof(act), "%u", ev->activation);
    snprintf(renew, sizeof(renew), "%u", ev->renewal);
    machine_event(a->m, 12289, a->now, 8,
                  (const char *[]){hr, "0x00000000", bound ? "1" : "0", "0", count, act, renew,
                                   clk_format(a->now, when)});
}

static void log_12308(const struct attempt *a)
{
    char sku[GUID_TEXT_MAX];

    machine_event(a->m, 12308, a->now, 3,
                  (const char *[]){guid_format(&a->p->lic.product->activation_id, sku),
                                   a->p->object.name, a->p->object.dn});
}

static void log_8198(const struct attempt *a, uint32_t hresult)
{
    char hr[FIELD_MAX], args[320], app[GUID_TEXT_MAX], sku[GUID_TEXT_MAX];

    snprintf(hr, sizeof(hr), "hr=0x%08X", hresult);
    snprintf(
        args, sizeof(args),
        "RuleId=lab;Action=AutoActivate;AppId=%s;SkuId=%s;NotificationInterval=1440;Trigger=%s",
        guid_format(&a->p->lic.product->application_id, app),
        guid_format(&a->p->lic.product->activation_id, sku), a->rec->trigger);
    machine_event(a->m, 8198, a->now, 2, (const char *[]){hr, args});
}

/* ---- the directory ---- */

static struct lic_event ask_ad(struct attempt *a)
{
    struct machine_try *t = new_try(a, LIC_BY_AD);
    struct attempt_ad got = {0};
    struct errinfo ei = {0};
    enum err e;

    words_copy(t->target, sizeof(t->target), a->m->directory);
    e = a->env->ports.ask_ad(a->env->ports.arg, a->m, a->p, a->now, &got, &ei);
    if (e == ERR_OK) {
        char text[512];

        a->p->object = got.object;
        t->answered = true;
        snprintf(text, sizeof(text), "object \"%.164s\" (%.300s) is good", got.object.name,
                 got.object.dn);
        words_copy(t->text, sizeof(t->text), text);
        log_12308(a);
        return (struct lic_event){
            .type = LIC_EV_AD_GRANTED, .validity = got.validity, .renewal = got.renewal};
    }
    t->hresult = ei.hresult != 0 ? ei.hresult : LIC_HR_NO_OBJECT;
    words_copy(t->text, sizeof(t->text), ei.text);
    return (struct lic_event){.type = LIC_EV_AD_FAILED, .hresult = t->hresult};
}

/* ---- KMS ---- */

static void refused_words(const struct attempt *a, struct machine_try *t)
{
    const struct cat_product *product = a->p->lic.product;
    char text[512];

    if (t->hresult == HR_KMS_FOREIGN)
        snprintf(text, sizeof(text),
                 "the host refused: it has no key for %.60s %.60s, or it is another realm's; this "
                 "client belongs to realm %s (%s)",
                 product->product, product->edition, a->env->bundle->name, a->env->bundle->id);
    else
        snprintf(text, sizeof(text), "the host refused the request");
    words_copy(t->text, sizeof(t->text), text);
}

/* The answer's bytes, or the refusal that came instead. */
static struct lic_event take_answer(struct attempt *a, struct machine_try *t,
                                    const struct kms_exchange *x, const struct buf *answer)
{
    struct lic_event ev = {.type = LIC_EV_KMS_REFUSED};
    struct errinfo ei = {0};
    char text[640];

    if (t->hresult == 0 && kmsask_open(a->m, a->env->protector, x, answer->data, answer->len, &ev,
                                       a->p->epid, &ei) == ERR_OK) {
        t->answered = true;
        t->count = a->p->count = ev.count;
        t->hresult = ev.count >= a->p->lic.product->required_count ? 0 : LIC_HR_BELOW;
        snprintf(t->text, sizeof(t->text), "the host counts %u machines, %u are needed", ev.count,
                 a->p->lic.product->required_count);
        log_12289(a, &ev);
        return ev;
    }
    if (t->hresult == 0) {
        t->hresult = ei.hresult;
        snprintf(text, sizeof(text), "%.400s; this client belongs to realm %s (%s)", ei.text,
                 a->env->bundle->name, a->env->bundle->id);
        words_copy(t->text, sizeof(t->text), text);
    } else {
        refused_words(a, t);
    }
    ev.hresult = t->hresult;
    return ev;
}

static struct lic_event ask_host(struct attempt *a, const struct machine_host *host,
                                 const char *found)
{
    struct machine_try *t = new_try(a, LIC_BY_KMS);
    struct buf request = BUF_INIT, answer = BUF_INIT;
    struct lic_event ev = {.type = LIC_EV_KMS_UNREACHABLE};
    uint8_t status = a->p->lic.status;
    struct kms_exchange x;
    struct errinfo ei = {0};
    char text[272];
    enum err e;

    machine_host_format(host, text);
    snprintf(t->target, sizeof(t->target), "%s (%s)", text, found);
    e = kmsask_seal(a->m, a->p, a->env->protector, a->now, &request, &x, &ei);
    if (e == ERR_OK)
        e = a->env->ports.exchange(a->env->ports.arg, a->m, host, &request, &answer, &t->hresult,
                                   &ei);
    if (e != ERR_OK) {
        t->hresult = ei.hresult != 0 ? ei.hresult : HR_ALL_FAILED;
        words_copy(t->text, sizeof(t->text), ei.text);
    }
    log_12288(a, text, t->hresult, status);
    if (e == ERR_OK)
        ev = take_answer(a, t, &x, &answer);
    ev.hresult = t->hresult;
    if (ev.type == LIC_EV_KMS_ANSWERED)
        a->p->served = *host;
    buf_fini(&request);
    buf_fini(&answer);
    return ev;
}

/* The host that somebody set: for the product, its application, or all. NULL: none. */
static const struct machine_host *set_host(const struct attempt *a, const char **by)
{
    const struct machine_host *app =
        &a->m->app[a->p->lic.product->family == CAT_OFFICE ? 1 : 0].kms;

    *by = "set for the product";
    if (a->p->kms.name[0] != '\0')
        return &a->p->kms;
    *by = "set for the application";
    if (app->name[0] != '\0')
        return app;
    *by = "set with /skms";
    return a->m->kms.name[0] != '\0' ? &a->m->kms : NULL;
}

/* What several failed hosts come to: a refusal says more than silence; a lone host's silence, or
 * everybody's, is "no host could be reached". */
static struct lic_event worse(struct lic_event before, struct lic_event now)
{
    if (before.type == LIC_EV_KMS_REFUSED && now.type == LIC_EV_KMS_UNREACHABLE)
        return before;
    if (now.type == LIC_EV_KMS_UNREACHABLE)
        now.hresult = HR_ALL_FAILED;
    return now;
}

static bool no_srv(struct attempt *a, const char *name, uint32_t hresult, const char *text,
                   struct lic_event *ev)
{
    struct machine_try *t = new_try(a, LIC_BY_KMS);

    snprintf(t->target, sizeof(t->target), "DNS %.300s", name);
    t->hresult = hresult;
    words_copy(t->text, sizeof(t->text), text);
    *ev = (struct lic_event){.type = LIC_EV_KMS_UNREACHABLE, .hresult = hresult};
    return false;
}

/* Finds the hosts of the domain and asks them in order until one answers. */
static bool ask_found(struct attempt *a, struct lic_event *ev)
{
    const char *domain = a->p->lookup_domain[0] != '\0'   ? a->p->lookup_domain
                         : a->m->lookup_domain[0] != '\0' ? a->m->lookup_domain
                                                          : a->m->domain;
    struct srv_target *t = NULL;
    struct errinfo ei = {0};
    char name[300];
    size_t n = 0;
    bool got = false;

    if (domain[0] == '\0')
        return no_srv(a, "_vlmcs._tcp", HR_NO_SRV,
                      "no domain to look in: the machine is in a workgroup; set a host with /skms",
                      ev);
    snprintf(name, sizeof(name), "_vlmcs._tcp.%s", domain);
    if (a->env->ports.find(a->env->ports.arg, a->m, name, &t, &n, &ei) != ERR_OK)
        return no_srv(a, name, ei.hresult != 0 ? ei.hresult : HR_NO_SRV, ei.text, ev);
    srv_order(t, n, &a->env->draw);
    for (size_t i = 0; i < n && !got; i++) {
        struct machine_host host = {.port = t[i].port};

        words_copy(host.name, sizeof(host.name), t[i].host);
        *ev = worse(*ev, ask_host(a, &host, "found by SRV"));
        got = ev->type == LIC_EV_KMS_ANSWERED;
        if (got && !a->m->no_caching)
            a->p->cached = host;
    }
    free(t);
    return got;
}

static struct lic_event ask_kms(struct attempt *a)
{
    struct lic_event ev = {.type = LIC_EV_KMS_UNREACHABLE, .hresult = HR_ALL_FAILED};
    const char *by;
    const struct machine_host *host = set_host(a, &by);

    if (host != NULL)
        return worse(ev, ask_host(a, host, by));
    if (a->p->cached.name[0] != '\0' && !a->m->no_caching) {
        struct machine_host cached = a->p->cached;

        ev = worse(ev, ask_host(a, &cached, "cached"));
        if (ev.type == LIC_EV_KMS_ANSWERED)
            return ev;
        memset(&a->p->cached, 0, sizeof(a->p->cached));
    }
    ask_found(a, &ev);
    return ev;
}

/* ---- the attempt ---- */

static const char *trigger_name(enum lic_event_type t)
{
    return t == LIC_EV_START ? "service start" : t == LIC_EV_WAKE ? "timer" : "asked";
}

static void begin_record(struct attempt *a, enum lic_event_type trigger, enum lic_status was,
                         unsigned notes)
{
    memset(a->rec, 0, sizeof(*a->rec));
    a->rec->when = a->now;
    snprintf(a->rec->trigger, sizeof(a->rec->trigger), "%s", trigger_name(trigger));
    words_before(a->p, was, notes, a->rec->before, sizeof(a->rec->before));
}

void attempt_run(const struct attempt_env *env, struct machine *m, struct machine_product *p,
                 enum lic_event_type trigger, int64_t now)
{
    struct attempt a = {.env = env, .m = m, .p = p, .now = now, .rec = &p->last};
    struct lic_site site = machine_site(m, p);
    struct lic_event ev = {.type = trigger};
    enum lic_status was = (enum lic_status)p->lic.status;
    char follows[512];
    struct lic_outcome out;

    if (!lic_step(&p->lic, &site, &ev, now, &out))
        return;
    m->changed = true;
    if (out.notes & LIC_SKIPPED)
        return;
    begin_record(&a, trigger, was, out.notes);
    while (out.action != LIC_DO_NOTHING) {
        ev = out.action == LIC_ASK_AD ? ask_ad(&a) : ask_kms(&a);
        if (!lic_step(&p->lic, &site, &ev, now, &out))
            break;
    }
    p->last.result = p->lic.last;
    words_follows(p, out.notes, follows, sizeof(follows));
    words_copy(p->last.follows, sizeof(p->last.follows), follows);
    if (out.notes & LIC_FAILED)
        log_8198(&a, out.hresult);
}

/* One status check per application that is installed: each product's id, state and reason. */
static void log_1003(struct machine *m, int64_t now, const struct guid *app)
{
    char id[GUID_TEXT_MAX], list[1024] = "";
    size_t at = 0;

    for (size_t i = 0; i < m->products && at < sizeof(list); i++) {
        const struct lic *l = &m->product[i].lic;
        char sku[GUID_TEXT_MAX];

        if (!guid_equal(&l->product->application_id, app))
            continue;
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s,%u,0x%08X", at > 0 ? ";" : "",
                               guid_format(&l->product->activation_id, sku), l->status, l->reason);
    }
    if (at > 0)
        machine_event(m, 1003, now, 2, (const char *[]){guid_format(app, id), list});
}

void attempt_restart(const struct attempt_env *env, struct machine *m, int64_t now)
{
    machine_event(m, 903, now, 0, NULL);
    machine_event(m, 900, now, 0, NULL);
    machine_event(m, 902, now, 1, (const char *[]){ADBAD_VERSION});
    for (size_t i = 0; i < m->products; i++)
        attempt_run(env, m, &m->product[i], LIC_EV_START, now);
    log_1003(m, now, &cat_app_windows);
    log_1003(m, now, &cat_app_office);
}

void attempt_wake(const struct attempt_env *env, struct machine *m, int64_t now)
{
    for (size_t i = 0; i < m->products; i++) {
        if (lic_due(&m->product[i].lic) <= now)
            attempt_run(env, m, &m->product[i], LIC_EV_WAKE, now);
    }
}
