#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rng.h"
#include "lab/files.h"
#include "lab/internal.h"

#define FORMAT         1
#define PASSWORD_MAX   4096
#define PASSWORD_BYTES 24

/* ---- lab.json ---- */

static enum err take_description(struct lab *l, const json_t *o, const char *path,
                                 struct errinfo *ei)
{
    const char *domain;
    int format, ldap_port, kms_port;
    json_error_t je;

    if (json_object_get(o, "kind") != NULL)
        return err_fail(ei, ERR_CONFLICT, "the lab in %s is a Samba one; use --samba", l->dir);
    if (json_unpack_ex((json_t *)(uintptr_t)o, &je, 0, "{s:i, s:s, s:i, s:i}", "format", &format,
                       "domain", &domain, "ldap_port", &ldap_port, "kms_port", &kms_port) != 0)
        return err_fail(ei, ERR_MALFORMED, "%s: %s", path, je.text);
    if (format != FORMAT)
        return err_fail(ei, ERR_VERSION, "%s: format %d, this program knows %d", path, format,
                        FORMAT);
    if (ldap_port < 0 || ldap_port > 65535 || kms_port < 1 || kms_port > 65535)
        return err_fail(ei, ERR_MALFORMED, "%s: a port is out of range", path);
    l->ldap_port = (uint32_t)ldap_port;
    l->kms_port = (uint32_t)kms_port;
    return lab_set_domain(l, domain, ei);
}

enum err lab_read(struct lab *l, struct errinfo *ei)
{
    char *path = lab_path(l, LAB_DESCRIPTION);
    struct buf text = BUF_INIT;
    json_error_t je;
    json_t *o = NULL;
    enum err e = file_read(path, 65536, &text, ei);

    if (e == ERR_NOTFOUND) {
        e = err_fail(ei, ERR_NOTFOUND,
                     "%s is no lab folder (it has no " LAB_DESCRIPTION
                     "); \"adbactl lab up\" makes one",
                     l->dir);
        goto out;
    }
    if (e == ERR_OK)
        e = file_require_private(l->dir, ei);
    if (e != ERR_OK)
        goto out;
    o = json_loadb((const char *)text.data, text.len, 0, &je);
    e = o == NULL ? err_fail(ei, ERR_MALFORMED, "%s:%d: %s", path, je.line, je.text)
                  : take_description(l, o, path, ei);
out:
    json_decref(o);
    buf_fini(&text);
    free(path);
    return e;
}

enum err lab_describe(const struct lab *l, json_t *o, struct errinfo *ei)
{
    char *path = lab_path(l, LAB_DESCRIPTION);
    char *text = o == NULL ? NULL : json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    enum err e =
        text == NULL ? err_nomem(ei) : file_write_atomic(path, text, strlen(text), 0600, ei);

    free(text);
    json_decref(o);
    free(path);
    return e;
}

static enum err write_description(const struct lab *l, struct errinfo *ei)
{
    return lab_describe(l,
                        json_pack("{s:i, s:s, s:i, s:i}", "format", FORMAT, "domain", l->domain,
                                  "ldap_port", (int)l->ldap_port, "kms_port", (int)l->kms_port),
                        ei);
}

enum err lab_require_empty(const struct lab *l, struct errinfo *ei)
{
    DIR *d = opendir(l->dir);
    const struct dirent *entry;
    enum err e = ERR_OK;

    if (d == NULL)
        return err_fail_errno(ei, errno, "read folder %s", l->dir);
    while (e == ERR_OK && (entry = readdir(d)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, "lab.lock") != 0)
            e = err_fail(ei, ERR_REFUSED,
                         "%s is no lab folder and is not empty (it holds %s); give a new or an "
                         "empty one",
                         l->dir, entry->d_name);
    closedir(d);
    return e == ERR_OK ? file_require_private(l->dir, ei) : e;
}

/* ---- the files ---- */

