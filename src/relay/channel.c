#include "relay/channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/passfd.h"

#define READS_MAX 64 /* before the loop's other work gets its turn */

static void on_poll(uv_poll_t *p, int status, int events);

static void unlink_call(struct channel_call *call)
{
    struct channel *c = call->channel;

    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        c->first = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    else
        c->last = call->prev;
    call->channel = NULL;
}

void channel_forget(struct channel_call *call)
{
    if (call->channel != NULL)
        unlink_call(call);
}

/* ---- asking ---- */

/* 1: it was sent; 0: there is no room now; or an error of libuv. */
static int send_request(struct channel *c, const struct dialling_request *r)
{
    if (dialling_write_request(r, &c->out) != ERR_OK)
        return UV_ENOMEM;
    if (passfd_send(c->fd, c->out.data, c->out.len, PASSFD_NONE, MSG_DONTWAIT) ==
        (ssize_t)c->out.len)
        return 1;
    return errno == EAGAIN ? 0 : uv_translate_sys_error(errno);
}

static void attend(struct channel *c)
{
    bool more = c->look || (c->last != NULL && !c->last->sent);

    uv_poll_start(&c->poll, more ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
}

static const struct dialling_request look = {.type = DIALLING_LOOK};

/* What had to wait; a failure is the dialler's end, which whoever reads finds out. */
static void send_rest(struct channel *c)
{
    struct channel_call *call = c->last;

    if (c->look && send_request(c, &look) > 0)
        c->look = false;
    while (call != NULL && call->prev != NULL && !call->prev->sent)
        call = call->prev;
    for (; !c->look && call != NULL && !call->sent; call = call->next) {
        if (send_request(c, &call->request) <= 0)
            break;
        call->sent = true;
    }
    attend(c);
}

int channel_connect(struct channel *c, struct channel_call *call, uint32_t number,
                    unsigned limit_ms)
{
    bool behind = c->look || (c->last != NULL && !c->last->sent);
    int rc = 0;

    call->request = (struct dialling_request){
        .type = DIALLING_CONNECT, .ticket = ++c->ticket, .number = number, .limit_ms = limit_ms};
    if (!c->open)
        return UV_ECANCELED;
    if (!behind)
        rc = send_request(c, &call->request);
    if (rc < 0)
        return rc;
    call->sent = rc > 0;
    call->channel = c;
    call->next = NULL;
    call->prev = c->last;
    if (c->last != NULL)
        c->last->next = call;
    else
        c->first = call;
    c->last = call;
    if (!call->sent && !behind)
        attend(c);
    return 0;
}

int channel_look(struct channel *c)
{
    int rc = c->open ? send_request(c, &look) : UV_ECANCELED;

    if (rc != 0)
        return rc < 0 ? rc : 0;
    c->look = true;
    attend(c);
    return 0;
}

/* ---- what comes back ---- */

static struct channel_call *find(const struct channel *c, uint32_t ticket)
{
    struct channel_call *call = c->first;

    while (call != NULL && call->request.ticket != ticket)
        call = call->next;
    return call;
}

/* Takes fd. A descriptor that this process had no place for is our failure, not the upstream's. */
static void take_connected(struct channel *c, const struct dialling_answer *a, int fd)
{
    struct channel_call *call = find(c, a->ticket);
    int error = a->error != 0 ? uv_translate_sys_error(a->error) : fd < 0 ? UV_EMFILE : 0;

    if ((call == NULL || error != 0) && fd >= 0)
        close(fd);
    if (call == NULL)
        return; /* whoever asked has given up */
    unlink_call(call);
    call->done(call, error, error == 0 ? fd : -1);
}

/* The dialler is gone, or ends as it finds its line closed; nothing can be asked any more. */
static void lose(struct channel *c)
{
    uv_poll_stop(&c->poll);
    shutdown(c->fd, SHUT_RDWR);
    c->open = false;
    while (c->first != NULL) {
        struct channel_call *call = c->first;

        unlink_call(call);
        call->done(call, UV_ECANCELED, -1);
    }
}

/* False: nothing more is to be read now. */
static bool read_answer(struct channel *c)
{
    uint8_t record[DIALLING_MAX];
    struct dialling_answer a;
    int fd;
    ssize_t n = passfd_receive(c->fd, record, sizeof(record), &fd, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0 || dialling_read_answer(record, (size_t)n, &a) != ERR_OK) {
        if (fd >= 0)
            close(fd);
        lose(c);
        return false;
    }
    if (a.type == DIALLING_CONNECTED) {
        take_connected(c, &a, fd);
    } else {
        if (fd >= 0)
            close(fd);
        if (c->on_found != NULL)
            c->on_found(c->arg, &a);
    }
    return c->open;
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct channel *c = p->data;

    if (status < 0) {
        lose(c);
        return;
    }
    for (int i = 0; i < READS_MAX && read_answer(c); i++)
        ;
    if (c->open && (events & UV_WRITABLE))
        send_rest(c);
}

/* ---- life ---- */

int channel_open(struct channel *c, uv_loop_t *loop, int fd)
{
    int rc = uv_poll_init(loop, &c->poll, fd);

    if (rc != 0)
        return rc;
    c->poll.data = c;
    c->fd = fd;
    c->open = true;
    attend(c);
    return 0;
}

void channel_close(struct channel *c, uv_close_cb closed)
{
    c->open = false;
    while (c->first != NULL)
        unlink_call(c->first);
    buf_fini(&c->out);
    uv_close((uv_handle_t *)&c->poll, closed);
}
