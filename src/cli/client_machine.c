/* adbaclient hardware, genuine, mak: what befalls a machine, and what it is given beside its key.
 */
#include <stdio.h>
#include <string.h>

#include "catalog/hosting.h"
#include "cli/client.h"
#include "client/words.h"

/* The products after it happened, one to a line. */
static void print_states(const struct client *c)
{
    const struct machine *m = &c->station[0].folder.machine;
    char text[200];

    for (size_t i = 0; i < m->products && !c->json; i++) {
        words_state(&m->product[i], text, sizeof(text));
        printf("  %s %s: %s\n", m->product[i].lic.product->product,
               m->product[i].lic.product->edition, text);
    }
}

/* ---- hardware ---- */

enum err client_vmhost(const struct client *c, const char *text, bool hyperv, bool activated,
                       struct machine *m, struct errinfo *ei)
{
    const char *edition = NULL, *system = catalog_system(c->catalog, text, &edition);

    if (system == NULL || edition == NULL)
        return err_fail(ei, ERR_NOTFOUND,
                        "virtualization host \"%s\": no such system; name one with its edition, "
                        "such as \"Windows Server 2022 Datacenter\"",
                        text);
    snprintf(m->vmhost.system, sizeof(m->vmhost.system), "%.40s %.50s", system, edition);
    m->vmhost.hyperv = hyperv;
    m->vmhost.activated = activated;
    m->is_virtual = true;
    m->changed = true;
    return ERR_OK;
}

static int change_hardware(struct client *c, bool board)
{
    struct station *s;
    struct errinfo ei;
    uint8_t random[16];
    int status;
    enum err e = client_open_one(c, &s, &ei);

    if (e == ERR_OK) {
        struct guid identity;

        rng_fill(&s->env.draw, random, sizeof(random));
        identity = guid_from_random(random);
        machine_change_hardware(&s->folder.machine, &identity, board, station_now(s));
    }
    status = client_done(c, e, &ei, board ? "it has another main board" : "its hardware changed");
    if (status == EXIT_OK)
        print_states(c);
    return status;
}

static int set_vmhost(struct client *c, const char *system, bool hyperv, bool activated)
{
    struct station *s;
    struct errinfo ei;
    enum err e = client_open_one(c, &s, &ei);

    if (e == ERR_OK)
        e = client_vmhost(c, system, hyperv, activated, &s->folder.machine, &ei);
    return client_done(c, e, &ei, "it runs on that virtualization host from now on");
}

static int run_hardware(struct client *c, int argc, char **argv)
{
    bool board = false, activated = false, bare = false;
    const struct opt opts[] = {
        OPT_FLAG_ROW("board", &board, "change: the main board too, and with it the OEM marker"),
        OPT_FLAG_ROW("activated", &activated, "host: it is activated itself"),
        OPT_FLAG_ROW("no-hyper-v", &bare, "host: it runs no Hyper-V"),
        {0},
    };
    struct errinfo ei;
    int status = client_begin(c, opts, &argc, argv, 1, 2);

    if (status >= 0)
        return status;
    if (strcmp(argv[0], "change") == 0 && argc == 1)
        return change_hardware(c, board);
    if (strcmp(argv[0], "host") == 0 && argc == 2)
        return set_vmhost(c, argv[1], !bare, activated);
    return client_fail(
        c, err_fail(&ei, ERR_USAGE, "hardware takes \"change\" or \"host SYSTEM\" (try --help)"),
        &ei);
}

/* ---- validation ---- */

static int run_genuine(struct client *c, int argc, char **argv)
{
    struct station *s;
    struct errinfo ei;
    bool yes;
    enum err e;
    int status = client_begin(c, NULL, &argc, argv, 1, 1);

    if (status >= 0)
        return status;
    yes = strcmp(argv[0], "yes") == 0;
    if (!yes && strcmp(argv[0], "no") != 0)
        return client_fail(
            c, err_fail(&ei, ERR_USAGE, "genuine takes yes or no, not \"%s\"", argv[0]), &ei);
    e = client_open_one(c, &s, &ei);
    if (e == ERR_OK)
        machine_validate(&s->folder.machine, yes, station_now(s));
    status = client_done(c, e, &ei, yes ? "validation succeeded" : "validation failed");
    if (status == EXIT_OK)
        print_states(c);
    return status;
}

/* ---- a MAK in reserve ---- */

enum err client_set_mak(struct machine *m, const char *key, struct errinfo *ei)
{
    enum err e = ERR_NOTFOUND;

    if (m->products == 0)
        return err_fail(ei, ERR_NOTFOUND, "%s has no product", m->name);
    for (size_t i = 0; i < m->products && e != ERR_OK; i++)
        e = machine_set_mak(m, &m->product[i], key, ei);
    return e;
}

static int run_mak(struct client *c, int argc, char **argv)
{
    struct station *s;
    struct errinfo ei;
    bool none;
    enum err e;
    int status = client_begin(c, NULL, &argc, argv, 1, 1);

    if (status >= 0)
        return status;
    none = strcmp(argv[0], "none") == 0;
    e = client_open_one(c, &s, &ei);
    for (size_t i = 0; none && e == ERR_OK && i < s->folder.machine.products; i++)
        e = machine_set_mak(&s->folder.machine, &s->folder.machine.product[i], "", &ei);
    if (e == ERR_OK && !none)
        e = client_set_mak(&s->folder.machine, argv[0], &ei);
    return client_done(c, e, &ei,
                       none ? "no MAK is in reserve"
                            : "the MAK is asked with when the directory and KMS fail");
}

const struct client_verb client_machine_verbs[] = {
    {"hardware", "change [--board] | host SYSTEM [--activated] [--no-hyper-v]",
     "change the hardware, or the virtualization host", run_hardware},
    {"genuine", "yes|no", "the outcome of a validation", run_genuine},
    {"mak", "KEY|none", "a MAK for when the directory and KMS fail", run_mak},
    {0},
};
