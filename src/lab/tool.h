/* tool: runs other programs, here or in a node, from argument arrays: no shell takes part. */
#ifndef ADBAD_LAB_TOOL_H
#define ADBAD_LAB_TOOL_H

#include "base/buf.h"
#include "base/err.h"
#include "lab/node.h"

struct tool {
    const char *const *argv;    /* NULL-terminated; the program is searched in the usual places */
    const struct node *in;      /* NULL: here */
    const struct node *network; /* here, but with this node's network */
    const char *input;          /* NULL: none */
    const char *ccache;         /* KRB5CCNAME; NULL: none of the caller's either */
    const char *krb5_conf;      /* KRB5_CONFIG; NULL: the node's /etc/krb5.conf */
    struct buf *output;         /* what it says, stdout and stderr; NULL: dropped */
    int timeout_ms;             /* 0: two minutes */
};

/* Runs it to its end; it ends with us, whatever ends us. *status is the exit code, 128 and more
 * for a signal. ERR_TIMEOUT: it was killed. */
MUST_CHECK enum err tool_run(const struct tool *t, int *status, struct errinfo *ei);

/* As tool_run, and any exit code but 0 is ERR_NOT_NOW, with what it said last. */
MUST_CHECK enum err tool_do(const struct tool *t, struct errinfo *ei);

/* A command of the person's: in the node, with our terminal, environment and folder. env names
 * what is set besides ("NAME=VALUE") or taken away ("NAME"); NULL-terminated. */
MUST_CHECK enum err tool_run_for_person(const struct node *in, char *const *argv,
                                        const char *const *env, int *status, struct errinfo *ei);

#endif
