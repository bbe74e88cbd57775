/* The machines that one run works on. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/product.h"

/* All machines of one run share one clock: times of different clocks can't be put in order. */
static enum err share_clock(struct client *c, struct station *s, struct errinfo *ei)
{
    const char *path = s->folder.machine.clock;
    bool first = s == c->station;
    enum err e = ERR_OK;

    if (first)
        snprintf(c->lab_path, sizeof(c->lab_path), "%s", path);
    else if (strcmp(c->lab_path, path) != 0)
        return err_fail(ei, ERR_CONFLICT,
                        "machine %s uses %s and %s uses %s: machines of one run share one clock",
                        c->station[0].folder.machine.name,
                        c->lab_path[0] != '\0' ? c->lab_path : "real time", s->folder.machine.name,
                        path[0] != '\0' ? path : "real time");
    if (first && path[0] != '\0')
        e = labclk_open(path, clk_system(), &c->lab, ei);
    s->lab = c->lab;
    return e;
}

int64_t station_now(const struct station *s)
{
    struct clk real = clk_system();
    struct clk lab;

    if (s->lab == NULL)
        return clk_now(&real);
    lab = labclk_clk(s->lab);
    return clk_now(&lab);
}

enum err station_ready(struct client *c, struct station *s, struct errinfo *ei)
{
    const struct machine *m = &s->folder.machine;
    enum err e = folder_bundle(&s->folder, &s->bundle, ei);

    s->client = c;
    if (e == ERR_OK)
        e = kms_protector_new(&s->bundle.keys, rng_system(), &s->protector, ei);
    if (e == ERR_OK)
        e = share_clock(c, s, ei);
    if (e == ERR_OK)
        e = resolver_new(m->dns[0] != '\0' ? m->dns : NULL, &s->resolver, ei);
    if (e != ERR_OK)
        return e;
    s->env = (struct attempt_env){.catalog = c->catalog,
                                  .bundle = &s->bundle,
                                  .protector = s->protector,
                                  .draw = rng_system(),
                                  .ports = station_ports(s)};
    if (m->seed != 0) {
        rng_seeded_init(&s->seeded, m->seed ^ (uint64_t)station_now(s));
        s->env.draw = rng_from_seed(&s->seeded);
    }
    return ERR_OK;
}

static void station_close(struct station *s)
{
    resolver_free(s->resolver);
    kms_protector_free(s->protector);
    bundle_fini(&s->bundle);
    folder_close(&s->folder);
}

static enum err open_one(struct client *c, const char *path, struct errinfo *ei)
{
    struct station *s = &c->station[c->count];
    enum err e = folder_open(path, c->catalog, &s->folder, ei);

    if (e != ERR_OK)
        return e;
    c->count++;
    return station_ready(c, s, ei);
}

static int is_machine(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static bool holds_machine(const char *dir, const char *name, char path[4096])
{
    char state[4200];

    if ((size_t)snprintf(path, 4096, "%s/%s", dir, name) >= 4096)
        return false;
    snprintf(state, sizeof(state), "%s/machine.json", path);
    return access(state, F_OK) == 0;
}

/* Each machine holds a lock's descriptor. */
static void allow_descriptors(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static enum err open_all(struct client *c, struct errinfo *ei)
{
    struct dirent **names = NULL;
    int n = scandir(c->machines, &names, is_machine, alphasort);
    char path[4096];
    enum err e = ERR_OK;

    if (n < 0)
        return err_fail_errno(ei, errno, "read folder of machines %s", c->machines);
    allow_descriptors();
    c->station = calloc((size_t)n + 1, sizeof(*c->station));
    if (c->station == NULL)
        e = err_nomem(ei);
    for (int i = 0; i < n; i++) {
        if (e == ERR_OK && holds_machine(c->machines, names[i]->d_name, path))
            e = open_one(c, path, ei);
        free(names[i]);
    }
    free(names);
    if (e == ERR_OK && c->count == 0)
        e = err_fail(ei, ERR_NOTFOUND, "folder %s holds no machine", c->machines);
    return e;
}

enum err client_open(struct client *c, struct errinfo *ei)
{
    if (c->machines != NULL)
        return open_all(c, ei);
    c->station = calloc(1, sizeof(*c->station));
    return c->station == NULL ? err_nomem(ei) : open_one(c, c->machine, ei);
}

enum err client_open_one(struct client *c, struct station **out, struct errinfo *ei)
{
    enum err e;

    if (c->machine == NULL)
        return err_fail(ei, ERR_USAGE, "this takes one machine: --machine DIR");
    e = client_open(c, ei);
    *out = c->station;
    return e;
}

enum err client_save(struct client *c, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < c->count && e == ERR_OK; i++)
        e = folder_save(&c->station[i].folder, ei);
    return e;
}

int client_saved(struct client *c, enum err e, struct errinfo *ei)
{
    if (e == ERR_OK)
        e = client_save(c, ei);
    if (e != ERR_OK)
        return client_fail(c, e, ei);
    if (c->json)
        client_print_json(c);
    return EXIT_OK;
}

int client_done(struct client *c, enum err e, struct errinfo *ei, const char *text)
{
    int status = client_saved(c, e, ei);

    if (status == EXIT_OK && !c->json)
        printf("%s: %s.\n", c->station[0].folder.machine.name, text);
    return status;
}

void client_close(struct client *c)
{
    for (size_t i = 0; i < c->count; i++)
        station_close(&c->station[i]);
    free(c->station);
    labclk_free(c->lab);
    c->station = NULL;
    c->count = 0;
    c->lab = NULL;
}

enum err client_product(const struct client *c, const char *product, const char *edition,
                        const struct cat_product **out, struct errinfo *ei)
{
    return product_named(c->catalog, product, edition, out, ei);
}

bool client_chosen(const struct machine *m, const struct machine_product *p, const char *which,
                   bool office)
{
    bool is_office = p->lic.product->family == CAT_OFFICE;
    bool any = false;
    struct guid id;

    if (office && !is_office)
        return false;
    if (which != NULL && strcasecmp(which, "all") == 0)
        return true;
    if (which != NULL)
        return guid_parse(which, &id) && guid_equal(&id, &p->lic.product->activation_id);
    for (size_t i = 0; i < m->products; i++)
        any |= (m->product[i].lic.product->family == CAT_OFFICE) == office;
    return any ? is_office == office : true;
}
