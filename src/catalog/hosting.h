/* hosting: on which systems a group's KMS host may run, and which updates it needs there
 * (host_key_groups.csv, host_updates.csv; docs/catalog.md says how their rows are read).
 *
 * A system is named as in products.csv. Pure questions to the tables; kms and plan decide. */
#ifndef ADBAD_CATALOG_HOSTING_H
#define ADBAD_CATALOG_HOSTING_H

#include "catalog/catalog.h"

/* A row "host" of host_key_groups.csv. Texts are "" where the table has none. */
struct cat_host {
    const char *group;
    const char *system;
    bool or_later;      /* later systems of the same family, too */
    bool disputed;      /* the sources contradict each other; note says how */
    const char *except; /* an edition that may not be a host */
    const char *needs;  /* the update without which it may not, whatever it serves */
    const char *note, *source;
};

/* A row of host_updates.csv. */
struct cat_update {
    const char *host, *client; /* products */
    const char *update;        /* "KB5034765"; "" if none makes it possible */
    const char *date, *note, *source;
};

/* All rows in table order. */
size_t catalog_hosts(const struct catalog *c, const struct cat_host **first);
size_t catalog_updates(const struct catalog *c, const struct cat_update **first);

/* The system that text names: a product or one of its aliases, alone or with an edition behind it.
 * Returns the product's name, *edition the edition's (NULL if none is named); NULL if there is no
 * such product. */
const char *catalog_system(const struct catalog *c, const char *text, const char **edition);
/* The family of a system that catalog_system returned. */
enum cat_family catalog_system_family(const struct catalog *c, const char *system);

enum cat_hosting {
    CAT_HOSTING_OK,
    CAT_HOSTING_UNLISTED, /* no row of the group names the system */
    CAT_HOSTING_EDITION,  /* not this edition of it */
    CAT_HOSTING_DISPUTED, /* the sources contradict each other: not relied on */
};

/* Whether a host of the group may run on system (as from catalog_system; edition may be NULL). *row
 * is the row that says so, NULL if none. */
enum cat_hosting catalog_hosting(const struct catalog *c, const struct cat_group *g,
                                 const char *system, const char *edition,
                                 const struct cat_host **row);

#define CAT_NEED_ROWS_MAX 8

/* Something that a host lacks until one of some updates is installed. */
struct cat_need {
    const char *what; /* what asks for it: a product, or the group */
    bool impossible;  /* no update helps */
    size_t count;
    struct {
        const char *update;
        const char *note;
        const char *source;
    } any_of[CAT_NEED_ROWS_MAX]; /* one of them is enough; if impossible the first says why */
};

/* What a host on system needs to activate product (a product's name). count 0: nothing. */
void catalog_need(const struct catalog *c, const char *system, const char *product,
                  struct cat_need *out);

#define CAT_KEY_NEEDS_MAX 3

/* What it needs before the group's host key can be installed: its row's own update, and what the
 * newest server and the newest client (or Office) of the group need. Returns how many of out are
 * filled; those that need nothing are left out. */
size_t catalog_key_needs(const struct catalog *c, const struct cat_group *g, const char *system,
                         struct cat_need out[CAT_KEY_NEEDS_MAX]);

/* Whether one of the n installed updates ("KB5034765", in any case) satisfies the need: one of its
 * own, or a later one that the table has for the same system, since updates are cumulative. */
bool catalog_need_met(const struct catalog *c, const char *system, const struct cat_need *need,
                      const char *const *installed, size_t n);

#endif
