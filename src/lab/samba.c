#include "lab/samba.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lab/samba_internal.h"

void samba_lab_fini(struct samba_lab *l)
{
    for (size_t i = 0; i < l->dcs; i++) {
        node_fini(&l->dc[i].node);
        free(l->dc[i].fqdn);
    }
    if (l->client.dir != NULL)
        node_fini(&l->client);
    free(l->realm);
    lab_fini(&l->place);
    *l = (struct samba_lab){0};
}

bool samba_lab_runs(const struct samba_lab *l)
{
    bool all = l->client.pid != 0;

    for (size_t i = 0; i < l->dcs; i++)
        all = all && l->dc[i].node.pid != 0;
    return all;
}

static void PRINTF_LIKE(2, 3) say(const struct samba_talk *talk, const char *fmt, ...)
{
    char text[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    talk->say(talk->arg, text);
}

static enum err find_all(struct samba_lab *l, struct errinfo *ei)
{
    enum err e = node_find(&l->client, ei);

    for (size_t i = 0; e == ERR_OK && i < l->dcs; i++)
        e = node_find(&l->dc[i].node, ei);
    return e;
}

static enum err stop_all(struct samba_lab *l, struct errinfo *ei)
{
    enum err e = samba_dc_drop_halves(l, false, ei);

    for (size_t i = l->dcs; e == ERR_OK && i > 0; i--)
        e = node_stop(&l->dc[i - 1].node, ei);
    return e == ERR_OK ? node_stop(&l->client, ei) : e;
}

/* ---- up ---- */

/* Under these a node has something of its own. */
static enum err check_place(const struct lab *place, struct errinfo *ei)
{
    static const char *const covered[] = {"/etc",           "/run",           "/proc",
                                          "/var/lib/samba", "/var/log/samba", "/var/cache/samba"};

    for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
        size_t len = strlen(covered[i]);

        if (strncmp(place->dir, covered[i], len) == 0 && strchr("/", place->dir[len]) != NULL)
            return err_fail(ei, ERR_REFUSED,
                            "lab folder %s: inside a Samba lab %s is another one; choose a folder "
                            "elsewhere, such as /tmp/lab",
                            place->dir, covered[i]);
    }
    return ERR_OK;
}

/* A folder that is refused is not left behind, if we made it. */
static enum err open_place(const char *dir, struct lab *place, struct errinfo *ei)
{
    bool existed = access(dir, F_OK) == 0;
    enum err e = lab_place(dir, true, place, ei);

    if (e != ERR_OK)
        return e;
    e = check_place(place, ei);
    if (e != ERR_OK && !existed)
        rmdir(place->dir);
    return e;
}

static enum err differs(const struct samba_lab *l, const char *option, struct errinfo *ei)
{
    return err_fail(ei, ERR_CONFLICT,
                    "the lab in %s was made with another %s; leave the option out, or use "
                    "another folder",
                    l->place.dir, option);
}

static enum err reconcile(const struct samba_lab *l, const struct samba_wish *wish,
                          struct errinfo *ei)
{
    if (wish->domain != NULL && strcasecmp(wish->domain, l->place.domain) != 0)
        return differs(l, "--domain", ei);
    if (wish->dcs != 0 && wish->dcs != l->writable)
        return differs(l, "--dcs", ei);
    if (wish->rodc && !l->rodc)
        return differs(l, "--rodc", ei);
    if (wish->schema47 && !l->schema47)
        return differs(l, "--schema47", ei);
    if (wish->kms_port != 0 && wish->kms_port != l->place.kms_port)
        return err_fail(ei, ERR_CONFLICT,
                        "the lab in %s has KMS port %u; change listen in %s/adbad.conf instead",
                        l->place.dir, l->place.kms_port, l->place.dir);
    return ERR_OK;
}

static enum err describe(struct samba_lab *l, const struct samba_wish *wish, struct errinfo *ei)
{
    enum err e = samba_read(l, ei);

    if (e != ERR_NOTFOUND)
        return e == ERR_OK ? reconcile(l, wish, ei) : e;
    l->writable = wish->dcs != 0 ? wish->dcs : 1;
    l->rodc = wish->rodc;
    l->schema47 = wish->schema47;
    l->place.kms_port = wish->kms_port != 0 ? wish->kms_port : LAB_KMS_PORT;
    e = lab_set_domain(&l->place, wish->domain != NULL ? wish->domain : LAB_DOMAIN_DEFAULT, ei);
    return e == ERR_OK ? samba_layout(l, ei) : e;
}

/* The bridge is the client's. Without it the others are cut off, and begin anew. */
static enum err start_client(struct samba_lab *l, struct errinfo *ei)
{
    enum err e;

    if (l->client.pid != 0)
        return ERR_OK;
    e = stop_all(l, ei);
    if (e == ERR_OK && access(l->client.dir, F_OK) != 0)
        e = node_make(&l->client, ei);
    if (e == ERR_OK)
        e = samba_write_etc(l, &l->client, NULL, ei);
    return e == ERR_OK ? node_start(&l->client, NULL, NULL, ei) : e;
}

/* Afterwards the first one shall hear of it at once, and not when it next looks. */
static enum err introduce(struct samba_lab *l, size_t i, struct errinfo *ei)
{
    static const char *const argv[] = {"samba-tool", "drs", "kcc", NULL};
    const struct tool t = {.argv = argv, .in = &l->dc[0].node};

    if (!l->dc[i].read_only) {
        enum err e = tool_do(&t, ei);

        if (e != ERR_OK)
            return e;
    }
    return samba_wait_known(&l->dc[0], &l->dc[i], ei);
}

