#include "cli/kms.h"
#include "cli/session.h"

enum err kms_reader_open(struct cli *cli, struct kms_reader *r, struct errinfo *ei)
{
    enum err e;

    *r = (struct kms_reader){0};
    e = cli_settings(cli, &r->settings, ei);
    if (e == ERR_OK)
        e = catalog_load_overlays(r->settings->catalog_dir, &r->catalog, ei);
    if (e == ERR_OK)
        e = store_open_readonly(r->settings->ledger, &r->store, ei);
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
