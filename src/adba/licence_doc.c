#include "adba/licence_doc.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "realm/doc.h"

#define LICENCE_FORMAT "adbad-licence-1"
#define KMS_IDS_MAX    1024
#define NAME_BYTES_MAX 256 /* a forest, a name of 40 characters, an SID */
#define MINUTES_MAX    (10 * 366 * 24 * 60)

static const char *const kinds[] = {[LICENCE_ISSUANCE] = "issuance",
                                    [LICENCE_CONFIG] = "config",
                                    [LICENCE_ONLINE] = "online",
                                    [LICENCE_PHONE] = "phone"};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const char *licence_kind_name(enum licence_kind kind)
{
    return (unsigned)kind < KIND_COUNT ? kinds[kind] : "unknown";
}

void licence_fini(struct licence *l)
{
    free(l->realm);
    free(l->realm_id);
    free(l->object);
    free(l->forest);
    free(l->domain_sid);
    free(l->group);
    free(l->kms_ids);
    *l = (struct licence){0};
}

static json_t *ids_json(const struct licence *l)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < l->kms_id_count; i++) {
        char text[GUID_TEXT_MAX];

        if (json_array_append_new(ids, json_string(guid_format(&l->kms_ids[i], text))) != 0) {
            json_decref(ids);
            return NULL;
        }
    }
    return ids;
}

enum err licence_doc_write(const struct licence *l, struct buf *out, struct errinfo *ei)
{
    char from[CLK_TEXT_MAX], to[CLK_TEXT_MAX];

    return doc_write(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:I, s:I}",
                               "format", LICENCE_FORMAT, "kind", licence_kind_name(l->kind),
                               "realm", l->realm, "realm_id", l->realm_id, "object", l->object,
                               "forest", l->forest, "domain_sid", l->domain_sid, "group", l->group,
                               "kms_ids", ids_json(l), "not_before",
                               clk_format(l->not_before, from), "not_after",
                               clk_format(l->not_after, to), "validity_minutes",
                               (json_int_t)l->validity, "renewal_minutes", (json_int_t)l->renewal),
                     out, ei);
}

static char *copy(struct doc *d, const char *name, size_t min)
{
    const char *text = doc_text(d, NULL, name, min, NAME_BYTES_MAX);
    char *mine = text == NULL ? NULL : strdup(text);

    if (text != NULL && mine == NULL)
        d->err = err_nomem(d->ei);
    return mine;
}

static enum licence_kind parse_kind(struct doc *d)
{
    const char *text = doc_text(d, NULL, "kind", 1, NAME_BYTES_MAX);

    for (size_t i = 0; text != NULL && i < KIND_COUNT; i++) {
        if (strcmp(text, kinds[i]) == 0)
            return (enum licence_kind)i;
    }
    doc_reject(d, "kind", "is none that we know");
    return LICENCE_ISSUANCE;
}

/* One way to write each id, so that equal lists are equal text. */
static bool parse_id(const char *text, struct guid *out)
{
    char again[GUID_TEXT_MAX];

    return text != NULL && guid_parse(text, out) && strcmp(guid_format(out, again), text) == 0;
}

static void parse_ids(struct doc *d, struct licence *l)
{
    json_t *ids = doc_array(d, NULL, "kms_ids");
    size_t n = json_array_size(ids);

    if (d->err != ERR_OK)
        return;
    if (n == 0 || n > KMS_IDS_MAX) {
        doc_reject(d, "kms_ids", "has %zu ids, expected 1 to %d", n, KMS_IDS_MAX);
        return;
    }
    l->kms_ids = calloc(n, sizeof(*l->kms_ids));
    if (l->kms_ids == NULL) {
        d->err = err_nomem(d->ei);
        return;
    }
    for (l->kms_id_count = 0; l->kms_id_count < n; l->kms_id_count++) {
        json_t *id = json_array_get(ids, l->kms_id_count);

        if (!parse_id(json_string_value(id), &l->kms_ids[l->kms_id_count]))
            doc_reject(d, "kms_ids", "holds something that is no GUID");
    }
}

static void parse_members(struct doc *d, struct licence *l)
{
    static const char *const members[] = {
        "format",          "kind",  "realm",   "realm_id",   "object",    "forest",
        "domain_sid",      "group", "kms_ids", "not_before", "not_after", "validity_minutes",
        "renewal_minutes", NULL};

    doc_members(d, NULL, members);
    l->kind = parse_kind(d);
    l->realm = copy(d, "realm", 1);
    l->realm_id = copy(d, "realm_id", 16);
    l->object = copy(d, "object", 1);
    l->forest = copy(d, "forest", 1);
    l->domain_sid = copy(d, "domain_sid", 0);
    l->group = copy(d, "group", 1);
    parse_ids(d, l);
    l->not_before = doc_time(d, NULL, "not_before");
    l->not_after = doc_time(d, NULL, "not_after");
    l->validity = (uint32_t)doc_int(d, NULL, "validity_minutes", 1, MINUTES_MAX);
    l->renewal = (uint32_t)doc_int(d, NULL, "renewal_minutes", 1, MINUTES_MAX);
    if (d->err == ERR_OK && l->not_after <= l->not_before)
        doc_reject(d, "not_after", "is not after not_before");
}

enum err licence_doc_parse(const void *text, size_t len, struct licence *out, struct errinfo *ei)
{
    struct licence l = {0};
    struct doc d;
    enum err e = doc_parse(&d, text, len, "licence", LICENCE_FORMAT, ei);

    if (e == ERR_OK) {
        parse_members(&d, &l);
        e = d.err;
    }
    doc_fini(&d);
    if (e == ERR_OK)
        *out = l;
    else
        licence_fini(&l);
    return e;
}
