#include "realm/installation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/file.h"
#include "base/owner.h"
#include "realm/doc.h"
#include "realm/keyfile.h"

#define FORMAT    "adbad-installation-1"
#define FILE_MAX  (64u * 1024)
#define PATH_ROOM 4096
#define TEXT_MAX  200
#define LIST_MAX  256

static const char *const hows[INSTALLATION_HOWS] = {
    [INSTALLATION_NOT] = "not",
    [INSTALLATION_ONLINE] = "online",
    [INSTALLATION_PHONE] = "phone",
    [INSTALLATION_LAB] = "lab",
};

const char *installation_how_name(enum installation_how how)
{
    return (unsigned)how < INSTALLATION_HOWS ? hows[how] : "unknown";
}

static void list_fini(struct conf_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct conf_list){0};
}

void installation_fini(struct installation *i)
{
    free(i->host_os);
    list_fini(&i->updates);
    *i = (struct installation){0};
}

/* ---- which host this is ---- */

static enum err make_host(const char *path, const struct rng *rng, char name[GUID_TEXT_MAX],
                          struct errinfo *ei)
{
    uint8_t random[16];
    struct guid id;
    char line[GUID_TEXT_MAX + 1];
    int n;

    rng_fill(rng, random, sizeof(random));
    id = guid_from_random(random);
    n = snprintf(line, sizeof(line), "%s\n", guid_format(&id, name));
    return file_create(path, line, (size_t)n, 0600, ei);
}

