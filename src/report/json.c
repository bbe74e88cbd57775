#include "report/json.h"

#include "base/clk.h"

const char *report_channel_name(enum store_channel channel)
{
    static const char *const names[] = {"kms", "adba", "relay"};

    return (size_t)channel < sizeof(names) / sizeof(names[0]) ? names[channel] : "unknown";
}

const char *report_channel_text(const struct report_row *row)
{
    return row->self_reported ? "adba, self-reported" : report_channel_name(row->channel);
}

/* Seconds and text; null for never. */
static void set_time(json_t *j, const char *seconds, const char *text, int64_t when)
{
    char formatted[CLK_TEXT_MAX];

    json_object_set_new(j, seconds, when == REPORT_NEVER ? json_null() : json_integer(when));
    json_object_set_new(
        j, text, when == REPORT_NEVER ? json_null() : json_string(clk_format(when, formatted)));
}

/* Names are UTF-8: the ledger has no others. */
json_t *report_row_json(const struct report_row *row)
{
    char id[3][GUID_TEXT_MAX];
    json_t *j =
        json_pack("{s:s, s:s?, s:s?, s:s, s:s}", "workstation", row->workstation, "product",
                  row->product == NULL ? NULL : row->product->product, "edition",
                  row->product == NULL ? NULL : row->product->edition, "status",
                  report_status_name(row->status), "channel", report_channel_name(row->channel));

    if (j == NULL)
        return NULL;
    set_time(j, "expires", "expires_time", row->expires);
    set_time(j, "last", "last_time", row->last);
    json_object_set_new(j, "member", json_string(report_member_name(row->member)));
    json_object_set_new(j, "count", json_integer(row->count));
    json_object_set_new(j, "required_count", json_integer(row->required_count));
    json_object_set_new(j, "licence_status", json_integer(row->licence_status));
    json_object_set_new(j, "virtual", json_boolean(row->is_virtual));
    json_object_set_new(j, "peer", json_string(row->peer));
    json_object_set_new(j, "client_id", json_string(guid_format(&row->client_id, id[0])));
    json_object_set_new(j, "activation_id", json_string(guid_format(&row->activation_id, id[1])));
    json_object_set_new(j, "application_id", json_string(guid_format(&row->application_id, id[2])));
    json_object_set_new(j, "self_reported", json_boolean(row->self_reported));
    return j;
}

static json_t *statuses_json(const size_t by_status[REPORT_STATUSES])
{
    json_t *j = json_object();

    for (int s = 0; s < REPORT_STATUSES; s++)
        json_object_set_new(j, report_status_name((enum report_status)s),
                            json_integer((json_int_t)by_status[s]));
    return j;
}

static json_t *channels_json(const size_t by_channel[STORE_RELAY + 1])
{
    json_t *j = json_object();

    for (int c = 0; c <= STORE_RELAY; c++)
        json_object_set_new(j, report_channel_name((enum store_channel)c),
                            json_integer((json_int_t)by_channel[c]));
    return j;
}

json_t *report_product_json(const struct report_product *p)
{
    char id[2][GUID_TEXT_MAX];
    json_t *j =
        json_pack("{s:s?, s:s?, s:I, s:o, s:o, s:I, s:I, s:b, s:s, s:s}", "product",
                  p->product == NULL ? NULL : p->product->product, "edition",
                  p->product == NULL ? NULL : p->product->edition, "machines",
                  (json_int_t)p->machines, "by_status", statuses_json(p->by_status), "by_channel",
                  channels_json(p->by_channel), "count", (json_int_t)p->count, "required_count",
                  (json_int_t)p->required_count, "threshold_reached", p->count >= p->required_count,
                  "activation_id", guid_format(&p->activation_id, id[0]), "application_id",
                  guid_format(&p->application_id, id[1]));

    if (j == NULL)
        return NULL;
    set_time(j, "last", "last_time", p->last);
    json_object_set_new(j, "self_reported", json_integer((json_int_t)p->self_reported));
    return j;
}

json_t *report_computer_json(const struct report_computer *c)
{
    return json_pack("{s:s, s:s?, s:s, s:s, s:I, s:o}", "computer", c->name, "dns_name",
                     c->dns_name[0] == '\0' ? NULL : c->dns_name, "member",
                     report_member_name(c->member), "status", report_status_name(c->status),
                     "products", (json_int_t)c->products, "decided_by",
                     c->row == NULL ? json_null() : report_row_json(c->row));
}

json_t *report_counts_json(const struct report_compliance *c)
{
    json_t *j = json_object();

    for (int m = 0; m < REPORT_MEMBERS; m++)
        json_object_set_new(j, report_member_name((enum report_member)m),
                            statuses_json(c->counts[m]));
    json_object_set_new(j, "licensed_by", channels_json(c->licensed_by));
    json_object_set_new(j, "self_reported", json_integer((json_int_t)c->self_reported));
    return j;
}
