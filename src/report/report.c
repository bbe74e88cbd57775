#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report/internal.h"
#include "report/registry.h"
#include "store/members.h"
#include "store/selfreports.h"

#define NETBIOS_MAX 15 /* characters of a machine account's name, without its "$" */
#define ROWS_FIRST  256

/* Licence statuses as clients state them (data/license_states.csv). */
enum {
    STATED_LICENSED = 1,
    STATED_INITIAL = 2,
    STATED_TOLERANCE = 3,
    STATED_NON_GENUINE = 4,
    STATED_EXTENDED = 6
};

const char *report_status_name(enum report_status s)
{
    static const char *const names[REPORT_STATUSES] = {
        [REPORT_LICENSED] = "licensed", [REPORT_EXPIRING] = "expiring",
        [REPORT_GRACE] = "grace",       [REPORT_NOT_LICENSED] = "not-licensed",
        [REPORT_LAPSED] = "lapsed",     [REPORT_NO_REPORT] = "no-report"};

    return s < REPORT_STATUSES ? names[s] : "?";
}

const char *report_member_name(enum report_member m)
{
    static const char *const names[REPORT_MEMBERS] = {[REPORT_NO_REGISTRY] = "unknown",
                                                      [REPORT_MEMBER] = "member",
                                                      [REPORT_DISABLED] = "disabled",
                                                      [REPORT_STRANGER] = "no-member"};

    return m < REPORT_MEMBERS ? names[m] : "?";
}

/* ---- judging ---- */

static enum report_status judge_licence(int64_t end, int64_t now, int64_t soon)
{
    if (now >= end)
        return REPORT_LAPSED;
    return end - now <= soon ? REPORT_EXPIRING : REPORT_LICENSED;
}

enum report_status report_judge(const struct report_row *row, int64_t now, int64_t soon,
                                int64_t *expires)
{
    if (row->self_reported) {
        *expires = row->stated_end;
        return judge_licence(*expires, now, soon);
    }
    *expires = row->last + (int64_t)row->minutes_left * 60;
    if (row->channel == STORE_ADBA || row->count >= row->required_count) {
        *expires = row->last + REPORT_VALIDITY;
        return judge_licence(*expires, now, soon);
    }
    switch (row->licence_status) {
    case STATED_LICENSED: /* a renewal that failed takes nothing away */
        return judge_licence(*expires, now, soon);
    case STATED_INITIAL:
    case STATED_TOLERANCE:
    case STATED_NON_GENUINE:
    case STATED_EXTENDED:
        return now < *expires ? REPORT_GRACE : REPORT_NOT_LICENSED;
    default:
        *expires = REPORT_NEVER;
        return REPORT_NOT_LICENSED;
    }
}

/* ---- whose computer ---- */

static bool same_dns(const struct member *m, const char *workstation)
{
    size_t n = strlen(workstation);

    if (n > 0 && workstation[n - 1] == '.')
        n--;
    return strlen(m->dns_name) == n && strncasecmp(m->dns_name, workstation, n) == 0;
}

/* By its first label, which AD cuts to 15 characters; of a name in another domain than the
 * account's it is another computer's. */
static bool find_account(const struct roster *roster, const char *workstation, struct member *m)
{
    char name[ROSTER_NAME_MAX + 1];
    size_t n = strcspn(workstation, ".");

    if (workstation[n] == '.' && roster_by_dns(roster, workstation, m) == 1)
        return true;
    if (n == 0 || n > ROSTER_NAME_MAX)
        return false;
    snprintf(name, sizeof(name), "%.*s", (int)n, workstation);
    if (roster_by_name(roster, name, m) != 1) {
        if (n <= NETBIOS_MAX)
            return false;
        name[NETBIOS_MAX] = '\0';
        if (roster_by_name(roster, name, m) != 1)
            return false;
    }
    return workstation[n] != '.' || m->dns_name[0] == '\0' || same_dns(m, workstation);
}

