/* slmgr's reports: /dlv, /dli and /xpr, with the labels of the script in its order. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/script.h"
#include "client/words.h"
#include "realm/labkey.h"

/* ---- keys ---- */

static const struct {
    const char *description, *key;
} channels[LIC_KEY_COUNT] = {
    [LIC_KEY_GVLK] = {"VOLUME_KMSCLIENT", "Volume:GVLK"},
    [LIC_KEY_CSVLK] = {"VOLUME_KMS", "Volume:CSVLK"},
    [LIC_KEY_MAK] = {"VOLUME_MAK", "Volume:MAK"},
    [LIC_KEY_RETAIL] = {"RETAIL", "Retail"},
    [LIC_KEY_OEM] = {"OEM_SLP", "OEM:SLP"},
    [LIC_KEY_AVMA] = {"VIRTUAL_MACHINE_ACTIVATION", "VT:IA"},
    [LIC_KEY_EVALUATION] = {"TIMEBASED_EVAL", "Retail:TB:Eval"},
};

const char *script_key_channel(const struct machine_product *p)
{
    return channels[p->lic.key].key;
}

const char *script_description(const struct machine_product *p, char text[96])
{
    bool office = p->lic.product->family == CAT_OFFICE;

    snprintf(text, 96, "%s, %s channel", office ? "Office" : "Windows(R) Operating System",
             channels[p->lic.key].description);
    return text;
}

const char *script_type_text(const struct machine *m, const struct machine_product *p)
{
    static const char *const names[] = {"All", "AD", "KMS", "Token"};

    return names[p->lic.type != LIC_TYPE_ALL ? p->lic.type : m->type];
}

const char *script_product_id(const struct station *s, const struct machine_product *p,
                              char text[SCRIPT_PRODUCT_ID_MAX])
{
    text[0] = '\0';
    if (p->key[0] != '\0')
        snprintf(text, SCRIPT_PRODUCT_ID_MAX, "adbad-%s-%06X-%s", s->bundle.id,
                 (unsigned)labkey_product(&p->lic.product->activation_id), p->key + 24);
    return text;
}

/* Who it is. */
static void print_identity(const struct client *c, const struct station *s,
                           const struct machine_product *p)
{
    const struct cat_product *product = p->lic.product;
    char id[GUID_TEXT_MAX], iid[ATTEMPT_IID_MAX], pid[SCRIPT_PRODUCT_ID_MAX];
    struct errinfo ei;

    printf("Activation ID: %s\n", guid_format(&product->activation_id, id));
    printf("Application ID: %s\n", guid_format(&product->application_id, id));
    if (p->key[0] != '\0')
        printf("Extended PID: %s\n"
               "Product Key Channel: %s\n",
               script_product_id(s, p, pid), script_key_channel(p));
    if (!c->standard_user && attempt_iid(&s->env, &s->folder.machine, p, iid, &ei) == ERR_OK)
        printf("Installation ID: %s\n", iid);
}

/* ---- the state ---- */

/* What ends when the present licence does. */
static const char *expiry_name(const struct lic *l)
{
    return l->key == LIC_KEY_AVMA         ? "Virtual machine activation"
           : l->key == LIC_KEY_EVALUATION ? "Timebased activation"
                                          : "Volume activation";
}

static void print_expiry(const struct lic *l, int64_t now)
{
    char text[CLK_TEXT_MAX];
    int64_t left = l->expires - now;

    if (l->expires == LIC_NEVER)
        return;
    if (l->status == LIC_LICENSED)
        printf("%s expiration", expiry_name(l));
    else
        printf("Time remaining");
    printf(": %lld minute(s) (%lld day(s)), until %s\n", (long long)(left / CLK_MINUTE),
           (long long)((left + CLK_DAY - 1) / CLK_DAY), clk_format(l->expires, text));
}

/* The script tells the reason of a notification alone; the verbose report tells it of every state
 * that has one, under the name of its property. */
static void print_reason(const struct client *c, const struct lic *l, bool brief)
{
    const char *why = words_reason(l->reason);
    char code[128];

    if (l->reason == 0 || (brief && l->status != LIC_NOTIFICATION))
        return;
    printf("%s: %s (%s)\n",
           l->status == LIC_NOTIFICATION ? "Notification Reason" : "License Status Reason",
           client_code(c, l->reason, code), why != NULL ? why : "");
}

static void print_state(const struct client *c, const struct machine_product *p, bool brief,
                        int64_t now)
{
    const struct lic *l = &p->lic;
    char end[CLK_TEXT_MAX];

    if (p->key[0] != '\0')
        printf("Partial Product Key: %s\n", p->key + 24);
    printf("License Status: %s\n", lic_status_text((enum lic_status)l->status));
    print_reason(c, l, brief);
    print_expiry(l, now);
    if (l->key == LIC_KEY_EVALUATION && l->status == LIC_LICENSED)
        printf("Evaluation End Date: %s\n", clk_format(l->expires, end));
}

static void print_rearms(const struct machine *m, const struct machine_product *p)
{
    printf("Remaining %s rearm count: %u\n",
           p->lic.product->family == CAT_OFFICE ? "App" : "Windows", machine_rearms_left(m, p));
    printf("Remaining SKU rearm count: %u\n", machine_sku_rearms_left(p));
}

/* ---- who granted it ---- */

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

static void print_kms_host(const struct machine *m, const struct machine_product *p)
{
    const struct machine_app *app = &m->app[p->lic.product->family == CAT_OFFICE];
    const struct machine_host *set = p->kms.name[0] != '\0'     ? &p->kms
                                     : app->kms.name[0] != '\0' ? &app->kms
                                     : m->kms.name[0] != '\0'   ? &m->kms
                                                                : NULL;
    char host[272];

    if (set != NULL)
        printf("    Registered KMS machine name: %s\n", machine_host_format(set, host));
    else if (p->cached.name[0] != '\0')
        printf("    KMS machine name from DNS: %s\n", machine_host_format(&p->cached, host));
    else
        printf("    DNS auto-discovery: KMS name not available\n");
}