static enum err raise_dc(struct samba_lab *l, size_t i, const struct samba_talk *talk,
                         struct errinfo *ei)
{
    struct samba_dc *dc = &l->dc[i];
    bool fresh = !samba_dc_exists(dc);
    enum err e = ERR_OK;

    if (fresh) {
        say(talk, i == 0 ? "%s: making the domain %s (some 20 s)" : "%s: joining %s (some 15 s)",
            dc->node.name, l->place.domain);
        e = samba_dc_make(l, i, ei);
    }
    if (e == ERR_OK && dc->node.pid == 0) {
        say(talk, "%s: starting", dc->node.name);
        e = samba_dc_start(l, i, ei);
    }
    if (e == ERR_OK)
        e = samba_wait_ready(l, dc, ei);
    if (e == ERR_OK && fresh && i > 0)
        e = introduce(l, i, ei);
    return e;
}

static enum err raise_all(struct samba_lab *l, const struct samba_talk *talk, struct errinfo *ei)
{
    enum err e = samba_write(l, ei);

    if (e == ERR_OK)
        e = samba_dc_drop_halves(l, true, ei);
    if (e == ERR_OK)
        e = start_client(l, ei);
    for (size_t i = 0; e == ERR_OK && i < l->dcs; i++)
        e = raise_dc(l, i, talk, ei);
    return e;
}

enum err samba_lab_up(const char *dir, const struct samba_wish *wish, const struct samba_talk *talk,
                      struct samba_lab *out, bool *was_running, struct errinfo *ei)
{
    struct samba_lab l = {.client = NODE_INIT};
    int fd = -1;
    enum err e = samba_need_root(ei);

    if (e == ERR_OK)
        e = samba_need_packages(ei);
    if (e == ERR_OK)
        e = open_place(dir, &l.place, ei);
    if (e == ERR_OK)
        e = lab_admit(&l.place, ei);
    if (e == ERR_OK)
        e = lab_lock(&l.place, &fd, ei);
    if (e == ERR_OK)
        e = describe(&l, wish, ei);
    if (e == ERR_OK)
        e = find_all(&l, ei);
    *was_running = e == ERR_OK && samba_lab_runs(&l);
    if (e == ERR_OK)
        e = raise_all(&l, talk, ei);
    if (fd >= 0)
        close(fd);
    if (e == ERR_OK)
        *out = l;
    else
        samba_lab_fini(&l);
    return e;
}

/* ---- status, down, run ---- */

static enum err open_lab(const char *dir, struct samba_lab *l, struct errinfo *ei)
{
    enum err e = samba_need_root(ei);

    l->client = (struct node)NODE_INIT;
    if (e == ERR_OK)
        e = lab_place(dir, false, &l->place, ei);
    return e == ERR_OK ? samba_read(l, ei) : e;
}

enum err samba_lab_status(const char *dir, struct samba_lab *out, struct errinfo *ei)
{
    struct samba_lab l = {0};
    enum err e = open_lab(dir, &l, ei);

    if (e == ERR_OK)
        e = find_all(&l, ei);
    if (e == ERR_OK)
        *out = l;
    else
        samba_lab_fini(&l);
    return e;
}

enum err samba_lab_down(const char *dir, struct samba_lab *out, bool *was_running,
                        struct errinfo *ei)
{
    struct samba_lab l = {0};
    int fd = -1;
    enum err e = open_lab(dir, &l, ei);

    *was_running = false;
    if (e == ERR_OK)
        e = lab_lock(&l.place, &fd, ei);
    if (e == ERR_OK)
        e = find_all(&l, ei);
    for (size_t i = 0; e == ERR_OK && i < l.dcs; i++)
        *was_running = *was_running || l.dc[i].node.pid != 0;
    *was_running = *was_running || l.client.pid != 0;
    if (e == ERR_OK)
        e = stop_all(&l, ei);
    if (fd >= 0)
        close(fd);
    if (e == ERR_OK)
        *out = l;
    else
        samba_lab_fini(&l);
    return e;
}

/* What the person's environment says about the network outside does not hold inside. */
static enum err run_inside(const struct samba_lab *l, char *const *argv, int *status,
                           struct errinfo *ei)
{
    const char *shell = getenv("SHELL");
    char *const interactive[] = {(char *)(uintptr_t)(shell != NULL ? shell : "/bin/sh"), NULL};
    char *conf = NULL, *cacert = NULL, *lab = NULL;
    enum err e;

    if (asprintf(&conf, "ADBAD_CONF=%s/adbad.conf", l->place.dir) < 0 ||
        asprintf(&cacert, "LDAPTLS_CACERT=%s/ca.pem", l->place.dir) < 0 ||
        asprintf(&lab, "ADBAD_LAB=%s", l->place.dir) < 0)
        abort();
    /* LDAPNOINIT: adbactl itself sets it, for its own use of libldap. */
    const char *const env[] = {conf,          cacert,     lab,       "KRB5_CONFIG", "KRB5CCNAME",
                               "KRB5_KTNAME", "LDAPCONF", "LDAPURI", "LDAPNOINIT",  NULL};
    e = tool_run_for_person(&l->client, argv != NULL ? argv : interactive, env, status, ei);
    free(conf);
    free(cacert);
    free(lab);
    return e;
}

enum err samba_lab_run(const char *dir, char *const *argv, int *status, struct errinfo *ei)
{
    struct samba_lab l = {0};
    enum err e = samba_lab_status(dir, &l, ei);

    if (e != ERR_OK)
        return e;
    if (l.client.pid == 0)
        e = err_fail(ei, ERR_UNREACHABLE, "the lab in %s does not run; \"adbactl lab up %s\"",
                     l.place.dir, l.place.dir);
    else
        e = run_inside(&l, argv, status, ei);
    samba_lab_fini(&l);
    return e;
}
