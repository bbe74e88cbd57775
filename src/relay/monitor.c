/* The relay's view of the outside, on the main loop: names and SRV records become addresses, which
 * the dialler looks up, and every upstream is bound to from time to time. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/hub.h"

#define READ_SIZE 8192
#define OWN_MAX   64

/* One health check. */
struct check {
    struct monitor *monitor;
    struct relay_link *link;
    struct relay_target target;
    struct relay_walk walk;
    uint64_t until; /* ms on the loop's clock */
    char text[RELAY_TARGET_TEXT];
};

struct monitor {
    struct relay *relay;
    uv_timer_t lookups, health_checks;
    unsigned handles;
    bool started, closing, looking, dns_failed;
    enum relay_health health;               /* as it was last told */
    struct check checks[RELAY_TARGETS_MAX]; /* by the policy's ids */
    union address own[OWN_MAX];
    size_t own_count;
    bool warned[RELAY_TARGETS_MAX]; /* that it is ourselves */
    uint32_t records;               /* too many of them, as it was last told; 0: not */
    /* Of a domain, until the look-up has ended. */
    struct dialling_found found[RELAY_TARGETS_MAX];
    size_t found_count;
    struct channel channel;
    struct link_conf links;
    char read_buffer[READ_SIZE];
};

/* ---- who we are ---- */

static bool is_any(const union address *a)
{
    return a->any.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr)
                                        : a->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

static bool same_host(const union address *a, const union address *b)
{
    uint8_t x[16], y[16];

    address_key(a, x);
    address_key(b, y);
    return memcmp(x, y, sizeof(x)) == 0;
}

/* What we listen on is this machine's, and so is whatever "any" leads to. */
static bool is_ours(const struct monitor *m, const struct relay_address *a)
{
    for (size_t i = 0; i < m->own_count; i++) {
        const union address *own = &m->own[i];

        if (address_port(own) == address_port(&a->at) &&
            (same_host(own, &a->at) || (is_any(own) && a->local) || is_any(&a->at)))
            return true;
    }
    return false;
}

/* "127.0.0.1:1688, [::1]:1688" */
static void take_own(struct monitor *m, const char *text)
{
    char one[128];

    while (*text != '\0' && m->own_count < OWN_MAX) {
        size_t len = strcspn(text, ",");

        if (len < sizeof(one)) {
            memcpy(one, text, len);
            one[len] = '\0';
            if (address_parse(one, &m->own[m->own_count], NULL) == ERR_OK)
                m->own_count++;
        }
        text += len;
        text += strspn(text, ", ");
    }
}

/* ---- what we tell ---- */

static void tell_health(struct monitor *m)
{
    const struct relay_conf *conf = &m->relay->conf;
    enum relay_health now = relay_health(m->relay);

    if (m->closing || now == m->health || now == RELAY_HEALTH_UNKNOWN)
        return;
    m->health = now;
    if (conf->on_health != NULL)
        conf->on_health(conf->arg);
}

/* ---- taking in what was found ---- */

static enum relay_reach without_ours(struct monitor *m, struct addresses *a)
{
    unsigned kept = 0, had = a->n;

    for (unsigned i = 0; i < had; i++) {
        if (!is_ours(m, &a->v[i]))
            a->v[kept++] = a->v[i];
    }
    a->n = kept;
    if (kept > 0)
        return RELAY_REACHABLE;
    return had > 0 ? RELAY_OURSELVES : RELAY_NO_ADDRESS;
}

static void tell_ourselves(struct monitor *m, unsigned id, const struct relay_target *t)
{
    char text[RELAY_TARGET_TEXT];

    if (m->warned[id])
        return;
    m->warned[id] = true;
    log_as(&m->relay->conf.log, m->relay->automatic ? LOGL_INFO : LOGL_WARN, LOGK_UPSTREAM_WARNING,
           NULL, "upstream %s is this daemon itself; it is left out", relay_target_format(t, text));
}

/* What worked stays the first to be tried. */
static void keep_first(struct addresses *a, const struct addresses *was)
{
    for (unsigned i = 0; was->n > 0 && i < a->n; i++)
        if (same_host(&a->v[i].at, &was->v[was->first].at))
            a->first = i;
}

