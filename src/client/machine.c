#include "client/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "base/hostport.h"
#include "client/eventlog.h"

void machine_fini(struct machine *m)
{
    buf_fini(&m->events);
    memset(m, 0, sizeof(*m));
}

static bool is_windows(const struct cat_product *p)
{
    return p->family != CAT_OFFICE;
}

enum err machine_install(struct machine *m, const struct cat_product *product,
                         struct machine_product **out, struct errinfo *ei)
{
    for (size_t i = 0; i < m->products; i++) {
        const struct cat_product *have = m->product[i].lic.product;

        if (have == product)
            return err_fail(ei, ERR_EXISTS, "install %s %s on %s: it is installed already",
                            product->product, product->edition, m->name);
        if (is_windows(have) && is_windows(product))
            return err_fail(ei, ERR_EXISTS,
                            "install %s %s on %s: it runs %s %s; a machine has one operating "
                            "system, make another folder with init",
                            product->product, product->edition, m->name, have->product,
                            have->edition);
    }
    if (m->products == MACHINE_PRODUCTS_MAX)
        return err_fail(ei, ERR_LIMIT, "install %s on %s: it has %d products already",
                        product->product, m->name, MACHINE_PRODUCTS_MAX);
    *out = &m->product[m->products++];
    memset(*out, 0, sizeof(**out));
    lic_init(&(*out)->lic, product);
    m->changed = true;
    return ERR_OK;
}

/* The operating system's own ability: Office on Windows 7 has no directory to ask. */
static bool os_can_adba(const struct machine *m)
{
    for (size_t i = 0; i < m->products; i++) {
        if (is_windows(m->product[i].lic.product))
            return m->product[i].lic.product->adba;
    }
    return true;
}

struct lic_site machine_site(const struct machine *m, const struct machine_product *p)
{
    bool member = m->domain[0] != '\0';
    bool same = strcasecmp(m->forest, p->object.forest) == 0;

    return (struct lic_site){
        .member = member,
        .bound = member && same,
        .adba = p->lic.product->adba && os_can_adba(m),
        .mak = p->mak[0] != '\0',
        .type = m->type,
    };
}

int64_t machine_due(const struct machine *m)
{
    int64_t due = LIC_NEVER;

    for (size_t i = 0; i < m->products; i++) {
        int64_t d = lic_due(&m->product[i].lic);

        due = d < due ? d : due;
    }
    return due;
}

/* ---- what befalls the machine ---- */

unsigned machine_rearms_left(const struct machine *m, const struct machine_product *p)
{
    uint32_t used = m->app[p->lic.product->family == CAT_OFFICE].rearms;
    unsigned most = lic_rearms(lic_generation(p->lic.product));

    return used < most ? most - used : 0;
}

unsigned machine_sku_rearms_left(const struct machine_product *p)
{
    unsigned most = lic_rearms(lic_generation(p->lic.product));

    return p->lic.rearms < most ? most - p->lic.rearms : 0;
}

enum err machine_rearm(struct machine *m, bool office, struct machine_product *only,
                       struct errinfo *ei)
{
    bool any = false;

    for (size_t i = 0; i < m->products; i++) {
        struct machine_product *p = &m->product[i];
        unsigned left = only != NULL ? machine_sku_rearms_left(p) : machine_rearms_left(m, p);

        if (only != NULL ? only != p : (p->lic.product->family == CAT_OFFICE) != office)
            continue;
        if (left == 0)
            return err_fail_hr(ei, ERR_NOT_NOW, LIC_HR_NO_REARM_LEFT,
                               "rearm %s %s: it was rearmed %u times, which is as often as is "
                               "allowed; activate it, or install it anew",
                               p->lic.product->product, p->lic.product->edition,
                               lic_rearms(lic_generation(p->lic.product)));
        p->rearming = any = true;
    }
    if (!any)
        return err_fail(ei, ERR_NOTFOUND, "rearm: no such product is installed on %s", m->name);
    if (only != NULL)
        only->lic.rearms++;
    else
        m->app[office].rearms++;
    m->changed = true;
    return ERR_OK;
}

static void happen(struct machine *m, struct machine_product *p, enum lic_event_type type,
                   int64_t now)
{
    enum lic_status was = (enum lic_status)p->lic.status;
    struct lic_site site = machine_site(m, p);
    struct lic_event ev = {.type = type};
    struct lic_outcome out;

    if (lic_step(&p->lic, &site, &ev, now, &out))
        eventlog_state(m, p, was, false, now);
}

void machine_change_hardware(struct machine *m, const struct guid *identity, bool board,
                             int64_t now)
{
    m->hardware = *identity;
    if (board)
        m->firmware = FIRMWARE_NONE;
    machine_event(m, 1040, now, 0, NULL);
    for (size_t i = 0; i < m->products; i++)
        happen(m, &m->product[i], LIC_EV_HARDWARE, now);
}

void machine_validate(struct machine *m, bool genuine, int64_t now)
{
    m->not_genuine = !genuine;
    m->changed = true;
    if (!genuine)
        eventlog_8208(m, LIC_HR_NOT_GENUINE, now);
    for (size_t i = 0; i < m->products; i++) {
        struct machine_product *p = &m->product[i];
        enum lic_status was = (enum lic_status)p->lic.status;

        happen(m, p, genuine ? LIC_EV_GENUINE : LIC_EV_NOT_GENUINE, now);
        if (p->lic.status == LIC_NON_GENUINE && was != LIC_NON_GENUINE)
            eventlog_8209(m, &p->lic.product->application_id, now);
    }
}

/* ---- hosts ---- */

enum err machine_host_parse(const char *text, struct machine_host *out, struct errinfo *ei)
{
    struct hostport h;

    if (!hostport_parse(text, strlen(text), &h))
        return err_fail(ei, ERR_USAGE,
                        "KMS host \"%s\": expected NAME, NAME:PORT, [v6 ADDRESS]:PORT or :PORT",
                        text);
    if (h.host[0] != '\0')
        memcpy(out->name, h.host, sizeof(out->name));
    out->port = h.port;
    return ERR_OK;
}

const char *machine_host_format(const struct machine_host *h, char text[272])
{
    bool v6 = strchr(h->name, ':') != NULL;

    snprintf(text, 272, "%s%s%s:%u", v6 ? "[" : "", h->name, v6 ? "]" : "",
             h->port != 0 ? h->port : MACHINE_KMS_PORT);
    return text;
}

/* ---- events ---- */

void machine_event(struct machine *m, uint32_t id, int64_t when, size_t n,
                   const char *const *fields)
{
    machine_event_of(m, NULL, id, when, n, fields);
}

void machine_event_of(struct machine *m, const char *computer, uint32_t id, int64_t when, size_t n,
                      const char *const *fields)
{
    char text[CLK_TEXT_MAX];
    json_t *list = json_array();
    json_t *o;
    char *line;

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(fields[i]));
    o = json_pack("{s:s, s:i, s:s, s:s, s:o}", "time", clk_format(when, text), "id", (int)id, "log",
                  "Application", "source", "Microsoft-Windows-Security-SPP", "fields", list);
    if (computer != NULL)
        json_object_set_new(o, "computer", json_string(computer));
    line = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    if (line != NULL) {
        buf_add_str(&m->events, line);
        buf_add_str(&m->events, "\n");
    }
    free(line);
    json_decref(o);
    m->changed = true;
}
