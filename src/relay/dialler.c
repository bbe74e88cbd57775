#include "relay/dialler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/passfd.h"
#include "base/process.h"
#include "confine/confine.h"
#include "confine/places.h"
#include "relay/book.h"
#include "relay/lookup.h"

#define CALLS_MAX     4096 /* under way for one channel: further requests wait in it */
#define READS_MAX     64   /* of one channel before others get their turn */
#define LIMIT_MAX_MS  3600000
#define LIMIT_MORE_MS 1000 /* whoever asked gives up first, and says so */
#define AGAIN_MS      50   /* where the system had no room for an answer */

/* An answer that its channel had no room for. */
struct answer {
    struct answer *next;
    int fd; /* goes along; PASSFD_NONE: none */
    size_t len;
    uint8_t data[];
};

/* The dialler's end of a channel. */
struct line {
    uv_poll_t poll;
    uv_timer_t again;
    struct desk *desk;
    int fd;      /* -1: lost */
    size_t busy; /* calls under way */
    struct answer *first, **last;
};

/* A connection that is being made. */
struct call {
    uv_poll_t poll;
    uv_timer_t timer;
    struct line *line;
    uint32_t ticket;
    int fd;
    unsigned handles;
};

/* The process. */
struct desk {
    uv_loop_t loop;
    uv_poll_t control;
    struct line lines[DIALLER_CHANNELS_MAX];
    struct buf out;
    struct book book;
    uint64_t round; /* of look-ups */
    struct relay_target targets[RELAY_TARGETS_MAX];
    size_t target_count;
    const char *domain; /* NULL: the targets are configured */
    const char *dns_server;
    uv_work_t work;
    struct line *looker; /* who waits for the look-up; NULL: none is under way */
    struct lookup lookup;
};

/* ---- what is told ---- */

static void on_line(uv_poll_t *p, int status, int events);
static void tell_kept(struct line *l);

/* Requests are read while answers find room and not too much is under way. */
static void attend(struct line *l)
{
    int events = l->first != NULL ? UV_WRITABLE : l->busy < CALLS_MAX ? UV_READABLE : 0;

    if (l->fd < 0)
        return;
    if (uv_is_active((uv_handle_t *)&l->again))
        events = 0;
    if (events == 0)
        uv_poll_stop(&l->poll);
    else
        uv_poll_start(&l->poll, events, on_line);
}

static void drop_answer(struct line *l)
{
    struct answer *a = l->first;

    l->first = a->next;
    if (l->first == NULL)
        l->last = &l->first;
    if (a->fd >= 0)
        close(a->fd);
    free(a);
}

/* Its loop could reach no upstream any more: a process that starts anew is better, so this one
 * ends, and with it adbad. */
static void lose(struct line *l)
{
    if (l->fd < 0)
        return;
    uv_stop(&l->desk->loop);
    uv_timer_stop(&l->again);
    uv_poll_stop(&l->poll);
    close(l->fd);
    l->fd = -1;
    while (l->first != NULL)
        drop_answer(l);
}

static void on_again(uv_timer_t *t)
{
    tell_kept(t->data);
}

/* False: there is no room now. */
static bool send_record(struct line *l, const void *data, size_t len, int fd)
{
    if (passfd_send(l->fd, data, len, fd, MSG_DONTWAIT) == (ssize_t)len)
        return true;
    if (errno == EAGAIN)
        return false;
    /* More descriptors are on their way between processes than this user may have, or there is no
     * memory: what poll would not tell the end of. */
    if (errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM) {
        uv_timer_start(&l->again, on_again, AGAIN_MS, 0);
        return false;
    }
    lose(l);
    return true;
}

/* Takes fd. */
static void keep(struct line *l, int fd)
{
    const struct buf *out = &l->desk->out;
    struct answer *a = malloc(sizeof(*a) + out->len);

    if (a == NULL) { /* an asker would wait for it in vain */
        if (fd >= 0)
            close(fd);
        lose(l);
        return;
    }
    *a = (struct answer){.fd = fd, .len = out->len};
    memcpy(a->data, out->data, out->len);
    *l->last = a;
    l->last = &a->next;
    attend(l);
}

