/* contract: the ground that contract tests stand on: a directory (see test_dir_contract.c for
 * which) and a container of the test's own in it. */
#ifndef ADBAD_TESTS_CONTRACT_H
#define ADBAD_TESTS_CONTRACT_H

#include "ldap/dir.h"

struct ground {
    struct dir *d;
    char top[256]; /* a container of this test's own */
};

/* Fails the test if there is no such directory. */
struct ground *contract_ground(void);
/* Removes all that is in the container, and it. */
void contract_ground_free(struct ground *g);

/* An environment variable, or what it is otherwise. */
const char *contract_env(const char *name, const char *otherwise);
/* An entry of one class below top; the caller owns it. */
struct dir_entry *contract_entry(const char *dn, const char *class);
/* dir_add, and frees the entry. */
enum err contract_add(struct dir *d, struct dir_entry *e, struct errinfo *ei);
/* The name of a child of the container. */
void contract_child(const struct ground *g, const char *name, char dn[512]);

/* The DNs that a search found. */
#define NAMES_MAX 512
struct names {
    size_t n;
    char *dn[NAMES_MAX];
};
/* For dir_search, with struct names. */
enum err contract_collect(void *names, const struct dir_entry *e, struct errinfo *ei);
void names_fini(struct names *names);

#endif