/* With the lock. An upstream whose name cannot be looked up now keeps the addresses that it had. */
static void take_addresses(struct monitor *m, const struct dialling_found *f)
{
    struct relay *r = m->relay;
    struct addresses a = {.n = f->n};
    enum relay_reach reach;
    int id = relay_policy_find(&r->policy, &f->target);

    memcpy(a.v, f->at, f->n * sizeof(a.v[0]));
    reach = without_ours(m, &a);

    if (id < 0)
        return;
    if (reach == RELAY_OURSELVES)
        tell_ourselves(m, (unsigned)id, &f->target);
    if (reach == RELAY_NO_ADDRESS && r->policy.upstreams[id].reach == RELAY_REACHABLE)
        return;
    keep_first(&a, &r->addresses[id]);
    r->addresses[id] = a;
    relay_policy_reach(&r->policy, (unsigned)id, reach);
    if (reach == RELAY_NO_ADDRESS)
        snprintf(r->policy.upstreams[id].why, RELAY_WHY_MAX, "%s", f->why);
}

static void tell_dns(struct monitor *m, const struct dialling_answer *a)
{
    const struct relay_conf *conf = &m->relay->conf;

    if (a->failed && !m->dns_failed)
        log_as(&conf->log, LOGL_WARN, LOGK_UPSTREAM_WARNING, NULL,
               "[relay] upstream = auto: %s; the upstreams that are known stay", a->why);
    else if (!a->failed && m->dns_failed)
        log_as(&conf->log, LOGL_INFO, LOGK_UPSTREAM_WARNING, NULL,
               "[relay] upstream = auto: DNS answers again");
    m->dns_failed = a->failed;
    if (a->records > RELAY_TARGETS_MAX && a->records != m->records)
        log_as(&conf->log, LOGL_WARN, LOGK_UPSTREAM_WARNING, NULL,
               "[relay] upstream = auto: of the %" PRIu32
               " records of _vlmcs._tcp.%s the first %d are used",
               a->records, conf->domain, RELAY_TARGETS_MAX);
    if (!a->failed)
        m->records = a->records > RELAY_TARGETS_MAX ? a->records : 0;
}

static void start_checks(struct monitor *m, bool new_ones);

/* Those of a domain together: who is not among them is not wanted any more. */
static void take_all(struct monitor *m)
{
    struct relay *r = m->relay;
    struct relay_target targets[RELAY_TARGETS_MAX];

    for (size_t i = 0; i < m->found_count; i++)
        targets[i] = m->found[i].target;
    (void)relay_policy_want(&r->policy, targets, m->found_count);
    for (size_t i = 0; i < m->found_count; i++)
        take_addresses(m, &m->found[i]);
}

static void looked(struct monitor *m, const struct dialling_answer *a)
{
    struct relay *r = m->relay;

    if (r->automatic)
        tell_dns(m, a);
    m->looking = false;
    pthread_mutex_lock(&r->lock);
    if (r->automatic && !a->failed)
        take_all(m);
    r->looked = true;
    r->policy.undecided = false;
    hub_wake(r);
    pthread_mutex_unlock(&r->lock);
    start_checks(m, true);
    tell_health(m);
}

/* Upstreams that are configured are taken as they are found: some may need no look-up. */
static void on_found(void *arg, const struct dialling_answer *a)
{
    struct monitor *m = arg;
    struct relay *r = m->relay;

    if (a->type == DIALLING_LOOKED) {
        looked(m, a);
    } else if (!r->automatic) {
        pthread_mutex_lock(&r->lock);
        take_addresses(m, &a->found);
        hub_wake(r);
        pthread_mutex_unlock(&r->lock);
        start_checks(m, true);
    } else if (m->found_count < RELAY_TARGETS_MAX) {
        m->found[m->found_count++] = a->found;
    }
}

static void start_lookup(struct monitor *m)
{
    if (m->looking)
        return;
    m->found_count = 0;
    m->looking = channel_look(&m->channel) == 0;
}

/* ---- health ---- */

/* why NULL: it takes calls. */
static void checked(struct check *c, const char *why)
{
    struct monitor *m = c->monitor;
    struct relay *r = m->relay;
    bool changed = false;
    int id;

    c->link = NULL;
    pthread_mutex_lock(&r->lock);
    id = relay_policy_find(&r->policy, &c->target);
    if (id == (int)(c - m->checks)) {
        changed = relay_policy_checked(&r->policy, (unsigned)id, hub_now(), why);
        hub_wake(r);
    }
    pthread_mutex_unlock(&r->lock);
    if (changed && why == NULL)
        log_as(&r->conf.log, LOGL_INFO, LOGK_UPSTREAM_UP, NULL, "upstream %s takes calls", c->text);
    else if (changed)
        log_as(&r->conf.log, LOGL_WARN, LOGK_UPSTREAM_DOWN, NULL, "upstream %s is down: %s",
               c->text, why);
    tell_health(m);
}

