#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "lab/files.h"
#include "lab/samba_internal.h"

#define FORMAT 1
#define KIND   "samba"

/* ---- lab.json ---- */

static json_t *load_description(const struct lab *place, struct errinfo *ei)
{
    char *path = lab_path(place, LAB_DESCRIPTION);
    struct buf text = BUF_INIT;
    json_error_t je;
    json_t *o = NULL;
    enum err e = file_read(path, 65536, &text, ei);

    if (e == ERR_NOTFOUND)
        err_fail(ei, ERR_NOTFOUND,
                 "%s is no lab folder (it has no " LAB_DESCRIPTION
                 "); \"adbactl lab up --samba\" makes one",
                 place->dir);
    else if (e == ERR_OK) {
        o = json_loadb((const char *)text.data, text.len, 0, &je);
        if (o == NULL)
            err_fail(ei, ERR_MALFORMED, "%s:%d: %s", path, je.line, je.text);
    }
    buf_fini(&text);
    free(path);
    return o;
}

bool samba_lab_is(const char *dir)
{
    struct lab place = {.dir = (char *)(uintptr_t)dir};
    struct errinfo ignored;
    json_t *o = load_description(&place, &ignored);
    const char *kind = json_string_value(json_object_get(o, "kind"));
    bool is = kind != NULL && strcmp(kind, KIND) == 0;

    json_decref(o);
    return is;
}

static enum err take_description(struct samba_lab *l, json_t *o, struct errinfo *ei)
{
    const char *domain, *kind = json_string_value(json_object_get(o, "kind"));
    int format, dcs, rodc, schema47, kms_port;
    json_error_t je;

    if (kind == NULL || strcmp(kind, KIND) != 0)
        return err_fail(
            ei, ERR_CONFLICT,
            "the lab in %s is an OpenLDAP one, made without --samba; use another folder "
            "for a Samba lab",
            l->place.dir);
    if (json_unpack_ex(o, &je, 0, "{s:i, s:s, s:i, s:b, s:b, s:i}", "format", &format, "domain",
                       &domain, "dcs", &dcs, "rodc", &rodc, "schema47", &schema47, "kms_port",
                       &kms_port) != 0)
        return err_fail(ei, ERR_MALFORMED, "%s/" LAB_DESCRIPTION ": %s", l->place.dir, je.text);
    if (format != FORMAT)
        return err_fail(ei, ERR_VERSION, "%s/" LAB_DESCRIPTION ": format %d, this program knows %d",
                        l->place.dir, format, FORMAT);
    if (dcs < 1 || dcs > 2 || kms_port < 1 || kms_port > 65535)
        return err_fail(ei, ERR_MALFORMED, "%s/" LAB_DESCRIPTION ": a number is out of range",
                        l->place.dir);
    l->writable = (uint32_t)dcs;
    l->rodc = rodc != 0;
    l->schema47 = schema47 != 0;
    l->place.kms_port = (uint32_t)kms_port;
    return lab_set_domain(&l->place, domain, ei);
}

enum err samba_read(struct samba_lab *l, struct errinfo *ei)
{
    json_t *o = load_description(&l->place, ei);
    enum err e = o == NULL ? ei->code : file_require_private(l->place.dir, ei);

    if (e == ERR_OK)
        e = take_description(l, o, ei);
    if (e == ERR_OK)
        e = samba_layout(l, ei);
    json_decref(o);
    return e;
}

static enum err write_description(const struct samba_lab *l, struct errinfo *ei)
{
    return lab_describe(&l->place,
                        json_pack("{s:i, s:s, s:s, s:i, s:b, s:b, s:i}", "format", FORMAT, "kind",
                                  KIND, "domain", l->place.domain, "dcs", (int)l->writable, "rodc",
                                  (int)l->rodc, "schema47", (int)l->schema47, "kms_port",
                                  (int)l->place.kms_port),
                        ei);
}

/* ---- the layout ---- */

