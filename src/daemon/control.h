/* control: the Unix socket for adbactl. One JSON object per line in, one per line out
 * (docs/daemon.md). Several clients at once, and none can hold up the loop by being
 * slow; a command that asks the steward or the ledger's writer does, for seconds at most, and one
 * that writes to the ledger until the disk has it. */
#ifndef ADBAD_DAEMON_CONTROL_H
#define ADBAD_DAEMON_CONTROL_H

#include <jansson.h>
#include <uv.h>

#include "base/log.h"

struct control;

/* One command: fills reply (an object that already holds "ok": true). */
typedef enum err control_fn(void *arg, const json_t *request, json_t *reply, struct errinfo *ei);

struct control_command {
    const char *name;
    control_fn *fn;
    const char *const *keys; /* what the request may hold beside "cmd"; NULL-terminated */
};

struct control_conf {
    uv_loop_t *loop;
    const char *path;                       /* socket, made with mode 0600 */
    const struct control_command *commands; /* ends with a NULL name; outlives the control */
    void *arg;
    struct log log;
};

/* Whether path could be the socket's: ERR_CONFIG if it is too long, ERR_EXISTS if something else is
 * there. */
MUST_CHECK enum err control_check(const char *path, struct errinfo *ei);
/* Makes the socket. ERR_BUSY if a live daemon answers on path; a socket nobody answers on is
 * replaced; anything else there is left alone: ERR_EXISTS. */
MUST_CHECK enum err control_open(const struct control_conf *conf, struct control **out,
                                 struct errinfo *ei);
/* Answers from now on. */
MUST_CHECK enum err control_start(struct control *c, struct errinfo *ei);
/* Closes all and removes the socket; free once control_closed. */
void control_close(struct control *c);
bool control_closed(const struct control *c);
void control_free(struct control *c);

/* The daemon's own commands (commands.c). */
extern const struct control_command daemon_commands[];

#endif