/* False: there is no further address, or no time. */
static bool check_next(struct check *c)
{
    struct monitor *m = c->monitor;
    struct relay *r = m->relay;
    unsigned id = (unsigned)(c - m->checks), left;
    uint64_t now = uv_now(r->conf.loop);

    c->link = NULL;
    if (now >= c->until || !hub_address(r, id, &c->walk, &left))
        return false;
    c->link = relay_link_open(&m->links, r->addresses[id].v[c->walk.at].number,
                              (unsigned)(c->until - now) / left, c);
    return c->link != NULL;
}

static void on_link(void *arg, void *owner, struct relay_link *l, enum link_event event,
                    const char *why)
{
    struct check *c = owner;
    struct relay *r = c->monitor->relay;
    struct addresses *a = &r->addresses[c - c->monitor->checks];
    bool more;

    (void)arg;
    if (event == LINK_BOUND) {
        relay_link_close(l);
        pthread_mutex_lock(&r->lock);
        a->first = c->walk.at < a->n ? c->walk.at : 0;
        pthread_mutex_unlock(&r->lock);
        checked(c, NULL);
        return;
    }
    if (relay_link_ours(l)) { /* no verdict */
        c->link = NULL;
        return;
    }
    pthread_mutex_lock(&r->lock);
    more = check_next(c);
    pthread_mutex_unlock(&r->lock);
    if (!more)
        checked(c, why);
}

/* new_ones: only of those that were never checked. */
static void start_checks(struct monitor *m, bool new_ones)
{
    struct relay *r = m->relay;

    pthread_mutex_lock(&r->lock);
    for (unsigned id = 0; id < RELAY_TARGETS_MAX; id++) {
        const struct relay_upstream *u = &r->policy.upstreams[id];
        struct check *c = &m->checks[id];

        if (!u->wanted || u->reach != RELAY_REACHABLE || c->link != NULL ||
            (new_ones && u->checked != 0))
            continue;
        *c = (struct check){
            .monitor = m, .target = u->target, .until = uv_now(r->conf.loop) + r->conf.attempt_ms};
        (void)relay_target_format(&c->target, c->text);
        (void)check_next(c);
    }
    pthread_mutex_unlock(&r->lock);
}

/* ---- life ---- */

static void on_lookups(uv_timer_t *t)
{
    start_lookup(t->data);
}

/* They do not wait for DNS, which may be slow. */
static void on_health_checks(uv_timer_t *t)
{
    start_checks(t->data, false);
}

enum err monitor_new(struct relay *r, struct errinfo *ei)
{
    struct monitor *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return err_nomem(ei);
    m->relay = r;
    m->channel.on_found = on_found;
    m->channel.arg = m;
    m->links = (struct link_conf){.loop = r->conf.loop,
                                  .channel = &m->channel,
                                  .limit_ms = r->conf.attempt_ms,
                                  .idle_ms = r->conf.attempt_ms,
                                  .read_buffer = m->read_buffer,
                                  .read_size = READ_SIZE,
                                  .on_event = on_link};
    r->monitor = m;
    return ERR_OK;
}

enum err monitor_start(struct monitor *m, const char *own, struct errinfo *ei)
{
    const struct relay_conf *conf = &m->relay->conf;
    int rc = channel_open(&m->channel, conf->loop, conf->channels[0]);

    if (rc != 0)
        return err_fail_errno(ei, -rc, "open the relay");
    take_own(m, own);
    uv_timer_init(conf->loop, &m->lookups);
    uv_timer_init(conf->loop, &m->health_checks);
    m->lookups.data = m->health_checks.data = m;
    m->handles = 3;
    m->started = true;
    uv_timer_start(&m->lookups, on_lookups, 0, conf->check_ms);
    uv_timer_start(&m->health_checks, on_health_checks, 0, conf->check_ms);
    return ERR_OK;
}

static void on_closed(uv_handle_t *h)
{
    struct monitor *m = h->data;

    m->handles--;
}

static void on_channel_closed(uv_handle_t *h)
{
    struct monitor *m = (struct monitor *)((char *)h - offsetof(struct monitor, channel.poll));

    m->handles--;
}

/* The links' memory goes with the loop's next turns, before the loop itself is closed. */
void monitor_close(struct monitor *m)
{
    if (m->closing)
        return;
    m->closing = true;
    for (unsigned id = 0; id < RELAY_TARGETS_MAX; id++)
        relay_link_close(m->checks[id].link);
    if (m->started) {
        channel_close(&m->channel, on_channel_closed);
        uv_close((uv_handle_t *)&m->lookups, on_closed);
        uv_close((uv_handle_t *)&m->health_checks, on_closed);
    }
}

bool monitor_closed(const struct monitor *m)
{
    return m->closing && m->handles == 0;
}

void monitor_free(struct monitor *m)
{
    free(m);
}
