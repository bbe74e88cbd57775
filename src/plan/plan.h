/* plan: what a KMS host and the directory would activate, and what is missing. A pure function over
 * the catalogue; every fact that it rests on comes with its source. */
#ifndef ADBAD_PLAN_PLAN_H
#define ADBAD_PLAN_PLAN_H

#include "catalog/hosting.h"

#define PLAN_CLIENTS_MAX 64
#define PLAN_GROUPS_MAX  16
#define PLAN_SUGGEST_MAX 8

/* From how many machines that ask KMS two hosts are advised; how many one host key activates. */
#define PLAN_TWO_HOSTS_FROM 50
#define PLAN_HOSTS_PER_KEY  6

/* So many machines with one edition installed. */
struct plan_clients {
    const struct cat_product *product;
    uint32_t count;
};

struct plan_input {
    const char *system;                              /* of the host, as from catalog_system */
    const char *edition;                             /* of it; NULL: not said */
    const struct cat_group *groups[PLAN_GROUPS_MAX]; /* whose host keys there are */
    size_t group_count;
    const char *const *updates; /* installed on the host: "KB5034765" */
    size_t update_count;
    struct plan_clients clients[PLAN_CLIENTS_MAX];
    size_t client_count;
    uint32_t members; /* how many of all machines are domain members; spread evenly */
};

/* Whether a group's host key can be used on the host. */
struct plan_group {
    const struct cat_group *group;
    enum cat_hosting hosting;
    const struct cat_host *row; /* that says so; NULL: none */
    size_t need_count;
    struct cat_need needs[CAT_KEY_NEEDS_MAX]; /* before the key is installed */
    bool met[CAT_KEY_NEEDS_MAX];
    bool usable; /* all of it holds */
};

enum plan_verdict {
    PLAN_ACTIVATED,
    PLAN_NO_GROUP,   /* no given group serves it */
    PLAN_HOST,       /* the group that serves it cannot be used on this host */
    PLAN_UPDATE,     /* the host lacks an update */
    PLAN_IMPOSSIBLE, /* no update lets this system activate it */
    PLAN_COUNT       /* too few machines */
};

/* What becomes of some clients. */
struct plan_row {
    struct plan_clients clients;
    uint32_t by_directory;          /* members that the directory activates */
    uint32_t by_kms;                /* those that ask the KMS host */
    enum plan_verdict verdict;      /* of by_kms; PLAN_ACTIVATED if there are none */
    const struct plan_group *group; /* that serves them; NULL: none */
    const char *served_source;      /* of that; "" */
    struct cat_need need;           /* updates for these clients; count 0: none */
    bool need_met;
    uint32_t missing;     /* PLAN_COUNT: machines */
    size_t suggest_count; /* PLAN_NO_GROUP, PLAN_HOST: groups that would do */
    const struct cat_group *suggest[PLAN_SUGGEST_MAX];
    bool suggest_fits; /* they may run on this host; else on others only */
};

struct plan {
    size_t group_count, row_count;
    struct plan_group groups[PLAN_GROUPS_MAX];
    struct plan_row rows[PLAN_CLIENTS_MAX];
    uint32_t windows_count, office_count; /* what the host would report */
    uint32_t asking;                      /* machines that ask it */
    bool two_hosts;
    bool activates; /* every row */
};

void plan_make(const struct catalog *c, const struct plan_input *in, struct plan *out);

/* Where the rules come from that are in no table. */
extern const char plan_source_counting[];
extern const char plan_source_hosts[];
extern const char plan_source_directory[];

#endif
