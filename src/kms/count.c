#include "kms/count.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"

#define APPLICATIONS_MAX 64
#define NPOLICY_LEAST    5
#define NPOLICY_MOST     25
#define ROOM_MAX         ((size_t)2 * NPOLICY_MOST)

/* At most 50 clients, oldest first: a scan is cheaper than any index. */
struct application {
    struct guid id;
    size_t room; /* 10–50, never shrinks */
    int64_t newest;
    size_t n;
    struct kms_count_client clients[ROOM_MAX];
};

struct kms_count {
    struct application *apps;
    size_t n, room;
};

struct kms_count *kms_count_new(void)
{
    return calloc(1, sizeof(struct kms_count));
}

void kms_count_free(struct kms_count *c)
{
    if (c == NULL)
        return;
    free(c->apps);
    free(c);
}

void kms_count_clear(struct kms_count *c)
{
    c->n = 0;
}

static struct application *find_app(const struct kms_count *c, const struct guid *id)
{
    for (size_t i = 0; i < c->n; i++) {
        if (guid_equal(&c->apps[i].id, id))
            return &c->apps[i];
    }
    return NULL;
}

static enum err add_app(struct kms_count *c, const struct guid *id, int64_t now,
                        struct application **out)
{
    if (c->n == APPLICATIONS_MAX)
        return ERR_LIMIT;
    if (c->n == c->room) {
        size_t room = c->room == 0 ? 2 : 2 * c->room;
        struct application *bigger = realloc(c->apps, room * sizeof(*bigger));

        if (bigger == NULL)
            return ERR_NOMEM;
        c->apps = bigger;
        c->room = room;
    }
    *out = &c->apps[c->n++];
    memset(*out, 0, sizeof(**out));
    (*out)->id = *id;
    (*out)->newest = now;
    return ERR_OK;
}

static size_t room_for(uint32_t n_policy)
{
    if (n_policy < NPOLICY_LEAST)
        n_policy = NPOLICY_LEAST;
    if (n_policy > NPOLICY_MOST)
        n_policy = NPOLICY_MOST;
    return (size_t)2 * n_policy;
}

static int64_t not_back(const struct application *a, int64_t now)
{
    return now < a->newest ? a->newest : now;
}

/* How many of the oldest clients are out of the window; exactly 30 days is still in it. Unsigned
 * arithmetic: now is never before seen, and the distance may exceed int64_t. */
static size_t expired(const struct application *a, int64_t now)
{
    size_t n = 0;

    while (n < a->n &&
           (uint64_t)now - (uint64_t)a->clients[n].seen > (uint64_t)(KMS_COUNT_DAYS * CLK_DAY))
        n++;
    return n;
}

static void remove_clients(struct application *a, size_t at, size_t n)
{
    a->n -= n;
    memmove(a->clients + at, a->clients + at + n, (a->n - at) * sizeof(a->clients[0]));
}

/* The place of a client at or after from; a->n if it has none. */
static size_t find_client(const struct application *a, size_t from, const struct guid *client_id)
{
    while (from < a->n && !guid_equal(&a->clients[from].id, client_id))
        from++;
    return from;
}

enum err kms_count_touch(struct kms_count *c, const struct guid *application,
                         const struct guid *client_id, uint32_t n_policy, int64_t now,
                         uint32_t *count)
{
    struct application *a = find_app(c, application);
    enum err e = a != NULL ? ERR_OK : add_app(c, application, now, &a);
    size_t at;

    if (e != ERR_OK)
        return e;
    now = not_back(a, now);
    a->newest = now;
    if (a->room < room_for(n_policy))
        a->room = room_for(n_policy);
    remove_clients(a, 0, expired(a, now));
    at = find_client(a, 0, client_id);
    if (at < a->n)
        remove_clients(a, at, 1);
    else if (a->n == a->room)
        remove_clients(a, 0, 1);
    a->clients[a->n++] = (struct kms_count_client){.id = *client_id, .seen = now};
    *count = (uint32_t)a->n;
    return ERR_OK;
}

uint32_t kms_count_get(const struct kms_count *c, const struct guid *application, int64_t now)
{
    const struct application *a = find_app(c, application);

    return a == NULL ? 0 : (uint32_t)(a->n - expired(a, not_back(a, now)));
}

uint32_t kms_count_capacity(const struct kms_count *c, const struct guid *application)
{
    const struct application *a = find_app(c, application);

    return a == NULL ? 0 : (uint32_t)a->room;
}

enum err kms_count_export(const struct kms_count *c, kms_count_fn *each, void *arg)
{
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < c->n; i++) {
        const struct application *a = &c->apps[i];
        const struct kms_count_application out = {.id = a->id,
                                                  .room = (uint32_t)a->room,
                                                  .newest = a->newest,
                                                  .clients = a->clients,
                                                  .n = a->n};

        e = each(arg, &out);
    }
    return e;
}

/* What touching can bring about: times in order and none after the newest, no client twice. */
static bool plausible(const struct kms_count_application *a)
{
    if (a->room < room_for(0) || a->room > ROOM_MAX || a->room % 2 != 0 || a->n > a->room)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        int64_t next = i + 1 < a->n ? a->clients[i + 1].seen : a->newest;

        if (a->clients[i].seen > next)
            return false;
        for (size_t j = 0; j < i; j++) {
            if (guid_equal(&a->clients[i].id, &a->clients[j].id))
                return false;
        }
    }
    return true;
}

enum err kms_count_import(struct kms_count *c, const struct kms_count_application *in)
{
    struct application *a;
    enum err e = plausible(in) && find_app(c, &in->id) == NULL ? add_app(c, &in->id, in->newest, &a)
                                                               : ERR_MALFORMED;

    if (e != ERR_OK)
        return e;
    a->room = in->room;
    a->n = in->n;
    if (in->n > 0)
        memcpy(a->clients, in->clients, in->n * sizeof(a->clients[0]));
    return ERR_OK;
}
