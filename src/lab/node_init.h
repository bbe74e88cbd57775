/* node_init: what process 1 of a node does. */
#ifndef ADBAD_LAB_NODE_INIT_H
#define ADBAD_LAB_NODE_INIT_H

#include <sched.h>

#include "lab/node.h"

#define NODE_SPACES (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID)
#define NODE_READY  "ready"

/* Waits for a byte from go (its end: gives up), sets the node up, says NODE_READY or what is wrong
 * to say, and stays until SIGTERM or the end of program. Called right after the clone. */
void node_init(const struct node *n, const char *const *program, int go, int say)
    __attribute__((noreturn));

#endif
