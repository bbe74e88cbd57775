#include "gss/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "gss/context.h"
#include "gss/keytab.h"

struct gss_keys {
    struct keytab keytab;
    gss_cred_id_t cred;
    atomic_uint holders;
};

/* MIT opens the cache at every login and would tell only the caller that it cannot. */
static enum err probe(const char *path, struct errinfo *ei)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_fail(ei, ERR_CONFIG, "open the replay cache %s: %s", path, strerror(errno));
    close(fd);
    return file_require_private(path, ei);
}

static enum err acquire(struct gss_keys *keys, const char *replays, struct errinfo *ei)
{
    gss_OID_desc mechs[2] = {*gss_mech_krb5, gss_spnego};
    gss_OID_set_desc wanted = {2, mechs};
    char rcache[4096];
    gss_key_value_element_desc elements[2] = {{"keytab", keys->keytab.name}, {"rcache", rcache}};
    const gss_key_value_set_desc store = {replays != NULL ? 2 : 1, elements};
    OM_uint32 major, minor;

    snprintf(rcache, sizeof(rcache), "file2:%s", replays != NULL ? replays : "");
    major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &wanted, GSS_C_ACCEPT,
                                  &store, &keys->cred, NULL, NULL);
    if (!GSS_ERROR(major))
        major = gss_only_krb5(&minor, keys->cred);
    if (!GSS_ERROR(major))
        return ERR_OK;
    return gss_fail(ei, ERR_CONFIG, "use the keys of the service", major, minor);
}

static enum err read_keytab(const struct gss_service *s, struct gss_keys *keys, struct errinfo *ei)
{
    enum err e = keytab_read(s->keytab, &keys->keytab, ei);

    if (e == ERR_OK && s->domain != NULL && strcasecmp(keys->keytab.realm, s->domain) != 0)
        e = err_fail(ei, ERR_CONFIG, "its keys are of realm %s, but the directory's domain is %s",
                     keys->keytab.realm, s->domain);
    return e;
}

enum err gss_keys_read(const struct gss_service *s, struct gss_keys **out, struct errinfo *ei)
{
    struct gss_keys *keys = calloc(1, sizeof(*keys));
    enum err e;

    if (keys == NULL)
        return err_nomem(ei);
    atomic_init(&keys->holders, 1);
    e = read_keytab(s, keys, ei);
    if (e == ERR_OK && s->replays != NULL)
        e = probe(s->replays, ei);
    if (e == ERR_OK)
        e = acquire(keys, s->replays, ei);
    if (e != ERR_OK) {
        gss_keys_drop(keys);
        return err_context(ei, "keytab %s", s->name);
    }
    *out = keys;
    return ERR_OK;
}

struct gss_keys *gss_keys_hold(struct gss_keys *keys)
{
    atomic_fetch_add_explicit(&keys->holders, 1, memory_order_relaxed);
    return keys;
}

void gss_keys_drop(struct gss_keys *keys)
{
    OM_uint32 minor;

    if (keys == NULL || atomic_fetch_sub_explicit(&keys->holders, 1, memory_order_acq_rel) != 1)
        return;
    gss_release_cred(&minor, &keys->cred);
    keytab_fini(&keys->keytab);
    free(keys);
}

gss_cred_id_t gss_keys_cred(const struct gss_keys *keys)
{
    return keys->cred;
}

bool gss_keys_equal(const struct gss_keys *a, const struct gss_keys *b)
{
    return keytab_equal(&a->keytab, &b->keytab);
}

const char *gss_keys_versions(const struct gss_keys *keys)
{
    return keys->keytab.versions;
}
