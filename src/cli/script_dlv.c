/* slmgr's reports: /dlv, /dli and /xpr, with the labels of the script in its order. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/script.h"
#include "client/words.h"

static const char *client_name(const struct cat_product *p)
{
    return p->family == CAT_OFFICE ? "Office" : "Windows(R) Operating System";
}

static void print_expiry(const struct lic *l, int64_t now)
{
    char text[CLK_TEXT_MAX];
    int64_t left = l->expires - now;

    if (l->expires == LIC_NEVER)
        return;
    printf("%s: %lld minute(s) (%lld day(s)), until %s\n",
           l->status == LIC_LICENSED ? "Volume activation expiration" : "Time remaining",
           (long long)(left / CLK_MINUTE), (long long)((left + CLK_DAY - 1) / CLK_DAY),
           clk_format(l->expires, text));
}

static void print_ad_block(const struct machine_product *p)
{
    char sku[GUID_TEXT_MAX];

    printf("\nMost recent activation information:\n"
           "AD Activation client information\n"
           "    Activation Object name: %s\n"
           "    AO DN: %s\n"
           "    AO extended PID: %s\n"
           "    AO activation ID: %s\n",
           p->object.name, p->object.dn, p->object.pid, guid_format(&p->object.sku_id, sku));
}

static void print_kms_block(const struct machine *m, const struct machine_product *p)
{
    const struct machine_host *set =
        p->kms.name[0] != '\0' ? &p->kms
        : m->app[p->lic.product->family == CAT_OFFICE].kms.name[0] != '\0'
            ? &m->app[p->lic.product->family == CAT_OFFICE].kms
        : m->kms.name[0] != '\0' ? &m->kms
                                 : NULL;
    char host[272];

    printf("\nMost recent activation information:\n"
           "Key Management Service client information\n");
    if (set != NULL)
        printf("    Registered KMS machine name: %s\n", machine_host_format(set, host));
    else if (p->cached.name[0] != '\0')
        printf("    KMS machine name from DNS: %s\n", machine_host_format(&p->cached, host));
    else
        printf("    DNS auto-discovery: KMS name not available\n");
    if (p->lookup_domain[0] != '\0' || m->lookup_domain[0] != '\0')
        printf("    Registered KMS SRV record lookup domain: %s\n",
               p->lookup_domain[0] != '\0' ? p->lookup_domain : m->lookup_domain);
    if (p->lic.channel == LIC_BY_KMS)
        printf("    KMS machine extended PID: %s\n", p->epid);
    printf("    Activation interval: %u minutes\n"
           "    Renewal interval: %u minutes\n"
           "    KMS host caching is %s\n",
           p->lic.activation, p->lic.renewal, m->no_caching ? "disabled" : "enabled");
}

static const char *type_text(uint8_t type)
{
    static const char *const names[] = {"All", "AD", "KMS", "Token"};

    return names[type];
}

/* What only an administrator is told. */
static void print_identity(const struct client *c, const struct station *s,
                           const struct machine_product *p)
{
    const struct cat_product *product = p->lic.product;
    char id[GUID_TEXT_MAX];

    printf("Activation ID: %s\n", guid_format(&product->activation_id, id));
    printf("Application ID: %s\n", guid_format(&product->application_id, id));
    if (p->key[0] != '\0')
        printf("Product Key Channel: Volume:GVLK\n");
    if (!c->standard_user)
        printf("Client Machine ID (CMID): %s\n", guid_format(&s->folder.machine.client_id, id));
}

static void print_rearms(const struct machine *m, const struct machine_product *p)
{
    const struct machine_app *app = &m->app[p->lic.product->family == CAT_OFFICE];
    unsigned most = script_rearms_allowed(p->lic.product);
    unsigned left = app->rearms < most ? most - app->rearms : 0;

    printf("Remaining %s rearm count: %u\n",
           p->lic.product->family == CAT_OFFICE ? "App" : "Windows", left);
}

static void print_state(const struct client *c, const struct machine_product *p, int64_t now)
{
    const struct lic *l = &p->lic;
    char code[128];

    if (p->key[0] != '\0')
        printf("Partial Product Key: %s\n", p->key + 24);
    printf("License Status: %s\n", lic_status_text((enum lic_status)l->status));
    if (l->status == LIC_NOTIFICATION)
        printf("Notification Reason: %s (%s)\n", client_code(c, l->reason, code),
               words_reason(l->reason) != NULL ? words_reason(l->reason) : "");
    print_expiry(l, now);
}

static void print_dlv(const struct client *c, const struct station *s,
                      const struct machine_product *p, bool brief)
{
    const struct machine *m = &s->folder.machine;
    const struct lic *l = &p->lic;
    char now[CLK_TEXT_MAX];

    printf("Name: %s, %s edition\n", l->product->product, l->product->edition);
    printf("Description: %s, VOLUME_KMSCLIENT channel\n", client_name(l->product));
    if (!brief)
        print_identity(c, s, p);
    print_state(c, p, station_now(s));
    if (brief)
        return;
    if (!c->standard_user)
        print_rearms(m, p);
    printf("Trusted time: %s\n", clk_format(station_now(s), now));
    printf("Configured Activation Type: %s\n", type_text(l->type));
    if (l->channel == LIC_BY_AD)
        print_ad_block(p);
    else
        print_kms_block(m, p);
}