static void print_kms_block(const struct client *c, const struct machine *m,
                            const struct machine_product *p)
{
    char id[GUID_TEXT_MAX];

    printf("\nMost recent activation information:\n"
           "Key Management Service client information\n");
    if (!c->standard_user)
        printf("    Client Machine ID (CMID): %s\n", guid_format(&m->client_id, id));
    print_kms_host(m, p);
    if (p->lookup_domain[0] != '\0' || m->lookup_domain[0] != '\0')
        printf("    Registered KMS SRV record lookup domain: %s\n",
               p->lookup_domain[0] != '\0' ? p->lookup_domain : m->lookup_domain);
    if (p->lic.channel == LIC_BY_KMS)
        printf("    KMS machine IP address: %s\n"
               "    KMS machine extended PID: %s\n",
               p->address[0] != '\0' ? p->address : "not available", p->epid);
    printf("    Activation interval: %u minutes\n"
           "    Renewal interval: %u minutes\n"
           "    KMS host caching is %s\n",
           p->lic.activation, p->lic.renewal, m->no_caching ? "disabled" : "enabled");
}

/* A client that was given a host's key by mistake: a KMS host that nobody asks. */
static void print_host_block(const struct machine_product *p)
{
    const char *key = p->lic.product->setup_key;

    printf("\nKey Management Service is enabled on this machine\n"
           "    Current count: 0\n"
           "    Listening on Port: %d\n"
           "    DNS publishing enabled\n"
           "    KMS priority: Normal\n"
           "\nKey Management Service cumulative requests received from clients\n"
           "    Total requests received: 0\n"
           "    Failed requests received: 0\n"
           "    Requests with License Status Unlicensed: 0\n"
           "    Requests with License Status Licensed: 0\n"
           "    Requests with License Status Initial grace period: 0\n"
           "    Requests with License Status License expired or Hardware out of tolerance: 0\n"
           "    Requests with License Status Non-genuine grace period: 0\n"
           "    Requests with License Status Notification: 0\n",
           MACHINE_KMS_PORT);
    printf("\nWarning: this is the key of a KMS host; this machine spent %u of its activations. A "
           "client takes the\nclient setup key instead: /ipk %s\n",
           p->spent, key != NULL ? key : "KEY");
}

static void print_guest_block(const struct machine *m)
{
    printf("\nMost recent activation information:\n"
           "Automatic VM Activation client information\n"
           "    Host machine name: %s\n",
           m->vmhost.system[0] != '\0' ? m->vmhost.system : "not available");
}

static void print_grantor(const struct client *c, const struct machine *m,
                          const struct machine_product *p)
{
    if (p->lic.key == LIC_KEY_CSVLK)
        print_host_block(p);
    else if (p->lic.key == LIC_KEY_AVMA)
        print_guest_block(m);
    else if (p->lic.key == LIC_KEY_GVLK && p->lic.channel == LIC_BY_AD)
        print_ad_block(p);
    else if (p->lic.key == LIC_KEY_GVLK)
        print_kms_block(c, m, p);
}

/* ---- /dlv, /dli ---- */

static void print_dlv(const struct client *c, const struct station *s,
                      const struct machine_product *p, bool brief)
{
    const struct machine *m = &s->folder.machine;
    const struct lic *l = &p->lic;
    char now[CLK_TEXT_MAX], text[96];

    if (!brief)
        printf("Software licensing service version: %s\n\n", ADBAD_VERSION);
    printf("Name: %s, %s edition\n", l->product->product, l->product->edition);
    printf("Description: %s\n", script_description(p, text));
    if (!brief)
        print_identity(c, s, p);
    print_state(c, p, brief, station_now(s));
    if (!brief && !c->standard_user)
        print_rearms(m, p);
    if (!brief)
        printf("Trusted time: %s\n", clk_format(station_now(s), now));
    if (!brief && l->key == LIC_KEY_GVLK)
        printf("Configured Activation Type: %s\n", script_type_text(m, p));
    print_grantor(c, m, p);
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
                json_array_append_new(list, script_json(c, &c->station[i], &m->product[k]));
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

/* ---- /xpr ---- */

static void print_xpr(const struct machine *m, const struct machine_product *p)
{
    static const char *const graces[LIC_STATUS_COUNT] = {
        [LIC_OOB_GRACE] = "Initial grace period",
        [LIC_OOT_GRACE] = "Additional grace period",
        [LIC_NON_GENUINE] = "Non-genuine grace period",
        [LIC_EXTENDED_GRACE] = "Extended grace period",
    };
    const struct lic *l = &p->lic;
    char until[CLK_TEXT_MAX];

    printf("%s: %s %s: ", m->name, l->product->product, l->product->edition);
    clk_format(l->expires, until);
    if (l->status == LIC_LICENSED && l->expires == LIC_NEVER)
        printf("The machine is permanently activated.\n");
    else if (l->status == LIC_LICENSED)
        printf("%s will expire %s\n", expiry_name(l), until);
    else if (l->status == LIC_NOTIFICATION)
        printf("Windows is in Notification mode\n");
    else if (l->status == LIC_UNLICENSED)
        printf("Unlicensed\n");
    else
        printf("%s ends %s\n", graces[l->status], until);
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
        const struct machine *m = &c->station[i].folder.machine;

        for (size_t k = 0; k < m->products; k++) {
            if (client_chosen(m, &m->product[k], which, c->office))
                print_xpr(m, &m->product[k]);
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
