/* The clearing house as a simulated machine reaches it, online and by phone; and the verb that says
 * which one it is. */
#include <stddef.h>

#include "cli/client.h"
#include "cli/client_clearing.h"
#include "cli/client_host.h"
#include "steward/activate.h"

#define HR_TIMEOUT         0x80072EE2u /* nobody answers there */
#define HR_NO_NAME         0x80072EE7u /* there is no way to it */
#define HR_NETWORK         0xC004C012u
#define HR_RPC_UNAVAILABLE 0x800706BAu
#define HR_NO_CODE         0u

/* What a machine shows of a network's errors when it asks the activation service. */
static void show_as_service(enum err e, struct errinfo *ei)
{
    if (e == ERR_REFUSED && ei->hresult >> 16 == 0xC004)
        return;
    if (ei->hresult == HR_RPC_UNAVAILABLE)
        ei->hresult = HR_TIMEOUT;
    else if (e == ERR_NOTFOUND)
        ei->hresult = HR_NO_NAME;
    else if (ei->hresult == HR_NO_CODE || ei->hresult >> 16 == 0x8007)
        ei->hresult = HR_NETWORK;
}

enum err clearing_ask_online(void *arg, const struct machine *m, const struct machine_product *p,
                             const char *key, int64_t now, struct attempt_clearing *out,
                             struct errinfo *ei)
{
    const struct station *s = arg;
    const struct activate_house house = {.address = m->clearing,
                                         .dns = m->dns[0] != '\0' ? m->dns : NULL,
                                         .timeout_ms = (int)s->client->timeout * 1000};
    struct clearing_answer a;
    enum err e;

    (void)now;
    if (m->clearing[0] == '\0')
        return err_fail_hr(ei, ERR_UNREACHABLE, HR_NO_NAME,
                           "%s has no way to a clearing house; name one (adbaclient --machine DIR "
                           "clearing HOST), or activate by phone (/dti, /atp)",
                           m->name);
    e = activate_machine(&house, &s->bundle.keys, key, &m->hardware, m->name, &a, ei);
    if (e != ERR_OK) {
        show_as_service(e, ei);
        return e;
    }
    *out = (struct attempt_clearing){.used = a.used,
                                     .left = a.left,
                                     .validity =
                                         machine_key_kind(p->lic.product, key) == LIC_KEY_EVALUATION
                                             ? (uint32_t)LIC_VALIDITY
                                             : 0};
    return ERR_OK;
}

enum err clearing_iid(void *arg, const struct machine *m, const struct machine_product *p,
                      char text[ATTEMPT_IID_MAX], struct errinfo *ei)
{
    const struct station *s = arg;
    struct clearing_case c;
    enum err e = clearing_machine(&s->bundle.keys, p->key, &m->hardware, &c, ei);

    if (e == ERR_OK)
        iid_write(&c.id, text);
    return e;
}

enum err clearing_check(void *arg, const struct machine *m, const struct machine_product *p,
                        const char *cid, struct errinfo *ei)
{
    const struct station *s = arg;
    struct clearing_case c;
    enum err e = clearing_machine(&s->bundle.keys, p->key, &m->hardware, &c, ei);

    return e == ERR_OK ? cid_check(cid, &c.id, c.confirm, ei) : e;
}

/* ---- the verb ---- */

static int run_clearing(struct client *c, int argc, char **argv)
{
    static const struct client_host host = {.what = "clearing house",
                                            .none = "no way to a clearing house",
                                            .at = offsetof(struct machine, clearing),
                                            .size = sizeof(((struct machine *)0)->clearing)};

    return client_run_host(c, argc, argv, &host);
}

const struct client_verb client_clearing_verbs[] = {
    {"clearing", "[HOST[:PORT]|none]", "show or set the clearing house that a key is activated at",
     run_clearing},
    {0},
};
