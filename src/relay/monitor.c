/* The relay's view of the outside, on the main loop: names and SRV records become addresses, and
 * every upstream is bound to from time to time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/resolver.h"
#include "relay/hub.h"

#define READ_SIZE   8192
#define DNS_MS      3000 /* the SRV records; all their names */
#define OWN_MAX     64
#define SRV_SERVICE "_vlmcs._tcp."

/* What one look-up found; its own memory, since the daemon may end before it does. */
struct lookup {
    uv_work_t work;
    struct monitor *monitor;
    bool automatic;
    char *service, *dns_server; /* NULL: the system's */
    struct relay_target targets[RELAY_TARGETS_MAX];
    struct addresses addresses[RELAY_TARGETS_MAX];
    char why[RELAY_TARGETS_MAX][RELAY_WHY_MAX]; /* there are none */
    size_t n;
    size_t records; /* SRV records that there are */
    enum err e;     /* of them */
    struct errinfo ei;
};

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
    size_t records;                 /* too many of them, as it was last told; 0: not */
    struct link_conf links;
    char read_buffer[READ_SIZE];
};

/* ---- who we are ---- */

static bool is_any(const union address *a)
{
    return a->any.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr)
                                        : a->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

static bool is_loopback(const union address *a)
{
    return a->any.sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr)
                                        : ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
}

static bool same_host(const union address *a, const union address *b)
{
    uint8_t x[16], y[16];

    address_key(a, x);
    address_key(b, y);
    return memcmp(x, y, sizeof(x)) == 0;
}

static bool is_local(const union address *a)
{
    uv_interface_address_t *all;
    bool found = is_loopback(a) || is_any(a);
    int n;

    if (found || uv_interface_addresses(&all, &n) != 0)
        return found;
    for (int i = 0; i < n && !found; i++) {
        union address mine = {0};

        if (all[i].address.address4.sin_family == AF_INET6)
            mine.v6 = all[i].address.address6;
        else
            mine.v4 = all[i].address.address4;
        found = same_host(a, &mine);
    }
    uv_free_interface_addresses(all, n);
    return found;
}