static enum err read_host(const char *path, char name[GUID_TEXT_MAX], struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    struct guid id;
    enum err e = file_read_private(path, 2 * GUID_TEXT_MAX, &text, ei);

    if (e == ERR_OK && text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    if (e == ERR_OK && (buf_str(&text) == NULL || !guid_parse(buf_str(&text), &id)))
        e = err_fail(ei, ERR_MALFORMED,
                     "read %s: it does not hold the name of this host; remove it, and activate the "
                     "host keys again",
                     path);
    if (e == ERR_OK)
        guid_format(&id, name);
    buf_fini(&text);
    return e;
}

enum err installation_host(const char *state_dir, const struct rng *rng, char name[GUID_TEXT_MAX],
                           struct errinfo *ei)
{
    char path[PATH_ROOM];

    if ((size_t)snprintf(path, sizeof(path), "%s/host.id", state_dir) >= sizeof(path))
        return err_fail(ei, ERR_LIMIT, "state folder %s: the path is too long", state_dir);
    if (rng != NULL && access(path, F_OK) != 0 && errno == ENOENT) {
        enum err e = make_host(path, rng, name, ei);

        if (e != ERR_EXISTS) /* another command made it first: its name counts */
            return e;
    }
    return read_host(path, name, ei);
}

/* ---- the file beside a key ---- */

static json_t *list_json(const struct conf_list *l)
{
    json_t *all = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(all, json_string(l->v[i]));
    return all;
}

static json_t *activation_json(const struct installation *i, const char *host)
{
    char when[CLK_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "host", host, "how",
                     installation_how_name(i->how), "when", clk_format(i->when, when),
                     "confirmation_id", i->cid, "activations", (json_int_t)i->used,
                     "activations_left", (json_int_t)i->left, "hosts", (json_int_t)i->hosts_used,
                     "hosts_left", (json_int_t)i->hosts_left);
}

static enum err write_as_owner(const char *state_dir, const char *path, const struct buf *text,
                               struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin(state_dir, &was, ei);

    if (e != ERR_OK)
        return e;
    e = file_write_atomic(path, text->data, text->len, 0600, ei);
    owner_end(&was);
    return e;
}

enum err installation_text(const struct hostkey *k, const char *host, const struct installation *i,
                           struct buf *out, struct errinfo *ei)
{
    return doc_write(json_pack("{s:s, s:s, s:s, s:o, s:o}", "format", FORMAT, "key", k->key,
                               "host_os", i->host_os != NULL ? i->host_os : "", "updates",
                               list_json(&i->updates), "activation",
                               i->how == INSTALLATION_NOT ? json_null() : activation_json(i, host)),
                     out, ei);
}

enum err installation_save(const char *state_dir, const struct hostkey *k, const char *host,
                           const struct installation *i, struct errinfo *ei)
{
    char path[KEYFILE_PATH_MAX], slug[HOSTKEY_GROUP_MAX + 1];
    struct buf text = BUF_INIT;
    enum err e = keyfile_path(state_dir, hostkey_slug(k->group, slug), KEYFILE_HOST, path, ei);

    if (e == ERR_OK)
        e = installation_text(k, host, i, &text, ei);
    if (e == ERR_OK)
        e = write_as_owner(state_dir, path, &text, ei);
    buf_fini(&text);
    return e;
}

static void read_list(struct doc *d, const char *name, struct conf_list *out)
{
    json_t *list = doc_array(d, NULL, name), *v;
    size_t i;

    if (list == NULL)
        return;
    if (json_array_size(list) > LIST_MAX) {
        doc_reject(d, name, "has more than %d entries", LIST_MAX);
        return;
    }
    out->v = calloc(json_array_size(list) + 1, sizeof(*out->v));
    json_array_foreach(list, i, v)
    {
        const char *text = json_string_value(v);

        if (out->v == NULL || text == NULL || (out->v[out->n] = strdup(text)) == NULL) {
            doc_reject(d, name, "cannot be read");
            return;
        }
        out->n++;
    }
}

static void read_activation(struct doc *d, const char *host, struct installation *out)
{
    static const char *const members[] = {
        "host",  "how",        "when", "confirmation_id", "activations", "activations_left",
        "hosts", "hosts_left", NULL};
    json_t *a = json_object_get(d->root, "activation");
    const char *of, *how, *cid;

    if (json_is_null(a))
        return;
    a = doc_object(d, NULL, "activation");
    doc_members(d, a, members);
    of = doc_text(d, a, "host", 1, TEXT_MAX);
    how = doc_text(d, a, "how", 1, TEXT_MAX);
    cid = doc_text(d, a, "confirmation_id", 0, INSTALLATION_CID_MAX - 1);
    out->when = doc_time(d, a, "when");
    out->used = (uint32_t)doc_int(d, a, "activations", 0, UINT32_MAX);
    out->left = (uint32_t)doc_int(d, a, "activations_left", 0, UINT32_MAX);
    out->hosts_used = (uint32_t)doc_int(d, a, "hosts", 0, UINT32_MAX);
    out->hosts_left = (uint32_t)doc_int(d, a, "hosts_left", 0, UINT32_MAX);
    if (d->err != ERR_OK)
        return;
    snprintf(out->cid, sizeof(out->cid), "%s", cid);
    for (unsigned i = INSTALLATION_NOT + 1; i < INSTALLATION_HOWS; i++) {
        if (strcmp(how, hows[i]) == 0)
            out->how = (enum installation_how)i;
    }
    if (out->how == INSTALLATION_NOT)
        doc_reject(d, "how", "is none of online, phone and lab");
    if (host == NULL || strcmp(of, host) != 0)
        out->how = INSTALLATION_NOT;
}

/* False: it is another key's. */
static bool read_all(struct doc *d, const struct hostkey *k, const char *host,
                     struct installation *out)
{
    static const char *const members[] = {"format",  "key",        "host_os",
                                          "updates", "activation", NULL};
    const char *key, *os;

    doc_members(d, NULL, members);
    key = doc_text(d, NULL, "key", HOSTKEY_TEXT_LEN, HOSTKEY_TEXT_LEN);
    os = doc_text(d, NULL, "host_os", 0, TEXT_MAX);
    if (d->err != ERR_OK || strcmp(key, k->key) != 0)
        return false;
    if (*os != '\0' && (out->host_os = strdup(os)) == NULL)
        doc_reject(d, "host_os", "cannot be read");
    read_list(d, "updates", &out->updates);
    read_activation(d, host, out);
    return true;
}

/* *found: the file is there and is this key's. */
static enum err load_from(const char *state_dir, const struct hostkey *k, const char *ending,
                          const char *host, bool *found, struct installation *out,
                          struct errinfo *ei)
{
    char path[KEYFILE_PATH_MAX], slug[HOSTKEY_GROUP_MAX + 1];
    struct buf text = BUF_INIT;
    struct doc d = {0};
    enum err e = keyfile_path(state_dir, hostkey_slug(k->group, slug), ending, path, ei);

    *out = (struct installation){0};
    *found = false;
    if (e == ERR_OK)
        e = file_read_private(path, FILE_MAX, &text, ei);
    if (e == ERR_NOTFOUND)
        return ERR_OK;
    if (e == ERR_OK)
        e = doc_parse(&d, text.data, text.len, path, FORMAT, ei);
    if (e == ERR_OK) {
        *found = read_all(&d, k, host, out);
        e = d.err;
    }
    doc_fini(&d);
    buf_fini(&text);
    if (e != ERR_OK)
        installation_fini(out);
    return e;
}

enum err installation_load(const char *state_dir, const struct hostkey *k, const char *host,
                           struct installation *out, struct errinfo *ei)
{
    char slug[HOSTKEY_GROUP_MAX + 1];
    struct keyfile_phase now;
    bool found = false;
    enum err e = ERR_OK;

    keyfile_phase(state_dir, hostkey_slug(k->group, slug), &now);
    if (now.staged)
        e = load_from(state_dir, k, KEYFILE_HOST KEYFILE_STAGED, host, &found, out, ei);
    return found || e != ERR_OK ? e : load_from(state_dir, k, KEYFILE_HOST, host, &found, out, ei);
}
