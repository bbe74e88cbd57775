/* A machine of the site and the outside world as its licensing client sees it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adba/object.h"
#include "clearing/house.h"
#include "client/words.h"
#include "site/site.h"

#define HR_DS_SERVER_DOWN  0x8007203Au
#define HR_LOGON_FAILURE   0x8007052Eu
#define HR_NAME_ERROR      0x8007232Bu
#define HR_RPC_UNAVAILABLE 0x800706BAu
#define HR_TIMEOUT         0x80072EE2u
#define HR_NO_NAME         0x80072EE7u

/* For products whose client setup key is not published: a key that is nobody's. */
#define STAND_IN_KEY "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA"

int64_t station_time(const struct site_station *st)
{
    return st->site->now + st->offset;
}

/* What is in a network is reached from there alone. */
static bool reaches(const struct site_station *st, const char *net)
{
    return net[0] == '\0' || strcasecmp(st->net, net) == 0;
}

/* ---- directory ---- */

/* The forest of a domain: the domain itself or one above it. */
static struct site_forest *forest_of(const struct site *s, const char *domain)
{
    for (const char *at = domain; at != NULL; at = strchr(at, '.')) {
        struct site_forest *f;

        at += *at == '.';
        f = site_forest(s, at);
        if (f != NULL)
            return f;
    }
    return NULL;
}

static enum err ask_ad(void *arg, struct machine *m, const struct machine_product *p, int64_t now,
                       struct attempt_ad *out, struct errinfo *ei)
{
    const struct site_station *st = arg;
    struct site *s = st->site;
    const struct site_forest *f = forest_of(s, m->domain);
    struct ao o = {0};
    struct licence lic = {0};
    enum err e;

    if (f == NULL || f->down || !reaches(st, f->net))
        return err_fail_hr(ei, ERR_UNREACHABLE, HR_DS_SERVER_DOWN,
                           "no domain controller of %s answers", m->domain);
    if (st->account_disabled)
        return err_fail_hr(ei, ERR_AUTH, HR_LOGON_FAILURE,
                           "the account of %s is disabled or its password is wrong", m->name);
    e = ao_lookup(f->dir, &s->realm.bundle, s->catalog, &p->lic.product->kms_id, now, &o, &lic, ei);
    if (e != ERR_OK)
        return e;
    words_copy(out->object.name, sizeof(out->object.name), o.name != NULL ? o.name : "");
    words_copy(out->object.dn, sizeof(out->object.dn), o.dn);
    words_copy(out->object.forest, sizeof(out->object.forest), f->name);
    words_copy(m->forest, sizeof(m->forest), f->name);
    out->object.sku_id = o.sku_id;
    out->validity = lic.validity;
    out->renewal = lic.renewal;
    ao_fini(&o);
    licence_fini(&lic);
    return ERR_OK;
}

/* ---- DNS and KMS ---- */

static enum err find(void *arg, const struct machine *m, const char *name, struct srv_target **out,
                     size_t *n, struct errinfo *ei)
{
    const struct site_station *st = arg;

    (void)m;
    return dns_find(&st->site->dns, name, out, n, ei);
}

static enum err exchange(void *arg, const struct machine *m, const struct machine_host *host,
                         const struct buf *request, struct attempt_kms *out, struct errinfo *ei)
{
    const struct site_station *st = arg;
    const struct kmshost *h = site_host(st->site, host->name);
    struct kms_decision d;

    (void)m;
    if (h == NULL)
        return err_fail_hr(ei, ERR_NOTFOUND, HR_NAME_ERROR, "no host is called %.200s", host->name);
    if (h->down || !reaches(st, h->net))
        return err_fail_hr(ei, ERR_UNREACHABLE, HR_RPC_UNAVAILABLE, "%s does not answer", h->name);
    kms_host_decide(h->host, request->data, request->len, st->site->now + h->offset, &d);
    out->hresult = d.hresult;
    buf_add(&out->response, d.response.data, d.response.len);
    buf_fini(&d.response);
    if (h->garbles && out->response.len > 0)
        out->response.data[out->response.len / 2] ^= 1;
    return out->response.err != ERR_OK ? err_nomem(ei) : ERR_OK;
}

/* ---- the clearing house ---- */

static enum err ask_clearing(void *arg, const struct machine *m, const struct machine_product *p,
                             const char *key, int64_t now, struct attempt_clearing *out,
                             struct errinfo *ei)
{
    const struct site_station *st = arg;
    struct clearing_verdict v;
    enum err e;

    (void)now;
    if (st->site->house.down)
        return err_fail_hr(ei, ERR_UNREACHABLE, HR_TIMEOUT, "the clearing house does not answer");
    if (!reaches(st, st->site->house.net))
        return err_fail_hr(ei, ERR_UNREACHABLE, HR_NO_NAME,
                           "there is no way from here to the clearing house");
    e = house_machine(&st->site->house, key, &m->hardware, m->name, &v, ei);
    if (e == ERR_OK)
        *out = (struct attempt_clearing){.used = v.used,
                                         .left = v.left,
                                         .validity = machine_key_kind(p->lic.product, key) ==
                                                             LIC_KEY_EVALUATION
                                                         ? (uint32_t)LIC_VALIDITY
                                                         : 0};
    return e;
}