/* Takes fd. */
static void tell(struct line *l, const struct dialling_answer *a, int fd)
{
    struct buf *out = &l->desk->out;

    if (l->fd < 0 || dialling_write_answer(a, out) != ERR_OK) {
        lose(l);
    } else if (l->first != NULL || !send_record(l, out->data, out->len, fd)) {
        keep(l, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
}

static void tell_kept(struct line *l)
{
    while (l->first != NULL && send_record(l, l->first->data, l->first->len, l->first->fd))
        if (l->first != NULL) /* not lost */
            drop_answer(l);
    attend(l);
}

static void tell_connected(struct line *l, uint32_t ticket, int error, int fd)
{
    const struct dialling_answer a = {.type = DIALLING_CONNECTED, .ticket = ticket, .error = error};

    tell(l, &a, fd);
}

/* ---- connecting ---- */

static void on_call_closed(uv_handle_t *h)
{
    struct call *c = h->data;

    if (--c->handles == 0)
        free(c);
}

/* error 0: it is connected. */
static void end_call(struct call *c, int error)
{
    struct line *l = c->line;
    int fd = c->fd;

    uv_close((uv_handle_t *)&c->poll, on_call_closed);
    uv_close((uv_handle_t *)&c->timer, on_call_closed);
    l->busy--;
    if (error != 0) {
        close(fd);
        fd = PASSFD_NONE;
    }
    tell_connected(l, c->ticket, error, fd);
    attend(l);
}

/* What libuv says of a socket with an error is not which. */
static void on_connected(uv_poll_t *p, int status, int events)
{
    struct call *c = p->data;
    int error = 0;
    socklen_t len = sizeof(error);

    (void)events;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    end_call(c, error == 0 ? -status : error);
}

static void on_late(uv_timer_t *t)
{
    end_call(t->data, ETIMEDOUT);
}

/* Waits for what becomes of it; takes fd. Returns an errno, or 0. */
static int follow(struct line *l, const struct dialling_request *r, int fd)
{
    struct call *c = calloc(1, sizeof(*c));
    uint64_t ms = r->limit_ms < LIMIT_MAX_MS ? r->limit_ms : LIMIT_MAX_MS;
    int rc = c == NULL ? UV_ENOMEM : uv_poll_init(&l->desk->loop, &c->poll, fd);

    if (rc != 0) {
        free(c);
        close(fd);
        return -rc;
    }
    c->line = l;
    c->ticket = r->ticket;
    c->fd = fd;
    c->handles = 2;
    uv_timer_init(&l->desk->loop, &c->timer);
    c->poll.data = c->timer.data = c;
    uv_poll_start(&c->poll, UV_WRITABLE, on_connected);
    uv_timer_start(&c->timer, on_late, ms + LIMIT_MORE_MS, 0);
    l->busy++;
    return 0;
}

static void call(struct line *l, const struct dialling_request *r)
{
    const union address *to = book_find(&l->desk->book, r->number);
    socklen_t len = to != NULL && to->any.sa_family == AF_INET6 ? sizeof(to->v6) : sizeof(to->v4);
    int fd =
        to == NULL ? -1 : socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = to == NULL ? ENXIO : fd < 0 ? errno : 0;

    if (error == 0 && connect(fd, &to->any, len) == 0) {
        tell_connected(l, r->ticket, 0, fd);
        return;
    }
    if (error == 0 && (errno == EINPROGRESS || errno == EINTR)) {
        error = follow(l, r, fd);
        if (error == 0)
            return;
    } else if (error == 0) {
        error = errno;
        close(fd);
    }
    tell_connected(l, r->ticket, error, PASSFD_NONE);
}

/* ---- looking up ---- */

static void tell_found(struct desk *d, struct line *l, const struct dialling_found *found)
{
    struct dialling_answer a = {.type = DIALLING_FOUND, .found = *found};

    for (unsigned i = 0; i < a.found.n; i++)
        a.found.at[i].number = book_number(&d->book, &found->at[i].at, d->round);
    tell(l, &a, PASSFD_NONE);
}

static void tell_looked(struct desk *d)
{
    const struct lookup *k = &d->lookup;
    struct dialling_answer a = {
        .type = DIALLING_LOOKED, .failed = k->e != ERR_OK, .records = k->records};

    if (a.failed)
        snprintf(a.why, sizeof(a.why), "%s", k->ei.text);
    for (size_t i = 0; i < k->n; i++)
        tell_found(d, d->looker, &k->found[i]);
    tell(d->looker, &a, PASSFD_NONE);
    d->looker = NULL;
}

static void on_work(uv_work_t *w)
{
    struct desk *d = w->data;

    lookup_run(&d->lookup);
}

static void on_looked(uv_work_t *w, int status)
{
    (void)status;
    tell_looked(w->data);
}

/* Upstreams that are named by their addresses are found at once. */
static bool find_literal(struct desk *d, struct line *l, const struct relay_target *t)
{
    struct dialling_found found = {.target = *t, .n = 1};
    char text[RELAY_TARGET_TEXT];

    if (address_parse(relay_target_format(t, text), &found.at[0].at, NULL) != ERR_OK)
        return false;
    found.at[0].local = lookup_is_local(&found.at[0].at);
    tell_found(d, l, &found);
    return true;
}

static void look(struct line *l)
{
    struct desk *d = l->desk;
    struct lookup *k = &d->lookup;

    if (d->looker != NULL)
        return;
    d->looker = l;
    d->round++;
    *k = (struct lookup){.domain = d->domain, .dns_server = d->dns_server};
    for (size_t i = 0; i < d->target_count; i++)
        if (!find_literal(d, l, &d->targets[i]))
            k->found[k->n++].target = d->targets[i];
    d->work.data = d;
    if ((k->n > 0 || k->domain != NULL) &&
        uv_queue_work(&d->loop, &d->work, on_work, on_looked) == 0)
        return;
    tell_looked(d);
}

/* ---- the process ---- */

/* False: nothing more is to be read now. */
static bool read_request(struct line *l)
{
    uint8_t record[DIALLING_MAX];
    struct dialling_request r;
    int fd;
    ssize_t n = passfd_receive(l->fd, record, sizeof(record), &fd, MSG_DONTWAIT);

    if (fd >= 0)
        close(fd);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0 || dialling_read_request(record, (size_t)n, &r) != ERR_OK) {
        lose(l); /* nobody of ours says that */
        return false;
    }
    if (r.type == DIALLING_LOOK)
        look(l);
    else
        call(l, &r);
    return l->fd >= 0 && l->first == NULL && l->busy < CALLS_MAX;
}

static void on_line(uv_poll_t *p, int status, int events)
{
    struct line *l = p->data;

    if (status < 0) {
        lose(l);
    } else if (events & UV_WRITABLE) {
        tell_kept(l);
    } else {
        for (int i = 0; i < READS_MAX && read_request(l); i++)
            ;
        attend(l);
    }
}

/* The network process is gone. */
static void on_control(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    uv_stop(p->loop);
}

static bool open_lines(struct desk *d, int control, const int *lines, unsigned n)
{
    if (uv_loop_init(&d->loop) != 0 || uv_poll_init(&d->loop, &d->control, control) != 0)
        return false;
    uv_poll_start(&d->control, UV_READABLE | UV_DISCONNECT, on_control);
    for (unsigned i = 0; i < n; i++) {
        struct line *l = &d->lines[i];

        *l = (struct line){.desk = d, .fd = lines[i], .last = &l->first};
        l->poll.data = l->again.data = l;
        uv_timer_init(&d->loop, &l->again);
        if (uv_poll_init(&d->loop, &l->poll, l->fd) != 0)
            return false;
        attend(l);
    }
    return true;
}

/* What it could not give up, the network process can't either, and warns of. */
static void give_up(void)
{
    struct confinement c = {.paths = {.given_up = PATHS_ALL, .no_bind = true},
                            .calls.given_up = CALLS_EXEC | CALLS_FORK | CALLS_LISTEN |
                                              CALLS_SIGNAL | CALLS_FILES | CALLS_UNIX};

    places_system(&c.paths);
    places_resolver_folders(&c.paths);
    (void)!confine(&c, NULL);
    confinement_fini(&c);
}

/* A look-up may last: nobody waits for it. */
static void __attribute__((noreturn)) serve(struct desk *d, const struct dialler *ends)
{
    int kept[1 + DIALLER_CHANNELS_MAX];

    kept[0] = ends->control;
    memcpy(kept + 1, ends->channels, ends->n * sizeof(kept[0]));
    process_begin("adbad-dialler");
    process_keep(kept, 1 + ends->n);
    give_up();
    if (!open_lines(d, ends->control, ends->channels, ends->n))
        _exit(EXIT_FAILED);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    if (d->looker != NULL)
        _exit(EXIT_OK);
    exit(EXIT_OK);
}

/* ---- the network process' side ---- */

void dialler_close_channels(struct dialler *d)
{
    for (unsigned i = 0; i < d->n; i++)
        close(d->channels[i]);
    d->n = 0;
}

static void close_ends(struct dialler *d)
{
    dialler_close_channels(d);
    if (d->control >= 0)
        close(d->control);
}

static int open_pair(int *here, int *there)
{
    int pair[2], rc = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);

    *here = rc == 0 ? pair[0] : -1;
    *there = rc == 0 ? pair[1] : -1;
    return rc;
}

