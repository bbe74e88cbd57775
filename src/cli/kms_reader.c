#include "base/clk.h"
#include "cli/kms.h"
#include "cli/ledger.h"
#include "cli/session.h"
#include "report/json.h"

enum err kms_reader_open(struct cli *cli, struct kms_reader *r, struct errinfo *ei)
{
    enum err e;

    *r = (struct kms_reader){0};
    e = cli_settings(cli, &r->settings, ei);
    if (e == ERR_OK)
        e = catalog_load_overlays(r->settings->catalog_dir, &r->catalog, ei);
    if (e == ERR_OK)
        e = ledger_open(r->settings, &r->store, ei);
    if (e != ERR_OK)
        kms_reader_close(r);
    return e;
}

void kms_reader_close(struct kms_reader *r)
{
    store_close(r->store);
    catalog_free(r->catalog);
    *r = (struct kms_reader){0};
}

enum err kms_since(const struct settings *s, int64_t last, int64_t *since, struct errinfo *ei)
{
    enum err e;

    *since = INT64_MIN;
    if (last <= 0)
        return ERR_OK;
    e = session_now(s, since, ei);
    if (e == ERR_OK)
        *since -= last;
    return e;
}

json_t *kms_activation_json(const struct store_activation *a, const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], id[5][GUID_TEXT_MAX];

    return json_pack(
        "{s:I, s:I, s:s, s:s, s:s, s:s, s:s?, s:s?, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, "
        "s:b, s:I, s:I, s:s?, s:s?}",
        "id", (json_int_t)a->id, "when", (json_int_t)a->when, "time", clk_format(a->when, when),
        "channel", report_channel_name(a->channel), "peer", a->peer, "workstation", a->workstation,
        "product", p == NULL ? NULL : p->product, "edition", p == NULL ? NULL : p->edition,
        "version", a->version, "application_id", guid_format(&a->application_id, id[0]),
        "activation_id", guid_format(&a->activation_id, id[1]), "kms_id",
        guid_format(&a->kms_id, id[2]), "client_id", guid_format(&a->client_id, id[3]),
        "previous_client_id", guid_format(&a->previous_client_id, id[4]), "required_count",
        (json_int_t)a->required_count, "licence_status", (json_int_t)a->licence_status,
        "minutes_left", (json_int_t)a->minutes_left, "virtual", a->is_virtual, "count",
        (json_int_t)a->count, "client_when", (json_int_t)a->client_when, "principal",
        kms_or_null(a->principal), "sid", kms_or_null(a->sid));
}