static bool is_ours(const struct monitor *m, const union address *a)
{
    for (size_t i = 0; i < m->own_count; i++) {
        const union address *own = &m->own[i];

        if (address_port(own) == address_port(a) &&
            (same_host(own, a) || (is_any(own) && is_local(a)) || (is_any(a) && is_local(own))))
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

/* ---- looking up, on a thread of the pool ---- */

static void find_targets(struct lookup *l, struct resolver *r)
{
    struct resolver_srv *found = NULL;
    size_t n = 0;

    l->e = resolver_srv(r, l->service, DNS_MS, &found, &n, &l->ei);
    l->records = n;
    for (size_t i = 0; l->e == ERR_OK && i < n && l->n < RELAY_TARGETS_MAX; i++) {
        struct relay_target *t = &l->targets[l->n++];

        *t = (struct relay_target){
            .port = found[i].port, .priority = found[i].priority, .weight = found[i].weight};
        snprintf(t->host, sizeof(t->host), "%s", found[i].host);
    }
    free(found);
}

static void take_found(struct resolver_name *name, struct addresses *out)
{
    for (size_t i = 0; i < name->n && out->n < RELAY_ADDRESSES_MAX; i++) {
        if (name->at[i].len <= sizeof(out->v[0]))
            memcpy(&out->v[out->n++], &name->at[i].at, name->at[i].len);
    }
    free(name->at);
}

static void find_addresses(struct lookup *l, struct resolver *r)
{
    struct resolver_name names[RELAY_TARGETS_MAX];

    for (size_t i = 0; i < l->n; i++)
        names[i] = (struct resolver_name){.host = l->targets[i].host, .port = l->targets[i].port};
    resolver_hosts(r, names, l->n, DNS_MS);
    for (size_t i = 0; i < l->n; i++) {
        struct errinfo ei;

        if (resolver_name_result(r, &names[i], &ei) != ERR_OK)
            snprintf(l->why[i], sizeof(l->why[i]), "%s", ei.text);
        take_found(&names[i], &l->addresses[i]);
    }
}

static void on_work(uv_work_t *work)
{
    struct lookup *l = work->data;
    struct resolver *r = NULL;

    l->e = resolver_new(l->dns_server, &r, &l->ei);
    if (l->e == ERR_OK && l->automatic)
        find_targets(l, r);
    if (l->e == ERR_OK)
        find_addresses(l, r);
    resolver_free(r);
}

static void free_lookup(struct lookup *l)
{
    free(l->service);
    free(l->dns_server);
    free(l);
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
        if (same_host(&a->v[i], &was->v[was->first]))
            a->first = i;
}

/* An upstream whose name cannot be looked up now keeps the addresses that it had. why: there are
 * none. */
static void take_addresses(struct monitor *m, const struct relay_target *t, struct addresses *a,
                           const char *why)
{
    struct relay *r = m->relay;
    enum relay_reach reach = without_ours(m, a);
    int id = relay_policy_find(&r->policy, t);

    if (id < 0)
        return;
    if (reach == RELAY_OURSELVES)
        tell_ourselves(m, (unsigned)id, t);
    if (reach == RELAY_NO_ADDRESS && r->policy.upstreams[id].reach == RELAY_REACHABLE)
        return;
    keep_first(a, &r->addresses[id]);
    r->addresses[id] = *a;
    relay_policy_reach(&r->policy, (unsigned)id, reach);
    if (reach == RELAY_NO_ADDRESS)
        snprintf(r->policy.upstreams[id].why, RELAY_WHY_MAX, "%s", why);
}

static void tell_dns(struct monitor *m, const struct lookup *l)
{
    const struct log *log = &m->relay->conf.log;

    if (l->e != ERR_OK && !m->dns_failed)
        log_as(log, LOGL_WARN, LOGK_UPSTREAM_WARNING, NULL,
               "[relay] upstream = auto: %s; the upstreams that are known stay", l->ei.text);
    else if (l->e == ERR_OK && m->dns_failed)
        log_as(log, LOGL_INFO, LOGK_UPSTREAM_WARNING, NULL,
               "[relay] upstream = auto: DNS answers again");
    m->dns_failed = l->e != ERR_OK;
    if (l->records > RELAY_TARGETS_MAX && l->records != m->records)
        log_as(log, LOGL_WARN, LOGK_UPSTREAM_WARNING, NULL,
               "[relay] upstream = auto: of the %zu records of %s the first %d are used",
               l->records, l->service, RELAY_TARGETS_MAX);
    if (l->e == ERR_OK)
        m->records = l->records > RELAY_TARGETS_MAX ? l->records : 0;
}

static void start_checks(struct monitor *m, bool new_ones);

static void on_found(uv_work_t *work, int status)
{
    struct lookup *l = work->data;
    struct monitor *m = l->monitor;
    struct relay *r = m->relay;

    m->looking = false;
    if (status == 0 && !m->closing) {
        tell_dns(m, l);
        pthread_mutex_lock(&r->lock);
        if (l->automatic && l->e == ERR_OK)
            (void)relay_policy_want(&r->policy, l->targets, l->n);
        for (size_t i = 0; i < l->n; i++)
            take_addresses(m, &l->targets[i], &l->addresses[i],
                           l->e != ERR_OK ? l->ei.text : l->why[i]);
        r->looked = true;
        r->policy.undecided = false;
        hub_wake(r);
        pthread_mutex_unlock(&r->lock);
        start_checks(m, true);
        tell_health(m);
    }
    free_lookup(l);
}

static void start_lookup(struct monitor *m)
{
    const struct relay *r = m->relay;
    struct lookup *l = m->looking ? NULL : calloc(1, sizeof(*l));

    if (l == NULL)
        return;
    l->monitor = m;
    l->work.data = l;
    l->automatic = r->automatic;
    memcpy(l->targets, r->targets, sizeof(l->targets));
    l->n = r->target_count;
    if (r->conf.dns_server != NULL)
        l->dns_server = strdup(r->conf.dns_server);
    if (r->automatic && asprintf(&l->service, SRV_SERVICE "%s", r->conf.domain) < 0)
        l->service = NULL;
    m->looking = (l->service != NULL || !r->automatic) &&
                 uv_queue_work(r->conf.loop, &l->work, on_work, on_found) == 0;
    if (!m->looking)
        free_lookup(l);
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
    c->link = relay_link_open(&m->links, &r->addresses[id].v[c->walk.at],
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

/* Upstreams that are named by their addresses need no look-up. */
static void take_literals(struct monitor *m)
{
    struct relay *r = m->relay;
    size_t taken = 0;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->target_count; i++) {
        struct addresses a = {.n = 1};
        char text[RELAY_TARGET_TEXT];

        if (address_parse(relay_target_format(&r->targets[i], text), &a.v[0], NULL) != ERR_OK)
            continue;
        take_addresses(m, &r->targets[i], &a, "");
        taken++;
    }
    r->looked = !r->automatic && taken == r->target_count;
    pthread_mutex_unlock(&r->lock);
}

enum err monitor_new(struct relay *r, struct errinfo *ei)
{
    struct monitor *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return err_nomem(ei);
    m->relay = r;
    m->links = (struct link_conf){.loop = r->conf.loop,
                                  .limit_ms = r->conf.attempt_ms,
                                  .idle_ms = r->conf.attempt_ms,
                                  .read_buffer = m->read_buffer,
                                  .read_size = READ_SIZE,
                                  .on_event = on_link};
    r->monitor = m;
    return ERR_OK;
}

void monitor_start(struct monitor *m, const char *own)
{
    const struct relay_conf *conf = &m->relay->conf;

    take_own(m, own);
    take_literals(m);
    uv_timer_init(conf->loop, &m->lookups);
    uv_timer_init(conf->loop, &m->health_checks);
    m->lookups.data = m->health_checks.data = m;
    m->handles = 2;
    m->started = true;
    uv_timer_start(&m->lookups, on_lookups, 0, conf->check_ms);
    uv_timer_start(&m->health_checks, on_health_checks, 0, conf->check_ms);
}

static void on_closed(uv_handle_t *h)
{
    struct monitor *m = h->data;

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
        uv_close((uv_handle_t *)&m->lookups, on_closed);
        uv_close((uv_handle_t *)&m->health_checks, on_closed);
    }
}

bool monitor_busy(const struct monitor *m)
{
    return m->looking;
}

bool monitor_closed(const struct monitor *m)
{
    return m->closing && m->handles == 0 && !m->looking;
}

void monitor_free(struct monitor *m)
{
    free(m);
}