static void judge_member(const struct report *r, struct report_row *row)
{
    struct member m;

    row->account = UINT32_MAX;
    if (r->synced_at == REPORT_NEVER) {
        row->member = REPORT_NO_REGISTRY;
    } else if (!find_account(r->roster, row->workstation, &m)) {
        row->member = REPORT_STRANGER;
    } else {
        row->member = m.enabled ? REPORT_MEMBER : REPORT_DISABLED;
        row->account = roster_place(r->roster, &m.id);
    }
}

/* ---- reading activations ---- */

/* Both in one piece of memory; workstation is its beginning. */
static enum err set_texts(struct report_row *row, const char *workstation, const char *peer)
{
    size_t n = strlen(workstation) + 1, m = strlen(peer) + 1;
    char *text;

    if (row->workstation != NULL && strcmp(row->workstation, workstation) == 0 &&
        strcmp(row->peer, peer) == 0)
        return ERR_OK;
    text = malloc(n + m);
    if (text == NULL)
        return ERR_NOMEM;
    memcpy(text, workstation, n);
    memcpy(text + n, peer, m);
    free((void *)(uintptr_t)row->workstation);
    row->workstation = text;
    row->peer = text + n;
    return ERR_OK;
}

/* Room for one more, so that a pair that is met has its row. */
static enum err make_room(struct report *r)
{
    size_t capacity = r->capacity == 0 ? ROWS_FIRST : r->capacity * 2;
    struct report_row *rows;

    if (row_count(r) < r->capacity)
        return ERR_OK;
    rows = realloc(r->rows, capacity * sizeof(*rows));
    if (rows == NULL)
        return ERR_NOMEM;
    memset(rows + r->capacity, 0, (capacity - r->capacity) * sizeof(*rows));
    r->rows = rows;
    r->capacity = capacity;
    return ERR_OK;
}

static enum err count_it(struct report *r, const struct store_activation *a)
{
    uint32_t count;
    enum err e = ERR_OK;

    if (a->channel == STORE_KMS)
        e = kms_count_touch(r->count, &a->application_id, &a->client_id, a->required_count, a->when,
                            &count);
    return e == ERR_LIMIT ? ERR_OK : e; /* more applications than a host counts */
}

/* The row of a machine and product, which keeps what it said last unless it is new. */
static enum err find_row(struct report *r, const struct guid *client_id,
                         const struct guid *activation_id, struct report_row **out, bool *is_new)
{
    uint32_t number;
    enum err e = make_room(r);

    if (e == ERR_OK)
        e = seen_add(&r->seen, client_id, activation_id, &number, is_new);
    if (e != ERR_OK)
        return e;
    *out = &r->rows[number];
    if (!*is_new)
        return ERR_OK;
    (*out)->client_id = *client_id;
    (*out)->activation_id = *activation_id;
    (*out)->product = catalog_product_by_activation_id(r->catalog, activation_id);
    return set_texts(*out, "", "");
}

static enum err take(void *arg, const struct store_activation *a)
{
    struct report *r = arg;
    struct report_row *row;
    bool is_new;
    enum err e = count_it(r, a);

    if (e == ERR_OK)
        e = find_row(r, &a->client_id, &a->activation_id, &row, &is_new);
    if (e != ERR_OK)
        return e;
    if (!is_new && row->self_reported && a->when < row->last) {
        r->newest = a->id;
        return ERR_OK;
    }
    e = set_texts(row, a->workstation, a->peer);
    if (e != ERR_OK)
        return e;
    r->newest = a->id;
    row->application_id = a->application_id;
    row->channel = a->channel;
    row->last = a->when;
    row->count = a->count;
    row->required_count = a->required_count;
    row->licence_status = a->licence_status;
    row->minutes_left = a->minutes_left;
    row->is_virtual = a->is_virtual;
    row->self_reported = false;
    return ERR_OK;
}

/* ---- reading clients' reports ---- */

/* The client's clock may be ahead of ours: what it told was so when we heard it, and no later. */
static int64_t true_by(const struct store_self_report *t)
{
    return t->activated_at < t->when ? t->activated_at : t->when;
}

