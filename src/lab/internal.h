/* internal: what the files of this room share. */
#ifndef ADBAD_LAB_INTERNAL_H
#define ADBAD_LAB_INTERNAL_H

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"
#include "lab/lab.h"
#include "ldap/dir.h"

#define LAB_DESCRIPTION "lab.json" /* a folder that holds it is a lab */

/* ---- place.c: the folder's name and what may stand in it ---- */

/* Fills l->dir with the absolute path of dir, which is made (0700) if create and it does not
 * exist. ERR_REFUSED for a path that configuration files can't express; ERR_LIMIT if the sockets
 * in it would have names too long. */
MUST_CHECK enum err lab_place(const char *dir, bool create, struct lab *l, struct errinfo *ei);

/* Fills domain and suffix. ERR_USAGE if it is no DNS name of two labels or more. */
MUST_CHECK enum err lab_set_domain(struct lab *l, const char *domain, struct errinfo *ei);

/* dir/name; the caller frees. Never NULL: aborts without memory. */
char *lab_path(const struct lab *l, const char *name);

/* ---- template.c ---- */

struct lab_pair {
    const char *name;
    const char *value;
};

/* Appends text with each @NAME@ replaced; ERR_INTERNAL for a name that is not in pairs. */
MUST_CHECK enum err lab_expand(const char *text, const struct lab_pair *pairs, size_t n,
                               struct buf *out, struct errinfo *ei);

/* ---- folder.c: the files in it ---- */

/* Writes lab.json; takes the reference (NULL: no memory). */
MUST_CHECK enum err lab_describe(const struct lab *l, json_t *o, struct errinfo *ei);
/* ERR_NOTFOUND if dir holds no lab; ERR_REFUSED if others can enter it. */
MUST_CHECK enum err lab_read(struct lab *l, struct errinfo *ei);
/* ERR_REFUSED unless dir is empty: for a new lab. */
MUST_CHECK enum err lab_require_empty(const struct lab *l, struct errinfo *ei);
/* Writes lab.json and everything that slapd reads, and what is missing of the rest. */
MUST_CHECK enum err lab_write(const struct lab *l, struct errinfo *ei);
/* The service account's password, wiped by the caller. */
MUST_CHECK enum err lab_service_password(const struct lab *l, struct buf *out, struct errinfo *ei);

/* ---- tree.c: the first entries ---- */

/* The administrator's session over the local socket. */
MUST_CHECK enum err lab_open_dir(const struct lab *l, int timeout_ms, struct dir **out,
                                 struct errinfo *ei);
/* Adds what is missing and sets the service account's password. */
MUST_CHECK enum err lab_plant(const struct lab *l, struct errinfo *ei);

/* ---- lab.c ---- */

/* One lab command at a time in a folder; ERR_BUSY. *fd is closed by the caller, -1 if not open. */
MUST_CHECK enum err lab_lock(const struct lab *l, int *fd, struct errinfo *ei);
/* ERR_REFUSED unless the folder is a lab of any kind or empty. */
MUST_CHECK enum err lab_admit(const struct lab *l, struct errinfo *ei);

/* ---- slapd.c: the process ---- */

/* Is this lab's slapd running? Sets l->pid (0: no). ERR_BUSY if one runs that can't be named. */
MUST_CHECK enum err lab_find_slapd(struct lab *l, struct errinfo *ei);
/* Starts it and waits until it answers; sets l->pid. */
MUST_CHECK enum err lab_start_slapd(struct lab *l, struct errinfo *ei);
/* Stops l->pid after making sure again that it is this lab's slapd. */
MUST_CHECK enum err lab_stop_slapd(struct lab *l, struct errinfo *ei);

#endif
