#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "lab/files.h"
#include "lab/samba_internal.h"

#define WORDS_MAX 40
#define CCACHE    "FILE:/run/administrator.tickets" /* a tmpfs of the node */

/* ---- the words of a samba-tool command ---- */

struct words {
    const char *v[WORDS_MAX]; /* what starts with "--option=" is owned */
    size_t n;
};

static void add(struct words *w, const char *word)
{
    if (w->n + 1 >= WORDS_MAX)
        abort();
    w->v[w->n++] = word;
    w->v[w->n] = NULL;
}

static void add_owned(struct words *w, const char *prefix, const char *value)
{
    char *word = NULL;

    if (asprintf(&word, "%s%s", prefix, value) < 0)
        abort();
    add(w, word);
}

/* Every line "name = value" of schema/samba/options.conf. */
static void add_options(struct words *w, const struct samba_dc *dc)
{
    char *text = strdup(lab_samba_options), *save = NULL;
    char name[64];

    if (text == NULL)
        abort();
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
        if (line[0] != '#')
            add_owned(w, "--option=", line);
    snprintf(name, sizeof(name), "netbios name=%s", dc->node.name);
    for (char *p = strchr(name, '='); *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    add_owned(w, "--option=", name);
    free(text);
}

static void words_fini(struct words *w, size_t owned_from)
{
    for (size_t i = owned_from; i < w->n; i++)
        free((char *)(uintptr_t)w->v[i]);
}

/* ---- provision ---- */

/* samba-tool makes the administrator's password itself and says it: on its command line everybody
 * could read it. */
static enum err take_password(const struct samba_lab *l, struct buf *said, struct errinfo *ei)
{
    static const char label[] = "Admin password:";
    const char *text = buf_str(said), *at = text == NULL ? NULL : strstr(text, label);
    char *path = lab_path(&l->place, "administrator");
    enum err e;

    if (at == NULL || strchr(at, '\n') == NULL) {
        e = err_fail(ei, ERR_NOT_NOW, "samba-tool did not say the administrator's password");
    } else {
        at += sizeof(label) - 1;
        at += strspn(at, " ");
        e = file_write_atomic(path, at, strcspn(at, "\n") + 1, 0600, ei); /* and its newline */
    }
    free(path);
    return e;
}

static enum err provision(const struct samba_lab *l, const struct samba_dc *dc, struct errinfo *ei)
{
    struct words w = {
        {"samba-tool", "domain", "provision", "--server-role=dc", "--dns-backend=SAMBA_INTERNAL"},
        5};
    struct buf said = BUF_INIT;
    const struct tool t = {.argv = w.v, .in = &dc->node, .output = &said, .timeout_ms = 300000};
    enum err e;

    if (l->schema47)
        add(&w, "--base-schema=2008_R2");
    size_t fixed = w.n;
    add_owned(&w, "--realm=", l->realm);
    add_owned(&w, "--domain=", l->netbios);
    add_owned(&w, "--host-name=", dc->node.name);
    add_owned(&w, "--host-ip=", dc->address);
    add_options(&w, dc);
    e = tool_do(&t, ei);
    if (e == ERR_OK)
        e = take_password(l, &said, ei);
    words_fini(&w, fixed);
    buf_wipe(&said);
    return e == ERR_OK ? samba_prepare(l, dc, ei) : e;
}

/* ---- join ---- */

static enum err join(const struct samba_lab *l, const struct samba_dc *dc, struct errinfo *ei)
{
    struct words w = {{"samba-tool", "domain", "join", l->place.domain,
                       dc->read_only ? "RODC" : "DC", "--use-krb5-ccache=" CCACHE,
                       "--dns-backend=SAMBA_INTERNAL"},
                      7};
    const struct tool t = {.argv = w.v, .in = &dc->node, .ccache = CCACHE, .timeout_ms = 300000};
    size_t fixed = w.n;
    enum err e = samba_kinit(l, &dc->node, CCACHE, ei);

    add_owned(&w, "--server=", l->dc[0].fqdn);
    add_options(&w, dc);
    if (e == ERR_OK)
        e = tool_do(&t, ei);
    words_fini(&w, fixed);
    return e;
}

/* ---- the folder ---- */

bool samba_dc_exists(const struct samba_dc *dc)
{
    return access(dc->node.dir, F_OK) == 0;
}

/* The same machine in the folder aside. */
static struct samba_dc half_of(const struct samba_dc *dc)
{
    struct samba_dc half = *dc;

    half.node.pid = 0;
    half.node.pidfd = -1;
    if (asprintf(&half.node.dir, "%s.new", dc->node.dir) < 0)
        abort();
    return half;
}

static enum err remove_folder(const char *dir, struct errinfo *ei)
{
    const char *const argv[] = {"rm", "-rf", "--", dir, NULL};
    const struct tool t = {.argv = argv};

    return tool_do(&t, ei);
}

enum err samba_dc_drop_halves(struct samba_lab *l, bool remove, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < l->dcs; i++) {
        struct samba_dc half = half_of(&l->dc[i]);

        e = node_find(&half.node, ei);
        if (e == ERR_OK)
            e = node_stop(&half.node, ei);
        if (e == ERR_OK && remove)
            e = remove_folder(half.node.dir, ei);
        node_fini(&half.node);
    }
    return e;
}

enum err samba_dc_make(struct samba_lab *l, size_t i, struct errinfo *ei)
{
    struct samba_dc half = half_of(&l->dc[i]);
    struct errinfo ignored;
    enum err e = node_make(&half.node, ei);

    if (e == ERR_OK)
        e = samba_write_etc(l, &half.node, &l->dc[0], ei);
    if (e == ERR_OK)
        e = node_start(&half.node, &l->client, NULL, ei);
    if (e == ERR_OK)
        e = i == 0 ? provision(l, &half, ei) : join(l, &half, ei);
    if (e == ERR_OK)
        e = samba_make_certificate(l, &half, ei);
    if (e == ERR_OK)
        e = node_stop(&half.node, ei);
    else if (node_stop(&half.node, &ignored) != ERR_OK)
        err_context(ei, "%s", ignored.text);
    if (e == ERR_OK && rename(half.node.dir, l->dc[i].node.dir) != 0)
        e = err_fail_errno(ei, errno, "rename %s", half.node.dir);
    node_fini(&half.node);
    return e;
}

enum err samba_dc_start(struct samba_lab *l, size_t i, struct errinfo *ei)
{
    static const char *const program[] = {"samba", "-F", "--no-process-group", NULL};
    struct samba_dc *dc = &l->dc[i];
    enum err e = samba_write_etc(l, &dc->node, dc, ei);

    return e == ERR_OK ? node_start(&dc->node, &l->client, program, ei) : e;
}
