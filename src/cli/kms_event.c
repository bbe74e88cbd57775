#include "cli/kms_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "cli/kms.h"
#include "report/json.h"

const char *const kms_event_labels[KMS_EVENT_FIELDS] = {
    "Result",        "Required count", "Client name",    "Client machine id (CMID)",
    "Client time",   "Virtual",        "Licence status", "Minutes to expiration",
    "Activation id",
};

enum field {
    RESULT,
    REQUIRED_COUNT,
    CLIENT_NAME,
    CLIENT_ID,
    CLIENT_TIME,
    IS_VIRTUAL,
    LICENCE_STATUS,
    MINUTES_LEFT,
    ACTIVATION_ID,
};

const struct store_activation *kms_event_request(const struct kms_event *e)
{
    if (e->of.refused != NULL)
        return &e->of.refused->request;
    return e->of.answered;
}

int64_t kms_event_when(const struct kms_event *e)
{
    const struct store_activation *a = kms_event_request(e);

    if (a != NULL)
        return a->when;
    return e->of.host != NULL ? e->of.host->when : e->of.refusals->when;
}

uint32_t kms_event_id(const struct kms_event *e)
{
    return e->of.host != NULL ? e->of.host->event_id : KMS_EVENT_PROCESSED;
}

static uint32_t hresult(const struct kms_event *e)
{
    if (e->of.refused != NULL)
        return e->of.refused->hresult;
    if (e->of.refusals != NULL)
        return e->of.refusals->hresult;
    return e->of.host != NULL ? e->of.host->hresult : 0;
}

