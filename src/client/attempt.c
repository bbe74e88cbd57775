#include "client/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "client/eventlog.h"
#include "client/kmsask.h"
#include "client/platform.h"
#include "client/words.h"

#define HR_NO_SRV      0x8007232Bu
#define HR_ALL_FAILED  0xC004F074u
#define HR_NO_WAY      0x80072EE7u
#define HR_NOT_ALLOWED 0xC004F06Au
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
        eventlog_12308(a->m, a->p, a->now);
        return (struct lic_event){
            .type = LIC_EV_AD_GRANTED, .validity = got.validity, .renewal = got.renewal};
    }
    words_copy(t->text, sizeof(t->text), ei.text);
    if (ei.hresult == 0)
        ei.hresult = LIC_HR_NO_OBJECT;
    t->hresult = e == ERR_NOT_NOW ? 0 : ei.hresult;
    return (struct lic_event){.type = LIC_EV_AD_FAILED, .hresult = ei.hresult};
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
        eventlog_12289(a->m, a->p, &ev, a->now);
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
    struct buf request = BUF_INIT;
    struct attempt_kms said = {.response = BUF_INIT};
    struct lic_event ev = {.type = LIC_EV_KMS_UNREACHABLE};
    struct kms_exchange x;
    struct errinfo ei = {0};
    char text[272];
    enum err e;

    machine_host_format(host, text);
    snprintf(t->target, sizeof(t->target), "%s (%s)", text, found);
    e = kmsask_seal(a->m, a->p, a->env->protector, a->now, &request, &x, &ei);
    if (e == ERR_OK)
        e = a->env->ports.exchange(a->env->ports.arg, a->m, host, &request, &said, &ei);
    t->hresult = said.hresult;
    if (e != ERR_OK) {
        t->hresult = ei.hresult != 0 ? ei.hresult : HR_ALL_FAILED;
        words_copy(t->text, sizeof(t->text), ei.text);
    }
    eventlog_12288(a->m, a->p, text, t->hresult, a->now);
    if (e == ERR_OK)
        ev = take_answer(a, t, &x, &said.response);
    ev.hresult = t->hresult;
    if (ev.type == LIC_EV_KMS_ANSWERED) {
        a->p->served = *host;
        words_copy(a->p->address, sizeof(a->p->address), said.address);
    }
    buf_fini(&request);
    buf_fini(&said.response);
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

