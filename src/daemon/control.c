#include "daemon/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

#define CLIENTS_MAX      32
#define REQUEST_LINE_MAX 16384
#define BACKLOG          16

struct client {
    uv_pipe_t pipe;
    struct control *control;
    struct client *prev, *next;
    struct buf line;
    bool writing, eof, closing;
};

struct answer {
    uv_write_t req;
    struct client *client;
    char *text; /* from json_dumps */
};

struct control {
    struct control_conf conf;
    uv_pipe_t listener;
    struct client *clients;
    unsigned open;
    bool closing, closed;
    char read_buffer[4096];
};

/* ---- one line ---- */

static json_t *failure(enum err e, const struct errinfo *ei)
{
    json_t *j = json_pack("{s:b, s:s, s:s%}", "ok", 0, "error", err_name(e), "text", ei->text,
                          strlen(ei->text));
    char code[16];

    if (ei->hresult != 0) {
        snprintf(code, sizeof(code), "0x%08X", ei->hresult);
        json_object_set_new(j, "code", json_string(code));
    }
    return j;
}

static enum err check_keys(const struct control_command *cmd, json_t *request, struct errinfo *ei)
{
    const char *key;
    json_t *value;

    json_object_foreach(request, key, value)
    {
        const char *const *known = cmd->keys;

        if (strcmp(key, "cmd") == 0)
            continue;
        while (known != NULL && *known != NULL && strcmp(*known, key) != 0)
            known++;
        if (known == NULL || *known == NULL)
            return err_fail(ei, ERR_USAGE, "command %s: it has no argument \"%s\"", cmd->name, key);
    }
    return ERR_OK;
}

static enum err run(struct control *c, json_t *request, json_t *reply, struct errinfo *ei)
{
    const struct control_command *cmd = c->conf.commands;
    const char *name = json_string_value(json_object_get(request, "cmd"));
    enum err e;

    if (name == NULL)
        return err_fail(ei, ERR_USAGE, "expected a JSON object with a string \"cmd\"");
    while (cmd->name != NULL && strcmp(cmd->name, name) != 0)
        cmd++;
    if (cmd->name == NULL)
        return err_fail(ei, ERR_NOTFOUND, "there is no command \"%s\"", name);
    e = check_keys(cmd, request, ei);
    return e == ERR_OK ? cmd->fn(c->conf.arg, request, reply, ei) : e;
}

