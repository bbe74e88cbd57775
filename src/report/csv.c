#include "report/csv.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clk.h"
#include "base/csvcell.h"
#include "report/json.h"

#define NUMBER_MAX 24

enum column {
    WORKSTATION,
    PRODUCT,
    EDITION,
    STATUS,
    CHANNEL,
    EXPIRES,
    EXPIRES_TIME,
    LAST,
    LAST_TIME,
    MEMBER,
    COUNT,
    REQUIRED_COUNT,
    LICENCE_STATUS,
    VIRTUAL,
    PEER,
    CLIENT_ID,
    ACTIVATION_ID,
    APPLICATION_ID,
    SELF_REPORTED,
    COLUMNS
};

static const char *const names[COLUMNS] = {
    [WORKSTATION] = "workstation",
    [PRODUCT] = "product",
    [EDITION] = "edition",
    [STATUS] = "status",
    [CHANNEL] = "channel",
    [EXPIRES] = "expires",
    [EXPIRES_TIME] = "expires_time",
    [LAST] = "last",
    [LAST_TIME] = "last_time",
    [MEMBER] = "member",
    [COUNT] = "count",
    [REQUIRED_COUNT] = "required_count",
    [LICENCE_STATUS] = "licence_status",
    [VIRTUAL] = "virtual",
    [PEER] = "peer",
    [CLIENT_ID] = "client_id",
    [ACTIVATION_ID] = "activation_id",
    [APPLICATION_ID] = "application_id",
    [SELF_REPORTED] = "self_reported",
};

static void add_line(struct buf *b, const char *const cells[COLUMNS], const char *end)
{
    for (int i = 0; i < COLUMNS; i++) {
        csvcell_add(b, cells[i]);
        buf_add_str(b, i + 1 == COLUMNS ? end : ",");
    }
}

void report_csv_head(struct buf *b, const char *end)
{
    add_line(b, names, end);
}

static const char *number(int64_t n, char text[static NUMBER_MAX])
{
    snprintf(text, NUMBER_MAX, "%" PRId64, n);
    return text;
}

void report_csv_row(struct buf *b, const struct report_row *row, const char *end)
{
    char expires[NUMBER_MAX], last[NUMBER_MAX], count[NUMBER_MAX], required[NUMBER_MAX];
    char licence[NUMBER_MAX], times[2][CLK_TEXT_MAX], ids[3][GUID_TEXT_MAX];
    bool ends = row->expires != REPORT_NEVER;
    const char *const cells[COLUMNS] = {
        [WORKSTATION] = row->workstation,
        [PRODUCT] = row->product == NULL ? "" : row->product->product,
        [EDITION] = row->product == NULL ? "" : row->product->edition,
        [STATUS] = report_status_name(row->status),
        [CHANNEL] = report_channel_name(row->channel),
        [EXPIRES] = ends ? number(row->expires, expires) : "",
        [EXPIRES_TIME] = ends ? clk_format(row->expires, times[0]) : "",
        [LAST] = number(row->last, last),
        [LAST_TIME] = clk_format(row->last, times[1]),
        [MEMBER] = report_member_name(row->member),
        [COUNT] = number(row->count, count),
        [REQUIRED_COUNT] = number(row->required_count, required),
        [LICENCE_STATUS] = number(row->licence_status, licence),
        [VIRTUAL] = row->is_virtual ? "1" : "0",
        [PEER] = row->peer,
        [CLIENT_ID] = guid_format(&row->client_id, ids[0]),
        [ACTIVATION_ID] = guid_format(&row->activation_id, ids[1]),
        [APPLICATION_ID] = guid_format(&row->application_id, ids[2]),
        [SELF_REPORTED] = row->self_reported ? "1" : "0",
    };

    add_line(b, cells, end);
}
