/* acts: what code that has got into a process could try, one act at a time, each in a process of
 * its own that gives up first what a confinement says. Without one, every act goes well: so a test
 * that sees it fail has seen the confinement. */
#ifndef ADBAD_TESTS_ACTS_H
#define ADBAD_TESTS_ACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "confine/confine.h"

struct acts_world {
    char folder[64];
    int listening; /* TCP, on 127.0.0.1 */
    uint16_t port;
};

/* A folder of its own and a listening socket. */
void acts_set_up(struct acts_world *w);
void acts_tear_down(struct acts_world *w);
/* Makes the folder NAME in it (parents first) with a "file" in it; its path, static
 * until 16 calls later. */
const char *acts_folder(struct acts_world *w, const char *name);

/* An errno, 0 for success. */
typedef int act_fn(const struct acts_world *w, const char *path);

/* What it came to in a process confined by c (NULL: not at all). */
int acts_try(const struct acts_world *w, const struct confinement *c, act_fn *act,
             const char *path);
/* Whether that is how a confinement refuses. */
bool acts_refused(int errnum);

/* ---- in a folder, letters as in acts_expect_folder ---- */

/* Tries everything there. allowed: those of "r" (read its file, list it), "f" (read its file), "w"
 * (write its file), "m" (make, rename and remove files in it, make a folder), "u" (remove a file)
 * that go well; all others are refused, and always links, sockets, nodes. */
void acts_expect_folder(const struct acts_world *w, const struct confinement *c, const char *folder,
                        const char *allowed);
/* ---- system calls ---- */

/* allowed: those of "e" (become a program), "f" (make processes), "c" (connect), "l" (listen), "b"
 * (bind), "s" (make sockets), "k" (signal its parent), "a" (change modes, owners, times) that go
 * well. All others are refused, and always what is nobody's business. Threads are always made. */
void acts_expect_calls(const struct acts_world *w, const struct confinement *c,
                       const char *allowed);

/* Becomes the program at path. */
act_fn act_exec;

#endif
