#include "contract.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakedir.h"

const char *contract_env(const char *name, const char *otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? text : otherwise;
}

static struct dir *contract_fake(const char *forest)
{
    struct dir *d = fakedir_new(forest, forest);

    if (getenv("DIR_CONTRACT_AD") != NULL)
        fakedir_become_ad(d, "contract-database");
    return d;
}

static struct dir *open_directory(void)
{
    struct dir_conf conf = {.uri = getenv("DIR_CONTRACT_URI"),
                            .mechanism = DIR_EXTERNAL,
                            .user = getenv("DIR_CONTRACT_USER"),
                            .password = getenv("DIR_CONTRACT_PASSWORD"),
                            .lab_forest = contract_env("DIR_CONTRACT_FOREST", "lab.example")};
    struct dir *d = NULL;
    struct errinfo ei;

    if (conf.uri == NULL)
        return contract_fake(conf.lab_forest);
    conf.keytab = getenv("DIR_CONTRACT_KEYTAB");
    conf.leave_rodc = getenv("DIR_CONTRACT_LEAVE_RODC") != NULL;
    if (conf.keytab != NULL)
        conf.mechanism = DIR_GSSAPI;
    else if (conf.user != NULL)
        conf.mechanism = DIR_SCRAM_SHA_256;
    assert_ok(dir_open(&conf, &d, &ei), &ei);
    return d;
}

struct dir_entry *contract_entry(const char *dn, const char *class)
{
    struct dir_entry *e = dir_entry_new(dn);

    assert_non_null(e);
    assert_int_equal(dir_entry_add_str(e, "objectClass", "top"), ERR_OK);
    assert_int_equal(dir_entry_add_str(e, "objectClass", class), ERR_OK);
    return e;
}

enum err contract_add(struct dir *d, struct dir_entry *e, struct errinfo *ei)
{
    enum err r = dir_add(d, e, ei);

    dir_entry_free(e);
    return r;
}

void contract_child(const struct ground *g, const char *name, char dn[512])
{
    char *escaped = dir_dn_escape(name);

    assert_non_null(escaped);
    snprintf(dn, 512, "CN=%s,%s", escaped, g->top);
    free(escaped);
}

enum err contract_collect(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    struct names *names = arg;

    (void)ei;
    assert_true(names->n < NAMES_MAX);
    names->dn[names->n++] = strdup(e->dn);
    return ERR_OK;
}

void names_fini(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->dn[i]);
    names->n = 0;
}

struct ground *contract_ground(void)
{
    struct ground *g = calloc(1, sizeof(*g));
    struct rng rng = rng_system();
    uint32_t tag;
    struct errinfo ei;

    assert_non_null(g);
    rng_fill(&rng, &tag, sizeof(tag));
    g->d = open_directory();
    snprintf(g->top, sizeof(g->top), "CN=contract-%08x,CN=Services,%s", tag,
             dir_facts(g->d)->config_nc);
    assert_ok(contract_add(g->d, contract_entry(g->top, "container"), &ei), &ei);
    return g;
}

void contract_ground_free(struct ground *g)
{
    struct names all = {0};
    const struct dir_query q = {.base = g->top, .scope = DIR_SUB};
    struct errinfo ei;
    bool again = true;

    assert_ok(dir_search(g->d, &q, contract_collect, &all, &ei), &ei);
    while (again) { /* leaves first, whatever the order */
        again = false;
        for (size_t i = 0; i < all.n; i++)
            again = dir_delete(g->d, all.dn[i], &ei) == ERR_OK || again;
    }
    names_fini(&all);
    dir_close(g->d);
    free(g);
}