/* The answer to one line, without a newline; from malloc, NULL when out of memory. */
static char *answer_line(struct control *c, const void *line, size_t len)
{
    struct errinfo ei = {0};
    json_error_t where;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    json_t *reply = json_pack("{s:b}", "ok", 1);
    char *text;
    enum err e;

    if (request == NULL)
        e = err_fail(&ei, ERR_MALFORMED, "not JSON: %s", where.text);
    else
        e = run(c, request, reply, &ei);
    if (e != ERR_OK) {
        json_decref(reply);
        reply = failure(e, &ei);
    }
    text = json_dumps(reply, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(reply);
    json_decref(request);
    return text;
}

/* ---- clients ---- */

static void on_client_closed(uv_handle_t *h)
{
    struct client *cl = h->data;
    struct control *c = cl->control;

    if (cl->prev != NULL)
        cl->prev->next = cl->next;
    else
        c->clients = cl->next;
    if (cl->next != NULL)
        cl->next->prev = cl->prev;
    buf_fini(&cl->line);
    free(cl);
    c->open--;
}

static void close_client(struct client *cl)
{
    if (cl->closing)
        return;
    cl->closing = true;
    uv_close((uv_handle_t *)&cl->pipe, on_client_closed);
}

static void serve_lines(struct client *cl);
static int read_on(struct client *cl);

static void on_written(uv_write_t *req, int status)
{
    struct answer *a = (struct answer *)req;
    struct client *cl = a->client;

    free(a->text);
    free(a);
    cl->writing = false;
    if (status < 0 || (!cl->eof && read_on(cl) != 0))
        close_client(cl);
    else
        serve_lines(cl);
}

static void send_answer(struct client *cl, char *text)
{
    struct answer *a = text == NULL ? NULL : malloc(sizeof(*a));
    static char newline[] = "\n"; /* libuv may write it later */
    uv_buf_t parts[2];

    if (a == NULL) {
        free(text);
        close_client(cl);
        return;
    }
    a->client = cl;
    a->text = text;
    parts[0] = uv_buf_init(text, (unsigned)strlen(text));
    parts[1] = uv_buf_init(newline, 1);
    cl->writing = true;
    if (uv_write(&a->req, (uv_stream_t *)&cl->pipe, parts, 2, on_written) != 0) {
        cl->writing = false;
        free(a->text);
        free(a);
        close_client(cl);
    }
}

/* One line at a time: the next is looked at, and more is read, when the answer to the last has gone
 * out. */
static void serve_lines(struct client *cl)
{
    uint8_t *end;
    size_t len;
    char *text;

    if (cl->closing || cl->writing)
        return;
    end = cl->line.len == 0 ? NULL : memchr(cl->line.data, '\n', cl->line.len);
    len = end == NULL ? cl->line.len : (size_t)(end - cl->line.data);
    if (cl->line.err != ERR_OK || len > REQUEST_LINE_MAX) {
        log_as(&cl->control->conf.log, LOGL_WARN, LOGK_CONTROL, "line-too-long",
               "control client closed: its line is longer than %d bytes", REQUEST_LINE_MAX);
        close_client(cl);
        return;
    }
    if (end == NULL) {
        if (cl->eof)
            close_client(cl);
        return;
    }
    uv_read_stop((uv_stream_t *)&cl->pipe);
    text = answer_line(cl->control, cl->line.data, len);
    buf_drop(&cl->line, len + 1);
    send_answer(cl, text);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct client *cl = h->data;

    (void)suggested;
    *b = uv_buf_init(cl->control->read_buffer, sizeof(cl->control->read_buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct client *cl = stream->data;

    if (n == 0)
        return;
    if (n < 0) {
        cl->eof = true;
        uv_read_stop(stream);
    } else {
        buf_add(&cl->line, b->base, (size_t)n);
    }
    serve_lines(cl);
}

static int read_on(struct client *cl)
{
    return uv_read_start((uv_stream_t *)&cl->pipe, on_alloc, on_read);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *c = listener->data;
    struct client *cl = status < 0 ? NULL : calloc(1, sizeof(*cl));

    if (cl == NULL)
        return;
    cl->control = c;
    cl->pipe.data = cl;
    uv_pipe_init(c->conf.loop, &cl->pipe, 0);
    cl->next = c->clients;
    if (cl->next != NULL)
        cl->next->prev = cl;
    c->clients = cl;
    c->open++;
    if (uv_accept(listener, (uv_stream_t *)&cl->pipe) != 0 || c->open > CLIENTS_MAX ||
        read_on(cl) != 0)
        close_client(cl);
}

/* ---- the socket ---- */

static enum err in_use(const char *path, struct errinfo *ei)
{
    return err_fail(ei, ERR_BUSY,
                    "control socket %s: another adbad answers there; stop it, or name another "
                    "[control] socket",
                    path);
}

/* Whether nobody listens there any more. Who may be there all the same is left alone. */
static enum err check_stale(const struct sockaddr_un *a, struct errinfo *ei)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), why = errno;

    if (fd >= 0) {
        why = connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 ? 0 : errno;
        close(fd);
    }
    if (fd >= 0 && (why == ECONNREFUSED || why == ENOENT))
        return ERR_OK;
    if (fd >= 0 && (why == 0 || why == EAGAIN))
        return in_use(a->sun_path, ei);
    return err_fail_errno(ei, why, "ask whether another adbad answers on the control socket %s",
                          a->sun_path);
}

enum err control_check(const char *path, struct errinfo *ei)
{
    struct sockaddr_un a;
    struct stat st;

    if (strlen(path) >= sizeof(a.sun_path))
        return err_fail(ei, ERR_CONFIG,
                        "control socket %s: the path is longer than the %zu bytes that the system "
                        "takes",
                        path, sizeof(a.sun_path) - 1);
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? ERR_OK : err_fail_errno(ei, errno, "control socket %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_fail(ei, ERR_EXISTS,
                        "control socket %s: something that is no socket has that name; it was left "
                        "alone, name another [control] socket",
                        path);
    return ERR_OK;
}

/* Leaves the path free, or says why it can't be. */
static enum err clear_path(const char *path, struct errinfo *ei)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    enum err e = control_check(path, ei);

    if (e != ERR_OK || access(path, F_OK) != 0)
        return e;
    memcpy(a.sun_path, path, strlen(path));
    e = check_stale(&a, ei);
    if (e != ERR_OK)
        return e;
    if (unlink(path) != 0 && errno != ENOENT)
        return err_fail_errno(ei, errno, "remove the stale control socket %s", path);
    return ERR_OK;
}

enum err control_open(const struct control_conf *conf, struct control **out, struct errinfo *ei)
{
    struct control *c;
    enum err e = clear_path(conf->path, ei);
    mode_t mask;
    int rc;

    if (e != ERR_OK)
        return e;
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return err_nomem(ei);
    c->conf = *conf;
    c->listener.data = c;
    uv_pipe_init(conf->loop, &c->listener, 0);
    mask = umask(0177);
    rc = uv_pipe_bind(&c->listener, conf->path);
    umask(mask);
    *out = c;
    if (rc == 0)
        return ERR_OK;
    err_fail_errno(ei, -rc, "make the control socket %s", conf->path);
    return err_fail(ei, ei->code, "%s; its folder must exist and be ours", ei->text);
}

enum err control_start(struct control *c, struct errinfo *ei)
{
    int rc = uv_listen((uv_stream_t *)&c->listener, BACKLOG, on_connection);

    return rc == 0 ? ERR_OK
                   : err_fail_errno(ei, -rc, "answer on the control socket %s", c->conf.path);
}

static void on_listener_closed(uv_handle_t *h)
{
    struct control *c = h->data;

    c->closed = true;
}

void control_close(struct control *c)
{
    struct client *cl, *next;

    if (c->closing)
        return;
    c->closing = true;
    for (cl = c->clients; cl != NULL; cl = next) {
        next = cl->next;
        close_client(cl);
    }
    uv_close((uv_handle_t *)&c->listener, on_listener_closed); /* libuv removes the name too */
}

bool control_closed(const struct control *c)
{
    return c->closing && c->closed && c->open == 0;
}

void control_free(struct control *c)
{
    free(c);
}