static enum err write_template(const struct lab *l, const char *name, const char *text, bool keep,
                               struct errinfo *ei)
{
    char uid[16], kms_port[16];
    char *admin = NULL, *service = NULL, *host = NULL;
    char *path = lab_path(l, name);
    struct buf out = BUF_INIT;
    enum err e;

    snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
    snprintf(kms_port, sizeof(kms_port), "%u", l->kms_port);
    if (asprintf(&admin, "CN=Lab Administrator,CN=Users,%s", l->suffix) < 0 ||
        asprintf(&service, "CN=" LAB_SERVICE_NAME ",CN=Users,%s", l->suffix) < 0 ||
        asprintf(&host, "dc1.%s", l->domain) < 0)
        abort();
    const struct lab_pair pairs[] = {
        {"DIR", l->dir},        {"SUFFIX", l->suffix},
        {"ADMIN", admin},       {"SERVICE", service},
        {"UID", uid},           {"HOST", host},
        {"URI", l->uri},        {"DOMAIN", l->domain},
        {"KMS_PORT", kms_port}, {"SERVICE_NAME", LAB_SERVICE_NAME},
    };

    e = lab_expand(text, pairs, sizeof(pairs) / sizeof(pairs[0]), &out, ei);
    if (e == ERR_OK)
        e = keep ? file_create(path, out.data, out.len, 0600, ei)
                 : file_write_atomic(path, out.data, out.len, 0600, ei);
    if (keep && e == ERR_EXISTS)
        e = ERR_OK;
    buf_fini(&out);
    free(admin);
    free(service);
    free(host);
    free(path);
    return e;
}

static enum err make_folder(const struct lab *l, const char *name, struct errinfo *ei)
{
    char *path = lab_path(l, name);
    enum err e = mkdir(path, 0700) == 0 || errno == EEXIST
                     ? ERR_OK
                     : err_fail_errno(ei, errno, "create folder %s", path);

    free(path);
    return e;
}

static enum err write_password(const struct lab *l, struct errinfo *ei)
{
    char *path = lab_path(l, "service.password");
    struct rng rng = rng_system();
    uint8_t random[PASSWORD_BYTES];
    struct buf text = BUF_INIT;
    enum err e;

    rng_fill(&rng, random, sizeof(random));
    buf_add_hex(&text, random, sizeof(random));
    buf_add_str(&text, "\n");
    e = text.err != ERR_OK ? err_nomem(ei) : file_create(path, text.data, text.len, 0600, ei);
    if (e == ERR_EXISTS)
        e = ERR_OK;
    explicit_bzero(random, sizeof(random));
    buf_wipe(&text);
    free(path);
    return e;
}

enum err lab_write(const struct lab *l, struct errinfo *ei)
{
    enum err e = write_description(l, ei); /* first: it makes the folder ours */

    if (e == ERR_OK)
        e = make_folder(l, "db", ei);
    if (e == ERR_OK)
        e = make_folder(l, "state", ei);
    if (e == ERR_OK)
        e = write_template(l, "adbad.schema", lab_schema, false, ei);
    if (e == ERR_OK)
        e = write_template(l, "slapd.conf", lab_slapd_conf, false, ei);
    if (e == ERR_OK)
        e = write_template(l, "rootdse.ldif", lab_rootdse, false, ei);
    if (e == ERR_OK)
        e = write_password(l, ei);
    if (e == ERR_OK)
        e = write_template(l, "adbad.conf", lab_adbad_conf, true, ei);
    return e;
}

enum err lab_service_password(const struct lab *l, struct buf *out, struct errinfo *ei)
{
    char *path = lab_path(l, "service.password");
    enum err e = file_read_private(path, PASSWORD_MAX, out, ei);

    while (out->len > 0 && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->len--;
    if (e == ERR_OK && out->len == 0)
        e = err_fail(ei, ERR_MALFORMED, "%s is empty; remove it and run lab up again", path);
    free(path);
    return e;
}
