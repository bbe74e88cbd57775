#include <stdlib.h>
#include <string.h>

#include "dashboard/internal.h"

struct dashboard *dashboard_new(const struct catalog *catalog, struct clk clk)
{
    struct dashboard *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->catalog = catalog;
    d->clk = clk;
    d->report = report_new(catalog);
    if (d->report != NULL)
        return d;
    free(d);
    return NULL;
}

void dashboard_free(struct dashboard *d)
{
    if (d == NULL)
        return;
    dashboard_totals_fini(&d->totals);
    report_free(d->report);
    free(d);
}

static enum err newest_id(void *arg, const struct store_activation *a)
{
    *(int64_t *)arg = a->id;
    return ERR_OK;
}

/* A ledger only ever grows at its end. */
enum err dashboard_begin(struct dashboard *d, struct store *s, struct errinfo *ei)
{
    struct report *fresh;
    int64_t newest = 0;
    enum err e = store_each_recent(s, INT64_MIN, 1, newest_id, &newest, ei);

    if (e != ERR_OK)
        return e;
    if (newest < d->newest) {
        fresh = report_new(d->catalog);
        if (fresh == NULL)
            return err_nomem(ei);
        report_free(d->report);
        d->report = fresh;
        memset(&d->timeline, 0, sizeof(d->timeline));
        dashboard_totals_fini(&d->totals);
    }
    d->newest = newest;
    return ERR_OK;
}

enum err dashboard_number(const char *name, const char *text, size_t fallback, size_t max,
                          size_t *out, struct errinfo *ei)
{
    size_t n = 0;

    *out = fallback;
    if (text == NULL)
        return ERR_OK;
    for (const char *p = text; *p >= '0' && *p <= '9' && n <= max; p++)
        n = n * 10 + (size_t)(*p - '0');
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0' || n > max)
        return err_fail(ei, ERR_USAGE, "%s: expected a number up to %zu", name, max);
    *out = n;
    return ERR_OK;
}