/* Both ends of all sockets; each end's descriptors ascend, since nothing is closed meanwhile. */
static enum err open_ends(unsigned n, struct dialler *here, struct dialler *there,
                          struct errinfo *ei)
{
    int rc = open_pair(&here->control, &there->control);

    while (rc == 0 && here->n < n) {
        rc = open_pair(&here->channels[here->n], &there->channels[there->n]);
        if (rc == 0) {
            here->n++;
            there->n++;
        }
    }
    return rc == 0 ? ERR_OK : err_fail_errno(ei, errno, "start the dialler process");
}

static enum err new_desk(const struct dialler_conf *conf, struct desk **out, struct errinfo *ei)
{
    struct desk *d = calloc(1, sizeof(*d));
    bool automatic;
    enum err e;

    if (d == NULL)
        return err_nomem(ei);
    e = relay_targets_parse(conf->upstream, &automatic, d->targets, &d->target_count, ei);
    if (e != ERR_OK) {
        free(d);
        return e;
    }
    d->domain = automatic ? conf->domain : NULL;
    d->dns_server = conf->dns_server;
    *out = d;
    return ERR_OK;
}

enum err dialler_start(const struct dialler_conf *conf, struct dialler *out, struct errinfo *ei)
{
    struct dialler there = {0};
    struct desk *desk = NULL;
    enum err e = new_desk(conf, &desk, ei);

    *out = (struct dialler){.control = -1};
    if (e != ERR_OK)
        return e;
    there.control = -1;
    e = open_ends(conf->channels, out, &there, ei);
    if (e == ERR_OK) {
        fflush(NULL); /* once, not once by each process */
        out->pid = fork();
        if (out->pid == 0)
            serve(desk, &there);
        if (out->pid < 0)
            e = err_fail_errno(ei, errno, "start the dialler process");
    }
    free(desk);
    close_ends(&there);
    if (e != ERR_OK) {
        close_ends(out);
        *out = (struct dialler){.control = -1};
    }
    return e;
}
