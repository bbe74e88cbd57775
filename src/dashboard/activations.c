/* Requests over time. */
#include <string.h>

#include "dashboard/internal.h"
#include "report/json.h"

static const struct range {
    const char *name;
    unsigned hours; /* of one column */
    unsigned columns;
} ranges[] = {{"30d", 24, 30}, {"7d", 6, 28}, {"24h", 1, 24}};

static const struct range *find(const char *name)
{
    if (name == NULL)
        return &ranges[0];
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (strcmp(ranges[i].name, name) == 0)
            return &ranges[i];
    }
    return NULL;
}

static json_t *series_json(const struct timeline *t, unsigned series, const struct range *r,
                           int64_t from)
{
    json_t *j = json_array();

    for (unsigned i = 0; i < r->columns; i++)
        json_array_append_new(
            j, json_integer(timeline_sum(t, series, from + (int64_t)i * r->hours, r->hours)));
    return j;
}

/* Columns stand on whole multiples of their width (UTC), the last one holds now. */
static json_t *range_json(const struct timeline *t, const struct range *r, int64_t now)
{
    int64_t width = r->hours * CLK_HOUR;
    int64_t from = (now / width - (r->columns - 1)) * r->hours;
    json_t *channels = json_object();

    for (unsigned c = 0; c <= STORE_RELAY; c++)
        json_object_set_new(channels, report_channel_name((enum store_channel)c),
                            series_json(t, c, r, from));
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o}", "range", r->name, "from",
                     (json_int_t)(from * CLK_HOUR), "step", (json_int_t)width, "channels", channels,
                     "refused", series_json(t, TIMELINE_REFUSED, r, from), "self_reported",
                     series_json(t, TIMELINE_SELF, r, from));
}

enum err dashboard_activations(struct dashboard *d, struct store *s, const char *range,
                               json_t **out, struct errinfo *ei)
{
    const struct range *r = find(range);
    int64_t now = clk_now(&d->clk);
    enum err e;

    if (r == NULL)
        return err_fail(ei, ERR_USAGE, "range: expected 24h, 7d or 30d");
    e = dashboard_begin(d, s, ei);
    if (e == ERR_OK)
        e = timeline_read(&d->timeline, s, now, ei);
    if (e != ERR_OK)
        return e;
    *out = range_json(&d->timeline, r, now);
    return *out == NULL ? err_nomem(ei) : ERR_OK;
}