/* Asks the hosts of one domain in order until one answers. *known: the name exists. */
static bool ask_domain(struct attempt *a, const char *domain, bool *known, struct lic_event *ev)
{
    struct srv_target *t = NULL;
    struct errinfo ei = {0};
    char name[300];
    size_t n = 0;
    bool got = false;

    snprintf(name, sizeof(name), "_vlmcs._tcp.%s", domain);
    *known = a->env->ports.find(a->env->ports.arg, a->m, name, &t, &n, &ei) == ERR_OK;
    if (!*known)
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

/* Where hosts are looked up: a domain that was set, alone; else the machine's own and then its
 * suffix list, until one has records. */
static void ask_found(struct attempt *a, struct lic_event *ev)
{
    const struct machine *m = a->m;
    const char *set = a->p->lookup_domain[0] != '\0' ? a->p->lookup_domain : m->lookup_domain;
    bool any = false, known = false;

    if (set[0] != '\0') {
        ask_domain(a, set, &known, ev);
        return;
    }
    if (m->domain[0] != '\0') {
        any = true;
        ask_domain(a, m->domain, &known, ev);
    }
    for (size_t i = 0; i < MACHINE_SUFFIXES_MAX && m->suffix[i][0] != '\0' && !known; i++) {
        any = true;
        ask_domain(a, m->suffix[i], &known, ev);
    }
    if (!any)
        no_srv(a, "_vlmcs._tcp", HR_NO_SRV,
               "no domain to look in: the machine is in a workgroup and has no suffix list; set a "
               "host with /skms",
               ev);
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

/* ---- the clearing house, the platform ---- */

/* With a client setup key it is the configured MAK that asks. */
static const char *clearing_key(const struct machine_product *p)
{
    return p->lic.key == LIC_KEY_GVLK ? p->mak : p->key;
}

static struct lic_event ask_clearing(struct attempt *a)
{
    const struct attempt_ports *ports = &a->env->ports;
    struct machine_try *t = new_try(a, LIC_BY_CLEARING);
    struct lic_event ev = {.type = LIC_EV_CLEARING_FAILED, .hresult = HR_NO_WAY};
    struct attempt_clearing got = {0};
    struct errinfo ei = {0};
    enum err e;

    snprintf(t->target, sizeof(t->target), "the clearing house, with the key that ends in %s",
             clearing_key(a->p) + 24);
    e = ports->ask_clearing == NULL
            ? err_fail_hr(&ei, ERR_UNREACHABLE, HR_NO_WAY, "there is no way to a clearing house")
            : ports->ask_clearing(ports->arg, a->m, a->p, clearing_key(a->p), a->now, &got, &ei);
    if (e != ERR_OK) {
        ev.hresult = t->hresult = ei.hresult != 0 ? ei.hresult : HR_NO_WAY;
        words_copy(t->text, sizeof(t->text), ei.text);
        eventlog_8200(a->m, a->p, t->hresult, a->now);
        return ev;
    }
    t->answered = true;
    a->p->spent++;
    snprintf(t->text, sizeof(t->text), "granted: %u activations of this key are used, %u are left",
             got.used, got.left);
    return (struct lic_event){.type = LIC_EV_CLEARING_GRANTED, .validity = got.validity};
}

static struct lic_event ask_platform(struct attempt *a)
{
    bool oem = a->p->lic.key == LIC_KEY_OEM;
    struct machine_try *t = new_try(a, oem ? LIC_BY_OEM : LIC_BY_AVMA);

    t->hresult = platform_ask(a->env->catalog, a->m, a->p, t->target, t->text);
    t->answered = t->hresult == 0;
    if (!oem)
        eventlog_12309(a->m, t->hresult, a->now);
    if (!oem && a->m->vmhost.hyperv)
        eventlog_12310(a->m, t->hresult, a->now);
    return platform_event(a->p, t->hresult);
}

static struct lic_event ask(struct attempt *a, enum lic_action action)
{
    switch (action) {
    case LIC_ASK_AD:
        return ask_ad(a);
    case LIC_ASK_CLEARING:
        return ask_clearing(a);
    case LIC_ASK_PLATFORM:
        return ask_platform(a);
    default:
        return ask_kms(a);
    }
}

/* The MAK was a stand-by key; now it is the product's. */
static void turn_to_mak(struct machine_product *p)
{
    memcpy(p->key, p->mak, sizeof(p->key));
    memset(p->mak, 0, sizeof(p->mak));
}

/* ---- by phone ---- */

static bool by_phone(const struct machine_product *p)
{
    return p->lic.key == LIC_KEY_MAK || p->lic.key == LIC_KEY_RETAIL ||
           p->lic.key == LIC_KEY_CSVLK || p->lic.key == LIC_KEY_EVALUATION ||
           p->lic.key == LIC_KEY_OEM;
}

static enum err check_phone(const struct attempt_env *env, const struct machine *m,
                            const struct machine_product *p, struct errinfo *ei)
{
    if (p->key[0] == '\0')
        return err_fail_hr(ei, ERR_NOTFOUND, LIC_HR_NO_KEY,
                           "activation of %s %s by phone: no product key is installed on %s",
                           p->lic.product->product, p->lic.product->edition, m->name);
    if (!by_phone(p))
        return err_fail_hr(ei, ERR_NOT_NOW, HR_NOT_ALLOWED,
                           "activation of %s %s by phone: its key is a %s, which is never "
                           "activated by phone; /ato activates it",
                           p->lic.product->product, p->lic.product->edition,
                           lic_key_name((enum lic_key)p->lic.key));
    if (env->ports.make_iid == NULL || env->ports.check_cid == NULL)
        return err_fail_hr(ei, ERR_UNREACHABLE, HR_NO_WAY,
                           "activation by phone: there is no clearing house to call");
    return ERR_OK;
}

enum err attempt_iid(const struct attempt_env *env, const struct machine *m,
                     const struct machine_product *p, char text[ATTEMPT_IID_MAX],
                     struct errinfo *ei)
{
    enum err e = check_phone(env, m, p, ei);

    return e != ERR_OK ? e : env->ports.make_iid(env->ports.arg, m, p, text, ei);
}

/* ---- telling of it ---- */

/* The directory alone knows what it activates; whoever else shall know is told. */
static void note_activation(struct machine *m, struct machine_product *p, int64_t now)
{
    if (m->report[0] == '\0' || p->lic.channel != LIC_BY_AD)
        return;
    p->report.at = now;
    p->report.expires = p->lic.expires;
}

static void tell(const struct attempt_env *env, struct machine *m, struct machine_product *p,
                 int64_t now)
{
    const struct attempt_ports *ports = &env->ports;
    struct errinfo ei = {0};
    char text[sizeof(ei.text) + 256];
    enum err e;

    if (m->report[0] == '\0' || p->report.at == 0)
        return;
    m->changed = true;
    if (now >= p->report.expires) { /* of no use any more */
        p->report.at = 0;
        return;
    }
    e = ports->report == NULL ? err_fail(&ei, ERR_UNREACHABLE, "there is no way to it")
                              : ports->report(ports->arg, m, p, now, &ei);
    if (e == ERR_OK) {
        p->report.at = 0;
        snprintf(text, sizeof(text), "%s was told", m->report);
    } else {
        snprintf(text, sizeof(text), "%s was not told, next time again: %s", m->report, ei.text);
    }
    words_copy(p->report.outcome, sizeof(p->report.outcome), text);
}

void attempt_report(const struct attempt_env *env, struct machine *m, int64_t now)
{
    for (size_t i = 0; i < m->products; i++)
        tell(env, m, &m->product[i], now);
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

/* After a rearm nobody may activate before the service has started again. */
static bool held(struct attempt *a, enum lic_event_type trigger)
{
    if (!a->p->rearming || trigger != LIC_EV_ASKED)
        return false;
    begin_record(a, trigger, (enum lic_status)a->p->lic.status, 0);
    a->rec->result = LIC_HR_REARMED;
    a->p->lic.last = LIC_HR_REARMED;
    a->m->changed = true;
    words_copy(a->rec->follows, sizeof(a->rec->follows),
               "the product was rearmed: restart the licensing service first");
    return true;
}

static void conclude(struct attempt *a, enum lic_event_type trigger, enum lic_status was,
                     const struct lic_outcome *out, unsigned notes)
{
    struct machine_product *p = a->p;
    char follows[512];

    if (notes & LIC_TURNED)
        turn_to_mak(p);
    p->last.result = p->lic.last;
    words_follows(p, out->notes, follows, sizeof(follows));
    words_copy(p->last.follows, sizeof(p->last.follows), follows);
    if (out->notes & LIC_FAILED)
        eventlog_failed(a->m, p, out->hresult, p->last.trigger, trigger != LIC_EV_ASKED, a->now);
    if ((out->notes & LIC_FAILED) && trigger == LIC_EV_WAKE)
        eventlog_8229(a->m, out->hresult, a->now);
    if ((out->notes & LIC_FAILED) && out->hresult == LIC_HR_NO_TOKEN)
        eventlog_12321(a->m, out->hresult, a->now);
    eventlog_state(a->m, p, was, (out->notes & LIC_GRANTED) != 0, a->now);
}

void attempt_run(const struct attempt_env *env, struct machine *m, struct machine_product *p,
                 enum lic_event_type trigger, int64_t now)
{
    struct attempt a = {.env = env, .m = m, .p = p, .now = now, .rec = &p->last};
    struct lic_site site = machine_site(m, p);
    struct lic_event ev = {.type = trigger};
    enum lic_status was = (enum lic_status)p->lic.status;
    struct lic_outcome out;
    bool by_ad = false;
    unsigned notes;

    attempt_report(env, m, now);
    if (held(&a, trigger) || !lic_step(&p->lic, &site, &ev, now, &out))
        return;
    m->changed = true;
    if (out.notes & LIC_SKIPPED) {
        eventlog_state(m, p, was, false, now);
        return;
    }
    begin_record(&a, trigger, was, out.notes);
    notes = out.notes;
    while (out.action != LIC_DO_NOTHING) {
        ev = ask(&a, out.action);
        by_ad |= ev.type == LIC_EV_AD_GRANTED;
        if (!lic_step(&p->lic, &site, &ev, now, &out))
            break;
        notes |= out.notes;
    }
    conclude(&a, trigger, was, &out, notes);
    if (by_ad) {
        note_activation(m, p, now);
        tell(env, m, p, now);
    }
}

enum err attempt_confirm(const struct attempt_env *env, struct machine *m,
                         struct machine_product *p, const char *cid, int64_t now,
                         struct errinfo *ei)
{
    struct attempt a = {.env = env, .m = m, .p = p, .now = now, .rec = &p->last};
    struct lic_site site = machine_site(m, p);
    struct lic_event ev = {.type = LIC_EV_CONFIRMED};
    enum lic_status was = (enum lic_status)p->lic.status;
    struct lic_outcome out;
    struct machine_try *t;
    enum err e = check_phone(env, m, p, ei);

    if (e == ERR_OK)
        e = env->ports.check_cid(env->ports.arg, m, p, cid, ei);
    if (e != ERR_OK)
        return e;
    if (p->lic.key == LIC_KEY_EVALUATION)
        ev.validity = (uint32_t)LIC_VALIDITY;
    if (!lic_step(&p->lic, &site, &ev, now, &out) || !(out.notes & LIC_GRANTED))
        return err_fail_hr(ei, ERR_NOT_NOW, HR_NOT_ALLOWED,
                           "deposit a confirmation ID on %s: validation of its licence failed",
                           m->name);
    p->spent++;
    m->changed = true;
    begin_record(&a, LIC_EV_ASKED, was, out.notes);
    t = new_try(&a, LIC_BY_PHONE);
    t->answered = true;
    words_copy(t->target, sizeof(t->target), "the clearing house, by phone");
    words_copy(t->text, sizeof(t->text), "granted: its confirmation ID fits");
    conclude(&a, LIC_EV_ASKED, was, &out, out.notes);
    return ERR_OK;
}

/* Whether a restart of the service is about p: Office's own concerns Office alone. */
static bool concerned(const struct machine_product *p, bool office)
{
    return !office || p->lic.product->family == CAT_OFFICE;
}

/* As after its set-up. False if p was not rearmed. */
static bool apply_rearm(struct machine *m, struct machine_product *p, int64_t now)
{
    struct lic_site site = machine_site(m, p);
    struct lic_event ev = {.type = LIC_EV_REARM};
    enum lic_status was = (enum lic_status)p->lic.status;
    struct lic_outcome out;

    if (!p->rearming)
        return false;
    p->rearming = false;
    memset(&p->last, 0, sizeof(p->last));
    if (lic_step(&p->lic, &site, &ev, now, &out))
        eventlog_state(m, p, was, false, now);
    return true;
}

/* A rearmed machine has a new identity for KMS hosts. */
static void apply_rearms(const struct attempt_env *env, struct machine *m, bool office, int64_t now)
{
    bool any = false;
    uint8_t random[16];

    for (size_t i = 0; i < m->products; i++)
        any |= concerned(&m->product[i], office) && apply_rearm(m, &m->product[i], now);
    if (!any)
        return;
    rng_fill(&env->draw, random, sizeof(random));
    m->previous_id = m->client_id;
    m->client_id = guid_from_random(random);
}

static void restart(const struct attempt_env *env, struct machine *m, bool office, int64_t now)
{
    machine_event(m, 903, now, 0, NULL);
    machine_event(m, 900, now, 0, NULL);
    machine_event(m, 902, now, 1, (const char *[]){ADBAD_VERSION});
    apply_rearms(env, m, office, now);
    for (size_t i = 0; i < m->products; i++) {
        if (concerned(&m->product[i], office))
            attempt_run(env, m, &m->product[i], LIC_EV_START, now);
    }
}

void attempt_restart(const struct attempt_env *env, struct machine *m, int64_t now)
{
    restart(env, m, false, now);
    eventlog_1003(m, now);
}

void attempt_restart_office(const struct attempt_env *env, struct machine *m, int64_t now)
{
    restart(env, m, true, now);
}

void attempt_wake(const struct attempt_env *env, struct machine *m, int64_t now)
{
    for (size_t i = 0; i < m->products; i++) {
        if (lic_due(&m->product[i].lic) <= now)
            attempt_run(env, m, &m->product[i], LIC_EV_WAKE, now);
    }
}
