#include "steward/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "client/srv.h"
#include "net/resolver.h"

#define PASSWORD_MAX 1024

/* ---- DNS ---- */

static enum err in_order(const struct resolver_srv *found, size_t n, struct dir_target **out,
                         struct errinfo *ei)
{
    struct srv_target *t = calloc(n + 1, sizeof(*t));
    struct rng rng = rng_system();

    *out = calloc(n + 1, sizeof(**out));
    if (t == NULL || *out == NULL) {
        free(t);
        free(*out);
        return err_nomem(ei);
    }
    for (size_t i = 0; i < n; i++) {
        t[i] = (struct srv_target){
            .priority = found[i].priority, .weight = found[i].weight, .port = found[i].port};
        snprintf(t[i].host, sizeof(t[i].host), "%s", found[i].host);
    }
    srv_order(t, n, &rng);
    for (size_t i = 0; i < n; i++) {
        (*out)[i].port = t[i].port;
        snprintf((*out)[i].host, sizeof((*out)[i].host), "%s", t[i].host);
    }
    free(t);
    return ERR_OK;
}

enum err directory_find(void *arg, const char *name, int timeout_ms, struct dir_target **out,
                        size_t *n, struct errinfo *ei)
{
    const char *server = arg;
    struct resolver *r = NULL;
    struct resolver_srv *found = NULL;
    enum err e = resolver_new(server == NULL || server[0] == '\0' ? NULL : server, &r, ei);

    if (e == ERR_OK)
        e = resolver_srv(r, name, timeout_ms, &found, n, ei);
    if (e == ERR_OK)
        e = in_order(found, *n, out, ei);
    free(found);
    resolver_free(r);
    return e;
}

/* ---- sessions ---- */

enum err directory_password(const char *path, struct buf *out, struct errinfo *ei)
{
    enum err e = file_read_private(path, PASSWORD_MAX, out, ei);

    if (e != ERR_OK)
        return err_context(ei, "directory password");
    if (buf_str(out) == NULL)
        return err_nomem(ei);
    out->len = strcspn(buf_str(out), "\r\n");
    if (out->len == 0)
        return err_fail(ei, ERR_CONFIG, "password file %s: expected one line of text", path);
    return buf_str(out) == NULL ? err_nomem(ei) : ERR_OK;
}

enum err directory_open(const struct settings *s, struct dir **out, struct errinfo *ei)
{
    static const enum dir_mechanism mechanisms[] = {
        [SET_MECH_NONE] = DIR_ANONYMOUS,    [SET_MECH_SCRAM] = DIR_SCRAM_SHA_256,
        [SET_MECH_EXTERNAL] = DIR_EXTERNAL, [SET_MECH_GSSAPI] = DIR_GSSAPI,
        [SET_MECH_SPNEGO] = DIR_SPNEGO,     [SET_MECH_SIMPLE] = DIR_SIMPLE,
    };
    struct dir_conf conf = {
        .uri = s->dir_uri,
        .mechanism = mechanisms[s->dir_mechanism],
        .user = s->dir_principal != NULL ? s->dir_principal : s->dir_user,
        .bind_dn = s->dir_user,
        .keytab = s->dir_keytab,
        .tls = s->dir_tls == SET_TLS_START ? DIR_TLS_START : DIR_TLS_OFF,
        .tls_ca = s->dir_tls_ca,
        .lab_forest = s->lab_forest,
        .timeout_ms = (int)(s->dir_timeout * 1000),
        .domain = s->dir_domain,
        .site = s->dir_site,
        .leave_rodc = s->dir_on_rodc == SET_RODC_SWITCH,
        .find = directory_find,
    };
    struct buf password = BUF_INIT;
    enum err e = ERR_OK;

    if (s->dir_uri == NULL)
        return err_fail(ei, ERR_CONFIG,
                        "no directory is configured; set [directory] uri, or make "
                        "a lab directory with: adbactl lab up");
    if (s->dir_password_file != NULL && s->dir_keytab == NULL) {
        e = directory_password(s->dir_password_file, &password, ei);
        conf.password = buf_str(&password);
    }
    if (e == ERR_OK)
        e = dir_open(&conf, out, ei);
    buf_wipe(&password);
    return e;
}
