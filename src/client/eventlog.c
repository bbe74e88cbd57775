#include "client/eventlog.h"

#include <stdio.h>

#include "base/clk.h"

#define FIELD_MAX 64

static const char *hex(uint32_t code, char text[FIELD_MAX])
{
    snprintf(text, FIELD_MAX, "0x%08X", code);
    return text;
}

static const char *number(int64_t n, char text[FIELD_MAX])
{
    snprintf(text, FIELD_MAX, "%lld", (long long)n);
    return text;
}

/* Minutes until the present state ends; 0 if it does not. */
static int64_t minutes_left(const struct lic *l, int64_t now)
{
    return l->expires == LIC_NEVER || l->expires < now ? 0 : (l->expires - now) / CLK_MINUTE;
}

/* ---- requests ---- */

void eventlog_12288(struct machine *m, const struct machine_product *p, const char *host,
                    uint32_t hresult, int64_t now)
{
    const struct lic *l = &p->lic;
    char hr[FIELD_MAX], id[GUID_TEXT_MAX], when[CLK_TEXT_MAX], st[FIELD_MAX], left[FIELD_MAX],
        sku[GUID_TEXT_MAX], need[FIELD_MAX];

    machine_event(m, 12288, now, 10,
                  (const char *[]){hex(hresult, hr), "0x00000000", host,
                                   guid_format(&m->client_id, id), clk_format(now, when),
                                   m->is_virtual ? "1" : "0", number(l->status, st),
                                   number(minutes_left(l, now), left),
                                   guid_format(&l->product->activation_id, sku),
                                   number(l->product->required_count, need)});
}

void eventlog_12289(struct machine *m, const struct machine_product *p, const struct lic_event *ev,
                    int64_t now)
{
    bool bound = ev->count >= p->lic.product->required_count;
    char hr[FIELD_MAX], count[FIELD_MAX], act[FIELD_MAX], renew[FIELD_MAX], when[CLK_TEXT_MAX];

    machine_event(m, 12289, now, 8,
                  (const char *[]){hex(bound ? 0 : LIC_HR_BELOW, hr), "0x00000000",
                                   bound ? "1" : "0", "0", number(ev->count, count),
                                   number(ev->activation, act), number(ev->renewal, renew),
                                   clk_format(now, when)});
}

void eventlog_12308(struct machine *m, const struct machine_product *p, int64_t now)
{
    char sku[GUID_TEXT_MAX];

    machine_event(m, 12308, now, 3,
                  (const char *[]){guid_format(&p->lic.product->activation_id, sku), p->object.name,
                                   p->object.dn});
}

static const char *avma_notice(uint32_t hresult)
{
    return hresult == 0             ? "AVMA Success"
           : hresult == 0xC004FD02u ? "Activation Denied"
                                    : "Invalid Host";
}

void eventlog_12309(struct machine *m, uint32_t hresult, int64_t now)
{
    machine_event(m, 12309, now, 1, (const char *[]){avma_notice(hresult)});
}

void eventlog_12310(struct machine *m, uint32_t hresult, int64_t now)
{
    machine_event_of(m, m->vmhost.system, 12310, now, 1, (const char *[]){avma_notice(hresult)});
}

void eventlog_12321(struct machine *m, uint32_t hresult, int64_t now)
{
    char hr[FIELD_MAX];

    machine_event(m, 12321, now, 1, (const char *[]){hex(hresult, hr)});
}

/* ---- failures ---- */

void eventlog_failed(struct machine *m, const struct machine_product *p, uint32_t hresult,
                     const char *trigger, bool automatic, int64_t now)
{
    char hr[FIELD_MAX], code[FIELD_MAX], args[320], app[GUID_TEXT_MAX], sku[GUID_TEXT_MAX];

    snprintf(hr, sizeof(hr), "hr=%s", hex(hresult, code));
    snprintf(
        args, sizeof(args),
        "RuleId=lab;Action=AutoActivate;AppId=%s;SkuId=%s;NotificationInterval=1440;Trigger=%s",
        guid_format(&p->lic.product->application_id, app),
        guid_format(&p->lic.product->activation_id, sku), trigger);
    machine_event(m, 8198, now, 2, (const char *[]){hr, args});
    if (automatic)
        machine_event(m, 8196, now, 1, (const char *[]){code});
}

void eventlog_8200(struct machine *m, const struct machine_product *p, uint32_t hresult,
                   int64_t now)
{
    char hr[FIELD_MAX], code[FIELD_MAX], sku[GUID_TEXT_MAX];

    snprintf(hr, sizeof(hr), "hr=%s", hex(hresult, code));
    machine_event(m, 8200, now, 2,
                  (const char *[]){hr, guid_format(&p->lic.product->activation_id, sku)});
}

void eventlog_8229(struct machine *m, uint32_t hresult, int64_t now)
{
    char code[FIELD_MAX];

    machine_event(m, 8229, now, 1, (const char *[]){hex(hresult, code)});
}

void eventlog_8208(struct machine *m, uint32_t hresult, int64_t now)
{
    char hr[FIELD_MAX], code[FIELD_MAX];

    snprintf(hr, sizeof(hr), "hr=%s", hex(hresult, code));
    machine_event(m, 8208, now, 2, (const char *[]){hr, "lab"});
}

void eventlog_8209(struct machine *m, const struct guid *application, int64_t now)
{
    char app[GUID_TEXT_MAX];

    machine_event(m, 8209, now, 1, (const char *[]){guid_format(application, app)});
}

/* ---- keys and states ---- */

static void about(struct machine *m, uint32_t id, const struct machine_product *p,
                  const char *detail, int64_t now)
{
    char app[GUID_TEXT_MAX], sku[GUID_TEXT_MAX];

    machine_event(m, id, now, 3,
                  (const char *[]){guid_format(&p->lic.product->application_id, app),
                                   guid_format(&p->lic.product->activation_id, sku), detail});
}

void eventlog_1016(struct machine *m, const struct machine_product *p, int64_t now)
{
    about(m, 1016, p, p->key[0] != '\0' ? p->key + 24 : "", now);
}

void eventlog_state(struct machine *m, const struct machine_product *p, enum lic_status was,
                    bool granted, int64_t now)
{
    const struct lic *l = &p->lic;
    char text[FIELD_MAX];

    number(minutes_left(l, now), text);
    if (l->status == LIC_LICENSED && (granted || was != LIC_LICENSED))
        about(m, 1036, p, text, now);
    if (l->status == LIC_LICENSED && granted && l->key == LIC_KEY_EVALUATION)
        about(m, 1037, p, text, now);
    if (l->status != was && lic_ends(lic_generation(l->product), (enum lic_status)l->status))
        about(m, 1025, p, text, now);
}

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

void eventlog_1003(struct machine *m, int64_t now)
{
    log_1003(m, now, &cat_app_windows);
    log_1003(m, now, &cat_app_office);
}
