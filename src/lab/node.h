/* node: one machine made of Linux namespaces: its own network, mounts, host name, process ids
 * and /etc. It is a process, number 1 in there, that waits; when it ends, everything in the node
 * ends, and the kernel takes back mounts and interfaces. Nothing of it is visible outside, and
 * nothing is written down about it: it is recognised by the folder that it has as /etc, so that
 * neither a reboot nor a kill can leave a record behind that lies. Needs root. */
#ifndef ADBAD_LAB_NODE_H
#define ADBAD_LAB_NODE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct node {
    const char *name;    /* host name, and "to-NAME" on the bridge; at most 10 characters */
    const char *address; /* IPv4 with prefix length */
    char *dir; /* owned; holds etc, lib and log: its /etc, /var/lib/samba, /var/log/samba */
    pid_t pid; /* of its process 1, seen from here; 0: not running */
    int pidfd; /* of the same; -1 */
};

#define NODE_INIT                                                                                  \
    {                                                                                              \
        .pidfd = -1                                                                                \
    }

void node_fini(struct node *n); /* the node itself runs on */

/* Makes n->dir (a new folder) with what a node needs. */
MUST_CHECK enum err node_make(const struct node *n, struct errinfo *ei);

/* Is it running? Sets pid and pidfd. */
MUST_CHECK enum err node_find(struct node *n, struct errinfo *ei);

/* Starts it. Without a hub it has the bridge "lan" itself; with one it is plugged into that node's
 * bridge. program (NULL: none) runs in it with its output in log/out, and the node ends with it. */
MUST_CHECK enum err node_start(struct node *n, const struct node *hub, const char *const *program,
                               struct errinfo *ei);

/* Asks everything in it to end, then ends it by force. Nothing happens if it does not run. */
MUST_CHECK enum err node_stop(struct node *n, struct errinfo *ei);

/* For a child process: moves it into the node (its children, where process ids are concerned).
 * Returns false with errno set. */
bool node_enter(const struct node *n);
bool node_enter_network(const struct node *n);

#endif