/* One that comes late says less than what the machine asked for since. */
static enum err take_told(void *arg, const struct store_self_report *t)
{
    struct report *r = arg;
    int64_t last = true_by(t);
    struct report_row *row;
    bool is_new;
    enum err e = find_row(r, &t->client_id, &t->activation_id, &row, &is_new);

    if (e != ERR_OK)
        return e;
    if (!is_new && last < row->last) {
        r->newest_told = t->id;
        return ERR_OK;
    }
    e = set_texts(row, t->workstation, t->peer);
    if (e != ERR_OK)
        return e;
    r->newest_told = t->id;
    row->application_id = t->application_id;
    row->channel = STORE_ADBA;
    row->last = last;
    row->count = row->required_count = row->minutes_left = 0;
    row->licence_status = STATED_LICENSED;
    row->is_virtual = false;
    row->self_reported = true;
    row->stated_end = t->expires;
    return ERR_OK;
}

/* ---- reading the registry ---- */

static enum err take_sync(void *arg, const struct store_member_sync *m)
{
    *(struct store_member_sync *)arg = *m;
    return ERR_OK;
}

/* The state is written after the rows that belong to it, so as long as it stays they do. */
static enum err read_registry(struct report *r, struct store *s, struct errinfo *ei)
{
    struct store_member_sync state = {.synced_at = REPORT_NEVER, .listed_at = REPORT_NEVER};
    enum err e = store_member_sync(s, take_sync, &state, ei);
    struct roster *roster;

    if (e != ERR_OK ||
        (state.synced_at == r->synced_at && state.listed_at == r->listed_at && r->roster != NULL))
        return e;
    roster = roster_new();
    e = roster == NULL ? err_nomem(ei) : store_each_member(s, registry_take, roster, ei);
    if (e != ERR_OK) {
        roster_unref(roster);
        return e;
    }
    roster_unref(r->roster);
    r->roster = roster;
    r->synced_at = state.synced_at;
    r->listed_at = state.listed_at;
    return ERR_OK;
}

/* ---- life ---- */

struct report *report_new(const struct catalog *c)
{
    struct report *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->catalog = c;
    r->synced_at = r->listed_at = REPORT_NEVER;
    r->count = kms_count_new();
    if (r->count == NULL) {
        free(r);
        return NULL;
    }
    return r;
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->capacity; i++)
        free((void *)(uintptr_t)r->rows[i].workstation);
    free(r->rows);
    seen_free(&r->seen);
    kms_count_free(r->count);
    roster_unref(r->roster);
    free(r);
}

enum err report_read(struct report *r, struct store *s, int64_t now, int64_t soon,
                     struct errinfo *ei)
{
    int64_t newest = r->newest, told = r->newest_told, synced_at = r->synced_at,
            listed_at = r->listed_at;
    enum err e = read_registry(r, s, ei);

    if (e == ERR_OK)
        e = store_each_from(s, INT64_MIN, r->newest, take, r, ei);
    if (e == ERR_OK)
        e = store_each_self_report(s, INT64_MIN, r->newest_told, take_told, r, ei);
    /* Also after an error: what came before it is there. */
    if (r->generation == 0 || r->newest != newest || r->newest_told != told ||
        r->synced_at != synced_at || r->listed_at != listed_at)
        r->generation++;
    if (e == ERR_NOMEM)
        return err_nomem(ei);
    if (e != ERR_OK)
        return e;
    r->now = now;
    for (size_t i = 0; i < row_count(r); i++) {
        r->rows[i].status = report_judge(&r->rows[i], now, soon, &r->rows[i].expires);
        judge_member(r, &r->rows[i]);
    }
    return ERR_OK;
}

uint64_t report_generation(const struct report *r)
{
    return r->generation;
}

int64_t report_registry_read(const struct report *r)
{
    return r->synced_at;
}

uint32_t report_count(const struct report *r, const struct guid *application_id)
{
    return kms_count_get(r->count, application_id, r->now);
}
