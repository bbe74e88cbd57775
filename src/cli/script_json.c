/* /dlv and /dli --json: the property names of the 2026 OSLicense cmdlets
 * (data/oslicense_cmdlets.csv) for one product. What is not there is null, or "N/A" where the
 * cmdlets say so. */
#include <stdio.h>

#include "base/clk.h"
#include "cli/script.h"

static json_t *text_json(const char *text)
{
    return text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *port_json(const struct machine_host *h)
{
    if (h->name[0] == '\0')
        return json_null();
    return json_integer(h->port != 0 ? h->port : MACHINE_KMS_PORT);
}

/* Get-OSLicenseInfo */
static json_t *os_json(const struct client *c, const struct station *s,
                       const struct machine_product *p)
{
    const struct machine *m = &s->folder.machine;
    const struct lic *l = &p->lic;
    int64_t left = l->expires == LIC_NEVER ? 0 : (l->expires - station_now(s)) / CLK_MINUTE;
    bool evaluation = l->key == LIC_KEY_EVALUATION && l->status == LIC_LICENSED;
    char end[CLK_TEXT_MAX] = "", iid[ATTEMPT_IID_MAX] = "", text[96];
    char pid[SCRIPT_PRODUCT_ID_MAX];
    struct errinfo ei;

    if (evaluation)
        clk_format(l->expires, end);
    if (c->standard_user || attempt_iid(&s->env, m, p, iid, &ei) != ERR_OK)
        iid[0] = '\0';
    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:i, s:o, s:I, s:o, s:o, s:i, s:i, s:s, s:o, s:b}",
        "Name", json_sprintf("%s, %s edition", l->product->product, l->product->edition),
        "Description", script_description(p, text), "ActivationID",
        client_guid_json(&l->product->activation_id), "ApplicationID",
        client_guid_json(&l->product->application_id), "ProductKeyID",
        text_json(script_product_id(s, p, pid)), "PartialProductKey",
        p->key[0] != '\0' ? p->key + 24 : "", "ProductKeyChannel",
        p->key[0] != '\0' ? json_string(script_key_channel(p)) : json_null(), "LicenseStatus",
        (int)l->status, "LicenseStatusReason", json_sprintf("0x%08X", l->reason),
        "GracePeriodRemaining", (json_int_t)left, "EvaluationEndDate", text_json(end),
        "OfflineInstallationId", text_json(iid), "RemainingAppReArmCount",
        (int)machine_rearms_left(m, p), "RemainingSkuReArmCount", (int)machine_sku_rearms_left(p),
        "Version", ADBAD_VERSION, "ClientMachineID", client_guid_json(&m->client_id),
        "IsKeyManagementServiceMachine", l->key == LIC_KEY_CSVLK);
}

/* Get-ADLicenseInfo */
static json_t *ad_json(const struct machine_product *p)
{
    bool ad = p->lic.channel == LIC_BY_AD;

    return json_pack("{s:o, s:o, s:o, s:o}", "ADActivationObjectName",
                     ad ? json_string(p->object.name) : json_null(), "ADActivationObjectDN",
                     ad ? json_string(p->object.dn) : json_null(), "ADActivationCsvlkPid",
                     ad ? json_string(p->object.pid) : json_null(), "ADActivationCsvlkSkuId",
                     ad ? client_guid_json(&p->object.sku_id) : json_null());
}

/* Get-KmsLicenseInfo, of a client */
static json_t *kms_json(const struct machine *m, const struct machine_product *p)
{
    const struct lic *l = &p->lic;
    const struct machine_host none = {0};
    bool kms = l->channel == LIC_BY_KMS;
    const struct machine_host *served = kms ? &p->served : &none;

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:b}", "KeyManagementServiceMachine",
        client_host_json(served), "KeyManagementServicePort", port_json(served),
        "KeyManagementServiceProductKeyID", text_json(kms ? p->epid : ""),
        "DiscoveredKeyManagementServiceMachineIpAddress", text_json(kms ? p->address : ""),
        "VLActivationInterval", (int)l->activation, "VLRenewalInterval", (int)l->renewal,
        "DiscoveredKeyManagementServiceMachineName", client_host_json(&p->cached),
        "DiscoveredKeyManagementServiceMachinePort", port_json(&p->cached),
        "KeyManagementServiceLookupDomain",
        text_json(p->lookup_domain[0] != '\0' ? p->lookup_domain : m->lookup_domain),
        "KeyManagementServiceHostCaching", !m->no_caching);
}

/* Get-KmsLicenseInfo, of a host: what a client with a host's key is. */
static json_t *host_side_json(const struct machine_product *p)
{
    static const char *const counts[] = {
        "KeyManagementServiceCurrentCount",        "KeyManagementServiceTotalRequests",
        "KeyManagementServiceFailedRequests",      "KeyManagementServiceUnlicensedRequests",
        "KeyManagementServiceLicensedRequests",    "KeyManagementServiceOOBGraceRequests",
        "KeyManagementServiceOOTGraceRequests",    "KeyManagementServiceNonGenuineGraceRequests",
        "KeyManagementServiceNotificationRequests"};
    bool host = p->lic.key == LIC_KEY_CSVLK;
    json_t *o =
        json_pack("{s:o, s:o, s:o}", "KeyManagementServiceListeningPort",
                  host ? json_integer(MACHINE_KMS_PORT) : json_string("N/A"),
                  "KeyManagementServiceDnsPublishing", host ? json_true() : json_string("N/A"),
                  "KeyManagementServiceLowPriority", host ? json_false() : json_string("N/A"));

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        json_object_set_new(o, counts[i], host ? json_integer(0) : json_string("N/A"));
    return o;
}

json_t *script_json(const struct client *c, const struct station *s,
                    const struct machine_product *p)
{
    json_t *o = os_json(c, s, p);

    json_object_update_new(o, ad_json(p));
    json_object_update_new(o, kms_json(&s->folder.machine, p));
    json_object_update_new(o, host_side_json(p));
    return o;
}
