/* adbactl kms events: what the event log of a KMS host says, made from the ledger. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "cli/kms.h"
#include "cli/kms_event.h"
#include "cli/out.h"
#include "store/events.h"

#define POLL_NS (200 * 1000 * 1000L)

struct listing {
    const struct kms_reader *reader;
    bool fields, lines, is_json;
    uint32_t limit, n;
    struct json_rows json;
    /* following */
    int64_t newest_answered, newest_refused, newest_host, newest_minute;
    struct store_refusal *told; /* owned; those of the last minutes, which may go on growing */
    size_t told_count;
    bool silent; /* they happened before we began */
};

/* ---- one event ---- */

static void print_text(const struct listing *l, const struct kms_event *e)
{
    char fields[KMS_EVENT_FIELDS][KMS_EVENT_FIELD_MAX];
    char time[CLK_TEXT_MAX], info[KMS_EVENT_INFO_MAX], message[1000];
    struct facts *f;

    printf("%sEvent %" PRIu32 ", %s, %s%s\n", out_paint(PAINT_BOLD), kms_event_id(e), KMS_EVENT_LOG,
           clk_format(kms_event_when(e), time), out_paint(PAINT_NONE));
    f = facts_new();
    facts_add(f, "  Message", "%s", kms_event_message(e, message, sizeof(message)));
    facts_add(f, "  Info", "%s", kms_event_info(e, info));
    if (l->fields && e->of.host == NULL) {
        kms_event_fields(e, fields);
        for (size_t i = 0; i < KMS_EVENT_FIELDS; i++) {
            char label[64];

            snprintf(label, sizeof(label), "    %s", kms_event_labels[i]);
            facts_add(f, label, "%s", fields[i][0] != '\0' ? fields[i] : "-");
        }
    }
    facts_print(f);
}

static enum err print_line(const struct kms_event *e)
{
    json_t *j = kms_event_json(e);

    if (j == NULL)
        return ERR_NOMEM;
    json_dumpf(j, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(j);
    return ERR_OK;
}

/* ERR_LIMIT: there are enough. */
static enum err show(struct listing *l, const struct store_event *of)
{
    struct kms_event e = {.of = *of};
    const struct store_activation *a = kms_event_request(&e);
    enum err code = ERR_OK;

    if (a != NULL)
        e.product = catalog_product_by_activation_id(l->reader->catalog, &a->activation_id);
    if (l->lines)
        code = print_line(&e);
    else if (l->is_json)
        code = json_rows_add(&l->json, kms_event_json(&e));
    else
        print_text(l, &e);
    l->n++;
    return code == ERR_OK && l->n == l->limit ? ERR_LIMIT : code;
}

static enum err list_one(void *arg, const struct store_event *of)
{
    return show(arg, of);
}

static enum err list(struct listing *l, int64_t since, bool oldest_first, struct errinfo *ei)
{
    const struct store_event_query q = {
        .since = since, .refusals_since = INT64_MIN, .oldest_first = oldest_first};
    enum err e;

    if (l->is_json)
        json_rows_begin(&l->json, "events");
    e = store_each_event(l->reader->store, &q, list_one, l, ei);
    if (l->is_json)
        json_rows_end(&l->json);
    else if (e == ERR_OK && l->n == 0)
        puts("No events.");
    return e == ERR_LIMIT ? ERR_OK : e;
}

/* ---- following ---- */

static bool is_same(const struct store_refusal *a, const struct store_refusal *b)
{
    return a->when == b->when && strcmp(a->source, b->source) == 0 &&
           strcmp(a->reason, b->reason) == 0;
}

/* How many of r were not told yet, as sums or one by one; they are from now on. */
static enum err untold(struct listing *l, const struct store_refusal *r, uint64_t *times)
{
    struct store_refusal *more;
    uint64_t sum = r->times - r->had_rows;

