#include "cli/fleet_tell.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/hostport.h"
#include "cli/fleet_machine.h"
#include "cli/fleet_wire.h"
#include "client/words.h"
#include "realm/realm.h"
#include "selfreport/selfreport.h"
#include "steward/labcall.h"

#define TIMEOUT_MS 10000

struct fleet_tell {
    const char *host;
    uint64_t seed;
    uint8_t key[REALM_REPORT_LEN];
    uint64_t sent;
    struct fleet_codes codes;
};

static enum err read_key(struct fleet_tell *t, const char *path, struct errinfo *ei)
{
    struct bundle bundle = {0};
    enum err e;

    if (path == NULL)
        return err_fail(ei, ERR_USAGE,
                        "--report needs --bundle FILE, the client.bundle of the host's realm");
    e = bundle_load(path, &bundle, ei);
    if (e != ERR_OK)
        return e;
    e = realm_report_derive(&bundle.keys, t->key, ei);
    bundle_fini(&bundle);
    return e;
}

enum err fleet_tell_open(const char *host, const char *bundle, uint64_t seed,
                         struct fleet_tell **out, struct errinfo *ei)
{
    struct fleet_tell *t;
    struct hostport to;
    enum err e;

    if (!hostport_parse(host, strlen(host), &to) || to.host[0] == '\0')
        return err_fail(ei, ERR_USAGE, "--report takes HOST or HOST:PORT, not \"%s\"", host);
    t = calloc(1, sizeof(*t));
    if (t == NULL)
        return err_nomem(ei);
    t->host = host;
    t->seed = seed;
    e = read_key(t, bundle, ei);
    if (e == ERR_OK)
        *out = t;
    else
        fleet_tell_free(t);
    return e;
}

void fleet_tell_free(struct fleet_tell *t)
{
    if (t != NULL)
        OPENSSL_cleanse(t->key, sizeof(t->key));
    free(t);
}

static void describe(const struct fleet_tell *t, const struct fleet_grant *g, struct selfreport *r)
{
    const struct cat_product *p = g->product;
    const char *key = p->setup_key != NULL ? p->setup_key : "";
    struct clk clk = clk_system();
    int64_t now = clk_now(&clk);
    char name[FLEET_MACHINE_NAME_MAX];

    *r = (struct selfreport){.event = SELFREPORT_EVENT,
                             .client_id = fleet_machine_id(t->seed, g->machine),
                             .application_id = p->application_id,
                             .activation_id = p->activation_id,
                             .kms_id = p->kms_id,
                             .client_when = now,
                             .activated_at = now,
                             .expires = now + (int64_t)g->validity * CLK_MINUTE,
                             .object_name = "adbaclient fleet",
                             .object_dn = "CN=adbaclient fleet"};
    if (strlen(key) > SELFREPORT_KEY_LEN)
        words_copy(r->key, sizeof(r->key), key + strlen(key) - SELFREPORT_KEY_LEN);
    words_copy(r->workstation, sizeof(r->workstation), fleet_machine_name(g->machine, name));
}

enum err fleet_tell(void *tell, const struct fleet_grant *g, struct errinfo *ei)
{
    struct fleet_tell *t = tell;
    const struct labcall call = {.what = "host for reports",
                                 .address = t->host,
                                 .timeout_ms = TIMEOUT_MS,
                                 .op = RPC_LAB_REPORT};
    struct buf message = BUF_INIT, answer = BUF_INIT;
    struct selfreport r;
    uint32_t hresult = 0;
    enum err e;

    if (fleet_wire_interrupted())
        return err_fail(ei, ERR_NOT_NOW, "interrupted");
    describe(t, g, &r);
    e = selfreport_write(&r, t->key, &message, ei);
    if (e == ERR_OK)
        e = labcall(&call, &message, &answer, &hresult, ei);
    if (e == ERR_OK) {
        t->sent++;
        fleet_codes_note(&t->codes, hresult);
    } else
        (void)err_context(ei, "tell %s, after %" PRIu64 " reports", t->host, t->sent);
    buf_fini(&message);
    buf_fini(&answer);
    return e;
}

void fleet_tell_print(const struct fleet_tell *t)
{
    struct facts *f = facts_new();

    printf("\nReports, to %s:\n", t->host);
    facts_add(f, "  Sent", "%" PRIu64, t->sent);
    fleet_codes_facts(&t->codes, "  Taken", f);
    facts_print(f);
}

json_t *fleet_tell_json(const struct fleet_tell *t)
{
    return json_pack("{s:s, s:I, s:o}", "host", t->host, "sent", (json_int_t)t->sent, "results",
                     fleet_codes_json(&t->codes));
}