static json_t *text_json(const char *text)
{
    return text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *guid_json(const struct guid *g)
{
    char text[GUID_TEXT_MAX];

    return json_string(guid_format(g, text));
}

static json_t *host_json(const struct machine_host *h)
{
    char text[272];

    return h->name[0] == '\0' ? json_null() : json_string(machine_host_format(h, text));
}

/* The field names of the OSLicense cmdlets (data/oslicense_cmdlets.csv). */
static json_t *oslicense_json(const struct station *s, const struct machine_product *p)
{
    const struct machine *m = &s->folder.machine;
    const struct lic *l = &p->lic;
    bool ad = l->channel == LIC_BY_AD;
    char name[200];
    int64_t left = l->expires == LIC_NEVER ? 0 : (l->expires - station_now(s)) / CLK_MINUTE;

    snprintf(name, sizeof(name), "%s, %s edition", l->product->product, l->product->edition);
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:s, s:i, s:o, s:I, s:o, s:b, s:o, s:o, s:o, s:o, s:i, s:i, s:o, "
        "s:o, s:b}",
        "Name", name, "Description", client_name(l->product), "ActivationID",
        guid_json(&l->product->activation_id), "ApplicationID",
        guid_json(&l->product->application_id), "PartialProductKey",
        p->key[0] != '\0' ? p->key + 24 : "", "LicenseStatus", (int)l->status,
        "LicenseStatusReason", json_sprintf("0x%08X", l->reason), "GracePeriodRemaining",
        (json_int_t)left, "ClientMachineID", guid_json(&m->client_id),
        "IsKeyManagementServiceMachine", 0, "ADActivationObjectName",
        ad ? json_string(p->object.name) : json_null(), "ADActivationObjectDN",
        ad ? json_string(p->object.dn) : json_null(), "ADActivationCsvlkPid",
        ad ? json_string(p->object.pid) : json_null(), "KeyManagementServiceMachine",
        l->channel == LIC_BY_KMS ? host_json(&p->served) : json_null(), "VLActivationInterval",
        (int)l->activation, "VLRenewalInterval", (int)l->renewal,
        "DiscoveredKeyManagementServiceMachineName", host_json(&p->cached),
        "KeyManagementServiceLookupDomain",
        text_json(p->lookup_domain[0] != '\0' ? p->lookup_domain : m->lookup_domain),
        "KeyManagementServiceHostCaching", !m->no_caching);
}

static int report(struct client *c, const char *which, bool brief)
{
    struct errinfo ei;
    enum err e = client_open(c, &ei);
    json_t *list = json_array();
    size_t n = 0;

    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        const struct machine *m = &c->station[i].folder.machine;

        for (size_t k = 0; k < m->products; k++) {
            if (!client_chosen(m, &m->product[k], which, c->office))
                continue;
            if (c->json)
                json_array_append_new(list, oslicense_json(&c->station[i], &m->product[k]));
            else
                print_dlv(c, &c->station[i], &m->product[k], brief);
            n++;
        }
    }
    if (e == ERR_OK && n == 0)
        e = err_fail(&ei, ERR_NOTFOUND, "no installed product is meant by \"%s\"",
                     which != NULL ? which
                     : c->office   ? "Office"
                                   : "no activation id");
    if (e == ERR_OK && c->json)
        cli_json(json_incref(list));
    json_decref(list);
    return e == ERR_OK ? EXIT_OK : client_fail(c, e, &ei);
}

static void print_xpr(const struct machine *m, const struct machine_product *p, int64_t now)
{
    const struct lic *l = &p->lic;
    char until[CLK_TEXT_MAX];

    (void)now;
    printf("%s: %s %s: ", m->name, l->product->product, l->product->edition);
    clk_format(l->expires, until);
    switch ((enum lic_status)l->status) {
    case LIC_LICENSED:
        printf("Volume activation will expire %s\n", until);
        break;
    case LIC_NOTIFICATION:
        printf("in Notification mode\n");
        break;
    case LIC_UNLICENSED:
        printf("Unlicensed\n");
        break;
    default:
        printf("%s ends %s\n", lic_status_text((enum lic_status)l->status), until);
    }
}

int script_xpr(struct client *c, int argc, char **argv)
{
    const char *which = argc > 0 ? argv[0] : NULL;
    struct errinfo ei;
    enum err e = client_open(c, &ei);

    if (e != ERR_OK)
        return client_fail(c, e, &ei);
    if (c->json) {
        client_print_json(c);
        return EXIT_OK;
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct station *s = &c->station[i];
        const struct machine *m = &s->folder.machine;

        for (size_t k = 0; k < m->products; k++) {
            if (client_chosen(m, &m->product[k], which, c->office))
                print_xpr(m, &m->product[k], station_now(s));
        }
    }
    return EXIT_OK;
}

int script_dlv(struct client *c, int argc, char **argv)
{
    return report(c, argc > 0 ? argv[0] : NULL, false);
}

int script_dli(struct client *c, int argc, char **argv)
{
    return report(c, argc > 0 ? argv[0] : NULL, true);
}