    for (size_t i = 0; i < l->told_count; i++) {
        if (is_same(&l->told[i], r)) {
            *times = sum - l->told[i].times;
            l->told[i].times = sum;
            return ERR_OK;
        }
    }
    more = realloc(l->told, (l->told_count + 1) * sizeof(*more));
    if (more == NULL)
        return ERR_NOMEM;
    l->told = more;
    l->told[l->told_count] = *r;
    l->told[l->told_count++].times = sum;
    *times = sum;
    return ERR_OK;
}

/* Minutes that get no more refusals. */
static int64_t settled(const struct listing *l)
{
    return l->newest_minute == INT64_MIN ? INT64_MIN : l->newest_minute - 2 * CLK_MINUTE;
}

static void forget_settled(struct listing *l)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->told_count; i++) {
        if (l->told[i].when >= settled(l))
            l->told[kept++] = l->told[i];
    }
    l->told_count = kept;
}

static enum err follow_refusals(struct listing *l, const struct store_refusal *r)
{
    struct store_refusal more = *r;
    const struct store_event of = {.refusals = &more};
    enum err e;

    if (r->when > l->newest_minute) {
        l->newest_minute = r->when;
        forget_settled(l);
    }
    e = untold(l, r, &more.times);
    return e == ERR_OK && more.times > 0 && !l->silent ? show(l, &of) : e;
}

static enum err follow_one(void *arg, const struct store_event *of)
{
    struct listing *l = arg;

    if (of->refusals != NULL)
        return follow_refusals(l, of->refusals);
    if (of->answered != NULL)
        l->newest_answered = of->answered->id;
    else if (of->refused != NULL)
        l->newest_refused = of->refused->request.id;
    else
        l->newest_host = of->host->id;
    return l->silent ? ERR_OK : show(l, of);
}

static enum err newest_id(void *arg, const struct store_activation *a)
{
    *(int64_t *)arg = a->id;
    return ERR_OK;
}

static enum err look(struct listing *l, int64_t since, struct errinfo *ei)
{
    const struct store_event_query q = {.since = since,
                                        .refusals_since = settled(l),
                                        .after_answered = l->newest_answered,
                                        .after_refused = l->newest_refused,
                                        .after_host = l->newest_host,
                                        .oldest_first = true};
    enum err e = store_each_event(l->reader->store, &q, follow_one, l, ei);

    fflush(stdout);
    return e;
}

/* With since: tells what happened since then first. Ends by a signal, or when limit was told. */
static enum err follow(struct listing *l, bool with_past, int64_t since, struct errinfo *ei)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    enum err e = ERR_OK;

    l->newest_minute = INT64_MIN;
    if (!with_past) {
        l->silent = true;
        e = store_each_recent(l->reader->store, INT64_MIN, 1, newest_id, &l->newest_answered, ei);
        if (e == ERR_OK)
            e = look(l, INT64_MIN, ei);
        l->silent = false;
    }
    if (e == ERR_OK)
        fputs("Following; end it with Ctrl-C.\n", stderr);
    while (e == ERR_OK && !ferror(stdout)) {
        e = look(l, since, ei);
        nanosleep(&pause, NULL);
    }
    free(l->told);
    return e == ERR_LIMIT ? ERR_OK : e;
}

int kms_run_events(struct cli *cli, int argc, char **argv)
{
    uint32_t limit = UINT32_MAX;
    int64_t last = 0, since;
    bool oldest = false, following = false, fields = false;
    const struct opt opts[] = {
        {.name = "since",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "of the last DURATION on the ledger's clock (7d, 2h)",
         .dest = &last},
        {.name = "limit",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "N events only (default 50, following: no end; 0: all)",
         .dest = &limit},
        OPT_FLAG_ROW("oldest", &oldest, "oldest first (default: newest first)"),
        OPT_FLAG_ROW("follow", &following, "tell new ones as they come (with --json: one a line)"),
        OPT_FLAG_ROW("fields", &fields, "every field on a line of its own"),
        {0},
    };
    struct kms_reader reader;
    struct errinfo ei = {0};
    struct listing l = {.reader = &reader};
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    l.limit = limit != UINT32_MAX ? limit : following ? 0 : 50;
    l.fields = fields;
    l.lines = cli->json && following;
    l.is_json = cli->json && !following;
    e = kms_reader_open(cli, &reader, &ei);
    if (e == ERR_OK)
        e = kms_since(reader.settings, last, &since, &ei);
    if (e == ERR_OK)
        e = following ? follow(&l, last > 0, since, &ei) : list(&l, since, oldest, &ei);
    if (e == ERR_NOMEM)
        e = err_nomem(&ei);
    kms_reader_close(&reader);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}
