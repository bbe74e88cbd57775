#include "clearing/house.h"

#include <stdio.h>
#include <string.h>

#include "clearing/codes.h"

static enum clearing_reason refuse(enum clearing_reason r, uint32_t *hresult, struct errinfo *ei)
{
    *hresult = clearing_reason_hresult(r);
    err_fail_hr(ei, ERR_REFUSED, *hresult, "%s", clearing_reason_text(r));
    return r;
}

/* Finds the confirmation key with which such an IID is made, and whether this one was. */
static enum clearing_reason find_key(const struct clearing_house *h, struct clearing_case *c,
                                     struct errinfo *ei)
{
    enum err e;

    if (c->id.kind == IID_MACHINE) {
        c->group = "";
        e = h->keys == NULL ? ERR_NOTFOUND
                            : realm_machine_derive(h->keys, c->id.key, c->confirm, ei);
    } else {
        c->group = h->group(h->arg, c->id.group);
        if (c->group == NULL)
            return CLEARING_UNSUPPORTED;
        e = realm_confirm_derive(h->key, c->id.key, c->group, c->confirm, ei);
    }
    return e == ERR_OK && iid_sealed_by(&c->id, c->confirm) ? CLEARING_GRANTED
                                                            : CLEARING_UNKNOWN_KEY;
}

/* A site's key must have been issued by this realm, for that group; a machine must belong to this
 * realm. */
enum clearing_reason clearing_recognise(const struct clearing_house *h, const char *iid,
                                        struct clearing_case *out, uint32_t *hresult,
                                        struct errinfo *ei)
{
    struct clearing_case c = {0};
    struct errinfo why = {0};
    enum clearing_reason r;

    if (iid_read(iid, &c.id, &why) != ERR_OK) {
        *hresult = why.hresult;
        if (ei != NULL)
            *ei = why;
        return CLEARING_BAD_ID;
    }
    r = find_key(h, &c, ei);
    if (r != CLEARING_GRANTED)
        return refuse(r, hresult, ei);
    *hresult = 0;
    *out = c;
    return CLEARING_GRANTED;
}

enum clearing_reason clearing_receive(const struct clearing_house *h, const void *data, size_t len,
                                      struct clearing_case *out, uint32_t *hresult,
                                      struct errinfo *ei)
{
    struct clearing_request m;
    enum clearing_reason r;

    if (clearing_request_read(data, len, &m) != ERR_OK)
        return refuse(CLEARING_BAD_MESSAGE, hresult, ei);
    r = clearing_recognise(h, m.iid, out, hresult, ei);
    if (r != CLEARING_GRANTED)
        return r;
    if (!clearing_request_is_of(data, len, out->confirm))
        return refuse(CLEARING_UNKNOWN_KEY, hresult, ei);
    if (iid_binding(&m.target) != out->id.binding)
        return refuse(CLEARING_BAD_BINDING, hresult, ei);
    out->request = m;
    return CLEARING_GRANTED;
}

enum err clearing_confirm(const struct clearing_case *c, char cid[CID_TEXT_MAX], struct errinfo *ei)
{
    return cid_make(&c->id, c->confirm, cid, ei);
}

/* Digits alone, as messages carry them. */
static void strip(const char *text, char *out)
{
    for (; *text != '\0'; text++) {
        if (*text != '-')
            *out++ = *text;
    }
    *out = '\0';
}

enum err clearing_reply(const struct clearing_case *c, const struct clearing_verdict *v,
                        int64_t now, struct buf *out, struct errinfo *ei)
{
    struct clearing_answer a = {.used = v->used,
                                .left = v->left,
                                .hosts_used = v->hosts_used,
                                .hosts_left = v->hosts_left,
                                .when = now};
    char cid[CID_TEXT_MAX];
    enum err e = clearing_confirm(c, cid, ei);

    if (e != ERR_OK)
        return e;
    strip(cid, a.cid);
    return clearing_answer_write(&a, c->confirm, c->request.tag, out, ei);
}

/* ---- the site's side ---- */

/* Completes c, of which installation ID, confirmation key and target are there. */
static enum err make_request(struct clearing_case *c, const char *pid, const char *name,
                             const struct rng *rng, struct buf *request, struct errinfo *ei)
{
    char iid[IID_TEXT_MAX];

    iid_write(&c->id, iid);
    strip(iid, c->request.iid);
    snprintf(c->request.pid, sizeof(c->request.pid), "%s", pid);
    snprintf(c->request.name, sizeof(c->request.name), "%s", name);
    rng_fill(rng, c->request.nonce, sizeof(c->request.nonce));
    return clearing_request_write(&c->request, c->confirm, request, ei);
}

enum err clearing_ask(const struct hostkey *k, enum iid_kind kind, const struct guid *target,
                      const char *name, const struct rng *rng, struct clearing_case *out,
                      struct buf *request, struct errinfo *ei)
{
    struct clearing_case c = {.request = {.target = *target}};
    enum err e = iid_make(kind, k, target, &c.id, ei);

    if (e != ERR_OK)
        return e;
    memcpy(c.confirm, k->confirm, sizeof(c.confirm));
    e = make_request(&c, k->pid, name, rng, request, ei);
    if (e == ERR_OK)
        *out = c;
    return e;
}

enum err clearing_machine(const struct realm_keys *keys, const char *key,
                          const struct guid *hardware, struct clearing_case *out,
                          struct errinfo *ei)
{
    struct clearing_case c = {.group = "", .request = {.target = iid_machine(hardware)}};
    enum err e = realm_machine_derive(keys, key, c.confirm, ei);

    if (e == ERR_OK)
        e = iid_make_machine(key, c.confirm, &c.request.target, &c.id, ei);
    if (e == ERR_OK)
        *out = c;
    return e;
}

enum err clearing_ask_machine(const struct realm_keys *keys, const char *key,
                              const struct guid *hardware, const char *name, const struct rng *rng,
                              struct clearing_case *out, struct buf *request, struct errinfo *ei)
{
    struct clearing_case c;
    enum err e = clearing_machine(keys, key, hardware, &c, ei);

    if (e == ERR_OK)
        e = make_request(&c, "", name, rng, request, ei);
    if (e == ERR_OK)
        *out = c;
    return e;
}

enum err clearing_accept(const struct clearing_case *c, const void *data, size_t len,
                         struct clearing_answer *out, struct errinfo *ei)
{
    struct clearing_answer a;
    enum err e = clearing_answer_read(data, len, &a);

    if (e != ERR_OK)
        return err_fail(ei, e, "answer of the clearing house: %s", err_name(e));
    if (!clearing_answer_is_of(data, len, c->confirm, c->request.tag))
        return err_fail(ei, ERR_FOREIGN,
                        "the answer was not made by this realm's clearing house for this request; "
                        "check [clearing] host");
    e = cid_check(a.cid, &c->id, c->confirm, ei);
    if (e == ERR_OK)
        *out = a;
    return e;
}