static enum err add_dc(struct samba_lab *l, const char *name, const char *address, bool read_only,
                       struct errinfo *ei)
{
    struct samba_dc *dc = &l->dc[l->dcs++];

    dc->node = (struct node){.name = name, .address = address, .pidfd = -1};
    dc->read_only = read_only;
    snprintf(dc->address, sizeof(dc->address), "%.*s", (int)strcspn(address, "/"), address);
    dc->node.dir = lab_path(&l->place, name);
    return asprintf(&dc->fqdn, "%s.%s", name, l->place.domain) < 0 ? err_nomem(ei) : ERR_OK;
}

enum err samba_layout(struct samba_lab *l, struct errinfo *ei)
{
    size_t label = strcspn(l->place.domain, ".");
    enum err e;

    l->realm = strdup(l->place.domain);
    if (l->realm == NULL)
        return err_nomem(ei);
    for (char *p = l->realm; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    /* At most 15 characters (MS-ADTS 3.1.1.1.4 leaves NetBIOS names as they always were). */
    snprintf(l->netbios, sizeof(l->netbios), "%.*s", (int)(label < 15 ? label : 15), l->realm);
    l->client = (struct node){.name = "client",
                              .address = CLIENT_ADDRESS "/24",
                              .dir = lab_path(&l->place, "client"),
                              .pidfd = -1};
    e = add_dc(l, "dc1", "10.53.0.1/24", false, ei);
    if (e == ERR_OK && l->writable > 1)
        e = add_dc(l, "dc2", "10.53.0.2/24", false, ei);
    if (e == ERR_OK && l->rodc)
        e = add_dc(l, "ro1", "10.53.0.3/24", true, ei);
    return e;
}

/* ---- a node's /etc ---- */

/* first: the DC that is asked first, or NULL; only: no other. */
static void add_kdcs(const struct samba_lab *l, const struct samba_dc *first, bool only,
                     struct buf *out)
{
    if (first != NULL)
        buf_add_fmt(out, "        kdc = %s\n", first->address);
    for (size_t i = 0; i < l->dcs && !only; i++)
        if (first == NULL || strcmp(first->address, l->dc[i].address) != 0)
            buf_add_fmt(out, "        kdc = %s\n", l->dc[i].address);
    buf_add_fmt(out, "        admin_server = %s", l->dc[0].address);
}

static enum err expand(const struct samba_lab *l, const char *text, const struct samba_dc *first,
                       bool only, struct buf *out, struct errinfo *ei)
{
    struct buf kdcs = BUF_INIT, extra = BUF_INIT;
    char kms_port[16];
    enum err e;

    add_kdcs(l, first, only, &kdcs);
    /* Tickets stay in the lab: /tmp is the machine's. */
    buf_add_fmt(&extra, "    default_ccache_name = FILE:%s/tickets-%%{uid}\n", l->place.dir);
    snprintf(kms_port, sizeof(kms_port), "%u", l->place.kms_port);
    if (buf_str(&kdcs) == NULL || buf_str(&extra) == NULL)
        abort();
    const struct lab_pair pairs[] = {
        {"DIR", l->place.dir},
        {"SUFFIX", l->place.suffix},
        {"DOMAIN", l->place.domain},
        {"REALM", l->realm},
        {"NETBIOS", l->netbios},
        {"KDCS", buf_str(&kdcs)},
        {"EXTRA", buf_str(&extra)},
        {"KMS_PORT", kms_port},
        {"SERVICE_NAME", SAMBA_SERVICE_NAME},
    };
    e = lab_expand(text, pairs, sizeof(pairs) / sizeof(pairs[0]), out, ei);
    buf_fini(&kdcs);
    buf_fini(&extra);
    return e;
}

enum err samba_expand(const struct samba_lab *l, const char *text, struct buf *out,
                      struct errinfo *ei)
{
    return expand(l, text, NULL, false, out, ei);
}

static enum err put(const char *dir, const char *name, struct buf *text, mode_t mode,
                    struct errinfo *ei)
{
    char *path = NULL;
    enum err e = text->err != ERR_OK ? err_nomem(ei) : ERR_OK;

