#include "cli/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "settings/settings.h"

#define ANSWER_MAX     (16u * 1024 * 1024)
#define ANSWER_SECONDS 20
#define POLL_MS        50
#define WAIT_SECONDS   600

/* What starts it: an installed one is the service's, which a second one started by hand would be in
 * the way of. */
enum err ask_unreachable(const char *path, int errnum, bool systemd, struct errinfo *ei)
{
    bool service = systemd && strcmp(path, SETTINGS_DEFAULT_SOCKET) == 0;

    if (errnum == ENOENT || errnum == ECONNREFUSED)
        return err_fail(ei, ERR_UNREACHABLE, "no adbad answers on %s; %s", path,
                        service ? "\"systemctl start adbad\" starts it, \"systemctl status adbad\" "
                                  "tells why it does not run"
                                : "start it with \"adbad --config FILE\"");
    return cli_denied(err_fail_errno(ei, errnum, "ask adbad on %s", path), ei);
}

static enum err unreachable(const char *path, int errnum, struct errinfo *ei)
{
    return ask_unreachable(path, errnum, access("/run/systemd/system", F_OK) == 0, ei);
}

static enum err dial(const char *path, int *out, struct errinfo *ei)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    int fd;

    if (strlen(path) >= sizeof(a.sun_path))
        return err_fail(ei, ERR_CONFIG, "control socket %s: the path is too long", path);
    memcpy(a.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_fail_errno(ei, errno, "make a socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
        int errnum = errno;

        close(fd);
        return unreachable(path, errnum, ei);
    }
    *out = fd;
    return ERR_OK;
}

static enum err exchange(int fd, const char *line, struct buf *answer, struct errinfo *ei)
{
    size_t len = strlen(line);

    if (send(fd, line, len, MSG_NOSIGNAL) != (ssize_t)len || send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
        return err_fail_errno(ei, errno, "ask adbad");
    while (answer->len == 0 || answer->data[answer->len - 1] != '\n') {
        char part[8192];
        ssize_t n = recv(fd, part, sizeof(part), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return err_fail(ei, ERR_TIMEOUT, "adbad does not answer within %d s", ANSWER_SECONDS);
        if (n <= 0 || answer->len + (size_t)n > ANSWER_MAX)
            return err_fail(ei, ERR_UNREACHABLE, "adbad closed its control socket");
        buf_add(answer, part, (size_t)n);
        if (answer->err != ERR_OK)
            return err_nomem(ei);
    }
    return ERR_OK;
}

/* The daemon names its errors by err_name. */
enum err ask_error_named(const char *name)
{
    for (int i = 1; name != NULL && i < ERR_COUNT; i++) {
        if (strcmp(err_name((enum err)i), name) == 0)
            return (enum err)i;
    }
    return ERR_INTERNAL;
}

static enum err reported(const json_t *answer, struct errinfo *ei)
{
    const char *name = json_string_value(json_object_get(answer, "error"));
    const char *text = json_string_value(json_object_get(answer, "text"));
    const char *documented = json_string_value(json_object_get(answer, "code"));

    return err_fail_hr(ei, ask_error_named(name),
                       documented == NULL ? 0 : (uint32_t)strtoul(documented, NULL, 16), "%s",
                       text == NULL ? "adbad gave an answer without sense" : text);
}

enum err ask_daemon(const struct settings *s, const char *cmd, json_t *args, json_t **reply,
                    struct errinfo *ei)
{
    json_t *request = args == NULL ? json_object() : args, *j = NULL;
    struct buf answer = BUF_INIT;
    char *line = NULL;
    int fd = -1;
    enum err e;

    json_object_set_new(request, "cmd", json_string(cmd));
    line = json_dumps(request, JSON_COMPACT);
    e = line == NULL ? err_nomem(ei) : dial(s->control_socket, &fd, ei);
    if (e == ERR_OK)
        e = exchange(fd, line, &answer, ei);
    if (e != ERR_OK)
        goto out;
    j = json_loadb((const char *)answer.data, answer.len, 0, NULL);
    if (!json_is_true(json_object_get(j, "ok")))
        e = reported(j, ei);
    else if (reply != NULL)
        *reply = json_incref(j);
out:
    if (fd >= 0)
        close(fd);
    free(line);
    buf_fini(&answer);
    json_decref(j);
    json_decref(request);
    return e;
}

void ask_reload_hostkeys(const struct settings *s)
{
    struct errinfo ei;
    enum err e = ask_daemon(s, "reload-hostkeys", NULL, NULL, &ei);

    if (e != ERR_OK && e != ERR_UNREACHABLE)
        fprintf(stderr, "adbactl: adbad was not told and still serves what it served: %s\n",
                ei.text);
}

enum err ask_here(struct cli *cli, const char *cmd, json_t *args, json_t **reply,
                  struct errinfo *ei)
{
    const struct settings *s;
    enum err e = cli_settings(cli, &s, ei);

    if (e != ERR_OK) {
        json_decref(args);
        return e;
    }
    e = ask_daemon(s, cmd, args, reply, ei);
    if (e == ERR_OK)
        json_object_del(*reply, "ok");
    return e;
}

enum err ask_status_here(struct cli *cli, const char *cmd, json_t **status, struct errinfo *ei)
{
    json_t *reply = NULL;
    enum err e = ask_here(cli, cmd, NULL, &reply, ei);

    if (e == ERR_OK)
        *status = json_incref(json_object_get(reply, "status"));
    json_decref(reply);
    return e;
}

enum err ask_until_here(struct cli *cli, const char *cmd, const char *member, long long number,
                        const char *late, json_t **status, struct errinfo *ei)
{
    for (int64_t waited = 0; waited < WAIT_SECONDS * 1000; waited += POLL_MS) {
        enum err e = ask_status_here(cli, cmd, status, ei);

        if (e != ERR_OK || ask_number(*status, member) >= number)
            return e;
        json_decref(*status);
        *status = NULL;
        poll(NULL, 0, POLL_MS);
    }
    return err_fail(ei, ERR_TIMEOUT, "%s", late);
}

int ask_run_by(struct cli *cli, int argc, char **argv, const struct ask_verb *v)
{
    struct errinfo ei = {0};
    json_t *answer = NULL;
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    e = v->ask(cli, v->cmd, &answer, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(json_incref(answer));
    else
        v->print(answer);
    code = v->judge == NULL ? EXIT_OK : v->judge(answer);
    json_decref(answer);
    return code;
}

static enum err ask_whole(struct cli *cli, const char *cmd, json_t **reply, struct errinfo *ei)
{
    return ask_here(cli, cmd, NULL, reply, ei);
}

int ask_run(struct cli *cli, int argc, char **argv, const char *cmd,
            void (*print)(const json_t *reply))
{
    return ask_run_by(cli, argc, argv,
                      &(struct ask_verb){.cmd = cmd, .ask = ask_whole, .print = print});
}

int ask_run_status(struct cli *cli, int argc, char **argv, const char *cmd,
                   void (*print)(const json_t *status))
{
    return ask_run_by(cli, argc, argv,
                      &(struct ask_verb){.cmd = cmd, .ask = ask_status_here, .print = print});
}
