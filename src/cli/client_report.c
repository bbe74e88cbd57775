/* What a simulated machine tells of its activations through the directory, and the verb that says
 * to whom. */
#include <openssl/crypto.h>
#include <stddef.h>
#include <string.h>

#include "cli/client.h"
#include "cli/client_host.h"
#include "cli/client_report.h"
#include "client/words.h"
#include "selfreport/selfreport.h"
#include "steward/labcall.h"

static void describe(const struct machine *m, const struct machine_product *p, int64_t now,
                     struct selfreport *r)
{
    const struct cat_product *product = p->lic.product;

    *r = (struct selfreport){.event = SELFREPORT_EVENT,
                             .client_id = m->client_id,
                             .application_id = product->application_id,
                             .activation_id = product->activation_id,
                             .kms_id = product->kms_id,
                             .object_sku_id = p->object.sku_id,
                             .client_when = now,
                             .activated_at = p->report.at,
                             .expires = p->report.expires};
    if (strlen(p->key) > SELFREPORT_KEY_LEN)
        words_copy(r->key, sizeof(r->key), p->key + strlen(p->key) - SELFREPORT_KEY_LEN);
    words_copy(r->workstation, sizeof(r->workstation), m->name);
    words_copy(r->account, sizeof(r->account), m->user);
    words_copy(r->domain, sizeof(r->domain), m->domain);
    words_copy(r->object_name, sizeof(r->object_name), p->object.name);
    words_copy(r->object_dn, sizeof(r->object_dn), p->object.dn);
}

static const char *refused_text(uint32_t hresult)
{
    for (int i = SELFREPORT_TAKEN + 1; i < SELFREPORT_REASONS; i++) {
        if (selfreport_reason_hresult((enum selfreport_reason)i) == hresult)
            return selfreport_reason_text((enum selfreport_reason)i);
    }
    return "its log says why";
}

static enum err send_report(const struct station *s, const struct buf *message, struct errinfo *ei)
{
    const struct machine *m = &s->folder.machine;
    const struct labcall call = {.what = "host for reports",
                                 .address = m->report,
                                 .dns = m->dns[0] != '\0' ? m->dns : NULL,
                                 .timeout_ms = (int)s->client->timeout * 1000,
                                 .op = RPC_LAB_REPORT};
    struct buf answer = BUF_INIT;
    uint32_t hresult = 0;
    enum err e = labcall(&call, message, &answer, &hresult, ei);

    buf_fini(&answer);
    if (e == ERR_OK && hresult != 0)
        e = err_fail_hr(ei, ERR_REFUSED, hresult, "it refused the report, 0x%08X: %s", hresult,
                        refused_text(hresult));
    return e;
}

enum err client_report(void *arg, const struct machine *m, const struct machine_product *p,
                       int64_t now, struct errinfo *ei)
{
    const struct station *s = arg;
    struct buf message = BUF_INIT;
    uint8_t key[REALM_REPORT_LEN];
    struct selfreport r;
    enum err e = realm_report_derive(&s->bundle.keys, key, ei);

    describe(m, p, now, &r);
    if (e == ERR_OK)
        e = selfreport_write(&r, key, &message, ei);
    if (e == ERR_OK)
        e = send_report(s, &message, ei);
    OPENSSL_cleanse(key, sizeof(key));
    buf_fini(&message);
    return e;
}

/* ---- the verb ---- */

/* What was not told yet is not told to another either. */
static int run_report(struct client *c, int argc, char **argv)
{
    static const struct client_host host = {.what = "host for reports",
                                            .none = "tells nobody of its activations",
                                            .at = offsetof(struct machine, report),
                                            .size = sizeof(((struct machine *)0)->report)};

    return client_run_host(c, argc, argv, &host);
}

const struct client_verb client_report_verbs[] = {
    {"report", "[HOST[:PORT]|none]",
     "show or set the lab host that is told of activations through the directory", run_report},
    {0},
};