static enum err machine_case(const struct site_station *st, const struct machine_product *p,
                             struct clearing_case *c, struct errinfo *ei)
{
    return clearing_machine(&st->site->shown.keys, p->key, &st->m.hardware, c, ei);
}

static enum err make_iid(void *arg, const struct machine *m, const struct machine_product *p,
                         char text[ATTEMPT_IID_MAX], struct errinfo *ei)
{
    struct clearing_case c;
    enum err e = machine_case(arg, p, &c, ei);

    (void)m;
    if (e == ERR_OK)
        iid_write(&c.id, text);
    return e;
}

static enum err check_cid(void *arg, const struct machine *m, const struct machine_product *p,
                          const char *cid, struct errinfo *ei)
{
    struct clearing_case c;
    enum err e = machine_case(arg, p, &c, ei);

    (void)m;
    return e == ERR_OK ? cid_check(cid, &c.id, c.confirm, ei) : e;
}

/* The clerk knows only what is read out: key and machine come from the digits. The name is for
 * host keys, whose hosts are known by theirs. */
static enum err ask_clerk(struct site_station *st, const char *iid, char cid[CID_TEXT_MAX],
                          struct errinfo *ei)
{
    const struct clearing_house house = {.keys = &st->site->shown.keys};
    struct clearing_case c;
    struct clearing_verdict v;
    uint32_t hresult;
    enum err e;

    if (clearing_recognise(&house, iid, &c, &hresult, ei) != CLEARING_GRANTED)
        return err_fail_hr(ei, ERR_REFUSED, hresult, "the clerk does not accept that");
    e = house_machine(&st->site->house, c.id.key, &st->m.hardware, st->m.name, &v, ei);
    return e == ERR_OK ? clearing_confirm(&c, cid, ei) : e;
}

enum err station_call(struct site_station *st, const struct machine_product *p,
                      char cid[CID_TEXT_MAX], struct errinfo *ei)
{
    struct attempt_env env = station_env(st);
    char iid[ATTEMPT_IID_MAX];
    enum err e = attempt_iid(&env, &st->m, p, iid, ei);

    return e == ERR_OK ? ask_clerk(st, iid, cid, ei) : e;
}

enum err station_deposit(struct site_station *st, struct machine_product *p, const char *cid,
                         struct errinfo *ei)
{
    struct attempt_env env = station_env(st);

    return attempt_confirm(&env, &st->m, p, cid, station_time(st), ei);
}

struct attempt_env station_env(struct site_station *st)
{
    struct site *s = st->site;

    return (struct attempt_env){.catalog = s->catalog,
                                .bundle = &s->shown,
                                .protector = s->protector,
                                .draw = s->rng,
                                .ports = {.arg = st,
                                          .ask_ad = ask_ad,
                                          .find = find,
                                          .exchange = exchange,
                                          .ask_clearing = ask_clearing,
                                          .make_iid = make_iid,
                                          .check_cid = check_cid}};
}

/* ---- keys ---- */

enum err station_key(struct site_station *st, const char *key, struct errinfo *ei)
{
    return machine_install_key(&st->m, st->site->catalog, false, key, station_time(st), NULL, ei);
}

enum err station_install(struct site_station *st, const struct cat_product *product,
                         struct errinfo *ei)
{
    struct machine_product *p;
    enum err e = machine_install(&st->m, product, &p, ei);

    return e == ERR_OK ? station_setup_key(st, p, ei) : e;
}

enum err station_setup_key(struct site_station *st, struct machine_product *p, struct errinfo *ei)
{
    const char *key = p->lic.product->setup_key;

    return machine_set_key(&st->m, p, key != NULL ? key : STAND_IN_KEY, station_time(st), ei);
}

enum err station_key_removed(struct site_station *st, struct machine_product *p, struct errinfo *ei)
{
    return machine_remove_key(&st->m, p, station_time(st), ei);
}

/* ---- attempts ---- */

static void told(struct site_station *st, const struct machine_product *p)
{
    st->site->attempts++;
    if (st->site->watch != NULL)
        st->site->watch(st->site->watch_arg, st, p);
}

static void attempt(struct site_station *st, struct machine_product *p, enum lic_event_type trigger)
{
    struct attempt_env env = station_env(st);

    attempt_run(&env, &st->m, p, trigger, station_time(st));
    told(st, p);
}

void station_ask(struct site_station *st, struct machine_product *p)
{
    if (!st->off)
        attempt(st, p, LIC_EV_ASKED);
}

void station_restart(struct site_station *st)
{
    struct attempt_env env = station_env(st);
    int64_t now = station_time(st);

    if (st->off)
        return;
    attempt_restart(&env, &st->m, now);
    for (size_t i = 0; i < st->m.products; i++) {
        if (st->m.product[i].last.when == now)
            told(st, &st->m.product[i]);
    }
}

void station_wake(struct site_station *st)
{
    int64_t now = station_time(st);

    for (size_t i = 0; i < st->m.products && !st->off; i++) {
        if (lic_due(&st->m.product[i].lic) <= now)
            attempt(st, &st->m.product[i], LIC_EV_WAKE);
    }
}
