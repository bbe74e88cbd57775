#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "lab/internal.h"

/* The names that every forest has. Parents first. */
static const struct {
    const char *rdn; /* before the suffix */
    const char *class;
} nodes[] = {
    {"CN=Users,", "container"},
    {"CN=Computers,", "container"},
    {"CN=Configuration,", "configuration"},
    {"CN=Schema,CN=Configuration,", "dMD"},
    {"CN=Services,CN=Configuration,", "container"},
    {"CN=Microsoft SPP,CN=Services,CN=Configuration,", "container"},
    {"CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,",
     "msSPP-ActivationObjectsContainer"},
};

/* objectVersion of the schema whose names we carry: Windows Server 2019 and later. */
#define SCHEMA_VERSION "88"
#define FIRST_RID      "1000"

static struct dir_entry *entry_of(const struct lab *l, const char *rdn, const char *class)
{
    struct dir_entry *e;
    char *dn;

    if (asprintf(&dn, "%s%s", rdn, l->suffix) < 0)
        abort();
    e = dir_entry_new(dn);
    free(dn);
    if (e == NULL || dir_entry_add_str(e, "objectClass", "top") != ERR_OK ||
        dir_entry_add_str(e, "objectClass", class) != ERR_OK)
        abort();
    return e;
}

/* Adds and frees; an entry that is there already is good. */
static enum err put(struct dir *d, struct dir_entry *e, struct errinfo *ei)
{
    enum err r = dir_add(d, e, ei);

    dir_entry_free(e);
    return r == ERR_EXISTS ? ERR_OK : r;
}

/* S-1-5-21-a-b-c with random a, b, c (MS-DTYP 2.4.2.4: the form of a domain's SID). */
static void domain_sid(uint8_t sid[24])
{
    static const uint8_t head[12] = {1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0};
    struct rng rng = rng_system();

    memcpy(sid, head, sizeof(head));
    rng_fill(&rng, sid + sizeof(head), 12);
}

static enum err put_domain(struct dir *d, const struct lab *l, struct errinfo *ei)
{
    struct dir_entry *e = entry_of(l, "", "domainDNS");
    char *label = strndup(l->domain, strcspn(l->domain, "."));
    uint8_t sid[24];

    domain_sid(sid);
    if (label == NULL || dir_entry_add_str(e, "dc", label) != ERR_OK ||
        dir_entry_add(e, "objectSid", sid, sizeof(sid)) != ERR_OK ||
        dir_entry_add_str(e, "rIDNextRID", FIRST_RID) != ERR_OK)
        abort();
    free(label);
    return put(d, e, ei);
}

static enum err put_nodes(struct dir *d, const struct lab *l, struct errinfo *ei)
{
    enum err r = ERR_OK;

    for (size_t i = 0; r == ERR_OK && i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        struct dir_entry *e = entry_of(l, nodes[i].rdn, nodes[i].class);

        if (strcmp(nodes[i].class, "dMD") == 0 &&
            dir_entry_add_str(e, "objectVersion", SCHEMA_VERSION) != ERR_OK)
            abort();
        r = put(d, e, ei);
    }
    return r;
}

static enum err put_service(struct dir *d, const struct lab *l, struct errinfo *ei)
{
    struct dir_entry *account = entry_of(l, "CN=" LAB_SERVICE_NAME ",CN=Users,", "user");
    struct buf password = BUF_INIT;
    struct dir_val v;
    const struct dir_mod mod = {DIR_MOD_REPLACE, "userPassword", 1, &v};
    char *dn = strdup(account->dn);
    enum err e;

    if (dn == NULL || dir_entry_add_str(account, "sAMAccountName", LAB_SERVICE_NAME) != ERR_OK ||
        dir_entry_add_str(account, "userAccountControl", "512") != ERR_OK ||
        dir_entry_add_str(account, "description", "The adbad service of this lab") != ERR_OK)
        abort();
    e = put(d, account, ei);
    if (e == ERR_OK)
        e = lab_service_password(l, &password, ei);
    v = (struct dir_val){.len = password.len, .data = password.data};
    if (e == ERR_OK)
        e = dir_modify(d, dn, &mod, 1, ei);
    buf_wipe(&password);
    free(dn);
    return e;
}

enum err lab_open_dir(const struct lab *l, int timeout_ms, struct dir **out, struct errinfo *ei)
{
    const struct dir_conf conf = {.uri = l->uri,
                                  .mechanism = DIR_EXTERNAL,
                                  .lab_forest = l->domain,
                                  .timeout_ms = timeout_ms};

    return dir_open(&conf, out, ei);
}

enum err lab_plant(const struct lab *l, struct errinfo *ei)
{
    struct dir *d = NULL;
    enum err e = lab_open_dir(l, 0, &d, ei);

    if (e == ERR_OK)
        e = put_domain(d, l, ei);
    if (e == ERR_OK)
        e = put_nodes(d, l, ei);
    if (e == ERR_OK)
        e = put_service(d, l, ei);
    dir_close(d);
    return e;
}