    if (asprintf(&path, "%s/%s", dir, name) < 0)
        abort();
    if (e == ERR_OK)
        e = file_write_atomic(path, text->data, text->len, mode, ei);
    buf_clear(text);
    free(path);
    return e;
}

static void add_resolver(const struct samba_lab *l, const struct samba_dc *first, struct buf *out)
{
    buf_add_fmt(out, "search %s\noptions timeout:1 attempts:2\n", l->place.domain);
    if (first != NULL)
        buf_add_fmt(out, "nameserver %s\n", first->address);
    for (size_t i = 0; i < l->dcs; i++)
        if (first == NULL || strcmp(first->address, l->dc[i].address) != 0)
            buf_add_fmt(out, "nameserver %s\n", l->dc[i].address);
}

static void add_hosts(const struct samba_lab *l, struct buf *out)
{
    buf_add_str(out, "127.0.0.1 localhost\n");
    for (size_t i = 0; i < l->dcs; i++)
        buf_add_fmt(out, "%s %s %s\n", l->dc[i].address, l->dc[i].fqdn, l->dc[i].node.name);
    buf_add_fmt(out, CLIENT_ADDRESS " client.%s client\n", l->place.domain);
}

enum err samba_write_etc(const struct samba_lab *l, const struct node *n,
                         const struct samba_dc *first, struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    char *etc = NULL;
    enum err e;

    if (asprintf(&etc, "%s/etc", n->dir) < 0)
        abort();
    add_resolver(l, first, &text);
    e = put(etc, "resolv.conf", &text, 0644, ei);
    add_hosts(l, &text);
    if (e == ERR_OK)
        e = put(etc, "hosts", &text, 0644, ei);
    buf_add_fmt(&text, "%s\n", n->name);
    if (e == ERR_OK)
        e = put(etc, "hostname", &text, 0644, ei);
    if (e == ERR_OK)
        e = expand(l, lab_krb5_conf, first, false, &text, ei);
    if (e == ERR_OK)
        e = put(etc, "krb5.conf", &text, 0644, ei);
    if (e == ERR_OK && first != NULL)
        e = expand(l, lab_krb5_conf, first, true, &text, ei);
    if (e == ERR_OK && first != NULL)
        e = put(n->dir, SAMBA_PROBE_CONF, &text, 0644, ei);
    if (e == ERR_OK && first == NULL) { /* a domain controller's own is Samba's work */
        buf_add_fmt(&text, "[global]\nrealm = %s\nworkgroup = %s\nsecurity = ads\n", l->realm,
                    l->netbios);
        e = put(etc, "samba/smb.conf", &text, 0644, ei);
    }
    buf_fini(&text);
    free(etc);
    return e;
}

/* ---- the rest ---- */

static enum err write_conf(const struct samba_lab *l, struct errinfo *ei)
{
    char *path = lab_path(&l->place, "adbad.conf");
    struct buf text = BUF_INIT;
    enum err e = samba_expand(l, lab_samba_conf, &text, ei);

    if (e == ERR_OK)
        e = file_create(path, text.data, text.len, 0600, ei);
    if (e == ERR_EXISTS)
        e = ERR_OK;
    buf_fini(&text);
    free(path);
    return e;
}

enum err samba_write(const struct samba_lab *l, struct errinfo *ei)
{
    char *state = lab_path(&l->place, "state");
    enum err e = write_description(l, ei); /* first: it makes the folder ours */

    if (e == ERR_OK && mkdir(state, 0700) != 0 && errno != EEXIST)
        e = err_fail_errno(ei, errno, "create folder %s", state);
    free(state);
    if (e == ERR_OK)
        e = samba_make_authority(l, ei);
    return e == ERR_OK ? write_conf(l, ei) : e;
}