/* As the guide's example has it: 2006/1/14 22:36, UTC. */
static void client_time(int64_t when, char out[KMS_EVENT_FIELD_MAX])
{
    time_t t = (time_t)when;
    struct tm tm;

    out[0] = '\0';
    if (when != 0 && gmtime_r(&t, &tm) != NULL)
        snprintf(out, KMS_EVENT_FIELD_MAX, "%d/%d/%d %02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min);
}

#define PUT(field, ...) snprintf(out[field], KMS_EVENT_FIELD_MAX, __VA_ARGS__)

void kms_event_fields(const struct kms_event *e, char out[][KMS_EVENT_FIELD_MAX])
{
    const struct store_activation *a = kms_event_request(e);
    char id[GUID_TEXT_MAX];

    memset(out, 0, (size_t)KMS_EVENT_FIELDS * KMS_EVENT_FIELD_MAX);
    PUT(RESULT, "0x%" PRIX32, hresult(e));
    if (a == NULL)
        return;
    PUT(REQUIRED_COUNT, "%" PRIu32, a->required_count);
    PUT(CLIENT_NAME, "%s", a->workstation);
    PUT(CLIENT_ID, "%s", guid_format(&a->client_id, id));
    client_time(a->client_when, out[CLIENT_TIME]);
    PUT(IS_VIRTUAL, "%d", a->is_virtual);
    PUT(LICENCE_STATUS, "%" PRIu32, a->licence_status);
    PUT(MINUTES_LEFT, "%" PRIu32, a->minutes_left);
    PUT(ACTIVATION_ID, "%s", guid_format(&a->activation_id, id));
}

/* Result, domain (12293) and domain (12294); what the text begins with is the domain. */
static const char *publishing_info(const struct store_host_event *h, char text[KMS_EVENT_INFO_MAX])
{
    int domain = (int)strcspn(h->text, ":");

    if (h->event_id == KMS_EVENT_PUBLISHED)
        snprintf(text, KMS_EVENT_INFO_MAX, "%.*s", domain, h->text);
    else
        snprintf(text, KMS_EVENT_INFO_MAX, "0x%" PRIX32 ",%.*s", h->hresult, domain, h->text);
    return text;
}

const char *kms_event_info(const struct kms_event *e, char text[KMS_EVENT_INFO_MAX])
{
    char fields[KMS_EVENT_FIELDS][KMS_EVENT_FIELD_MAX];
    size_t used = 0, n = e->of.host != NULL ? 1 : KMS_EVENT_FIELDS;

    if (kms_event_id(e) == KMS_EVENT_PUBLISHED || kms_event_id(e) == KMS_EVENT_NOT_PUBLISHED)
        return publishing_info(e->of.host, text);
    kms_event_fields(e, fields);
    for (size_t i = 0; i < n && used < KMS_EVENT_INFO_MAX; i++)
        used += (size_t)snprintf(text + used, KMS_EVENT_INFO_MAX - used, "%s%s", i > 0 ? "," : "",
                                 fields[i]);
    return text;
}

static const char *host_message(uint32_t event_id)
{
    switch (event_id) {
    case KMS_EVENT_PUBLISHED:
        return "The host's SRV record was published in ";
    case KMS_EVENT_NOT_PUBLISHED:
        return "The host's SRV record was not published in ";
    default:
        return "The KMS host could not start: ";
    }
}

const char *kms_event_message(const struct kms_event *e, char *text, size_t size)
{
    const struct store_activation *a = kms_event_request(e);
    const struct store_refusal *sum = e->of.refusals;
    char name[KMS_NAME_MAX];

    if (e->of.host != NULL)
        snprintf(text, size, "%s%s", host_message(e->of.host->event_id), e->of.host->text);
    else if (e->of.refused != NULL)
        snprintf(text, size, "Request of %s refused (from %s, reason %s)",
                 kms_product_name(e->product, &a->activation_id, name), a->peer,
                 e->of.refused->reason);
    else if (a != NULL)
        snprintf(text, size,
                 "Request of %s answered with count %" PRIu32 " (from %s, channel %s%s%s%s%s)",
                 kms_product_name(e->product, &a->activation_id, name), a->count, a->peer,
                 report_channel_name(a->channel), *a->principal != '\0' ? ", proven to be " : "",
                 a->principal, *a->sid != '\0' ? ", " : "", a->sid);
    else
        snprintf(text, size,
                 "%" PRIu64 " %s from %s refused within a minute and not recorded singly, reason "
                 "%s",
                 sum->times, sum->times == 1 ? "request" : "requests", sum->source, sum->reason);
    return text;
}

static json_t *time_json(int64_t when)
{
    char text[CLK_TEXT_MAX];

    return when == 0 ? json_null() : json_string(clk_format(when, text));
}

static json_t *text_json(const char *text)
{
    return *text == '\0' ? json_null() : json_string(text);
}

static json_t *guid_json(const struct guid *g)
{
    char text[GUID_TEXT_MAX];

    return json_string(guid_format(g, text));
}

static void add_request(json_t *j, const struct kms_event *e, const struct store_activation *a)
{
    json_object_set_new(j, "required_count", json_integer(a->required_count));
    json_object_set_new(j, "workstation", json_string(a->workstation));
    json_object_set_new(j, "client_id", guid_json(&a->client_id));
    json_object_set_new(j, "client_time", time_json(a->client_when));
    json_object_set_new(j, "virtual", json_boolean(a->is_virtual));
    json_object_set_new(j, "licence_status", json_integer(a->licence_status));
    json_object_set_new(j, "minutes_left", json_integer(a->minutes_left));
    json_object_set_new(j, "activation_id", guid_json(&a->activation_id));
    json_object_set_new(j, "product",
                        e->product == NULL ? json_null() : json_string(e->product->product));
    json_object_set_new(j, "edition",
                        e->product == NULL ? json_null() : json_string(e->product->edition));
}

static void add_answer(json_t *j, const struct store_activation *a)
{
    json_object_set_new(j, "record", json_integer((json_int_t)a->id));
    json_object_set_new(j, "count", json_integer(a->count));
    json_object_set_new(j, "channel", json_string(report_channel_name(a->channel)));
    json_object_set_new(j, "peer", json_string(a->peer));
    json_object_set_new(j, "principal", text_json(a->principal));
    json_object_set_new(j, "sid", text_json(a->sid));
}

static void add_refusal(json_t *j, const char *source, const char *reason)
{
    json_object_set_new(j, "source", json_string(source));
    json_object_set_new(j, "reason", json_string(reason));
}

static void add_kind(json_t *j, const struct kms_event *e)
{
    const struct store_activation *a = kms_event_request(e);

    if (a != NULL)
        add_request(j, e, a);
    if (e->of.answered != NULL)
        add_answer(j, a);
    else if (e->of.refused != NULL) {
        json_object_set_new(j, "refused_record", json_integer((json_int_t)a->id));
        add_refusal(j, a->peer, e->of.refused->reason);
    } else if (e->of.refusals != NULL)
        add_refusal(j, e->of.refusals->source, e->of.refusals->reason);
    else
        json_object_set_new(j, "text", json_string(e->of.host->text));
}

json_t *kms_event_json(const struct kms_event *e)
{
    char time[CLK_TEXT_MAX], info[KMS_EVENT_INFO_MAX], result[11];
    int64_t when = kms_event_when(e);
    json_t *j;

    snprintf(result, sizeof(result), "0x%08" PRIX32, hresult(e));
    j = json_pack("{s:I, s:s, s:I, s:s, s:s, s:s, s:I}", "event_id", (json_int_t)kms_event_id(e),
                  "log", KMS_EVENT_LOG, "when", (json_int_t)when, "time", clk_format(when, time),
                  "info", kms_event_info(e, info), "hresult", result, "times",
                  e->of.refusals == NULL ? (json_int_t)1 : (json_int_t)e->of.refusals->times);
    if (j != NULL)
        add_kind(j, e);
    return j;
}
