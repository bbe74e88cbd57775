#include "daemon/servicekeys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/daemon.h"
#include "jobs/job.h"

/* Takes the file. */
static enum err read_keys(const struct daemon *d, int file, struct gss_keys **out,
                          struct errinfo *ei)
{
    struct gss_service s = {
        .keytab = file, .name = d->settings.kms_keytab, .domain = d->settings.dir_domain};
    char *replays = NULL;
    enum err e = ERR_OK;

    /* Beside the control socket: the default is one file of all services of this user. */
    if (!d->options.check && asprintf(&replays, "%s.rcache", d->settings.control_socket) < 0)
        e = err_nomem(ei);
    s.replays = replays;
    if (e == ERR_OK)
        e = gss_keys_read(&s, out, ei);
    free(replays);
    close(file);
    return e;
}

enum err servicekeys_open(struct daemon *d, struct errinfo *ei)
{
    struct gss_keys *keys = NULL;
    enum err e;
    int file;

    if (d->settings.kms_keytab == NULL)
        return ERR_OK;
    e = file_copy_private(d->settings.kms_keytab, SETTINGS_KEYTAB_MAX, &file, ei);
    if (e == ERR_OK)
        e = read_keys(d, file, &keys, ei);
    if (e == ERR_OK)
        e = gss_acceptor_new(keys, &d->security, ei);
    return e == ERR_OK ? e : err_context(ei, "[kms] keytab");
}

void servicekeys_close(struct daemon *d)
{
    gss_acceptor_free(d->security);
}

enum err servicekeys_renew(const struct daemon *d, struct gss_keys **out, struct errinfo *ei)
{
    const struct job_request r = {.kind = JOB_KEYTAB};
    enum err e;
    int file;

    *out = NULL;
    if (d->security == NULL)
        return ERR_OK;
    e = job_ask_soon(d->steward.control, &r, &file, ei);
    if (e == ERR_OK)
        e = read_keys(d, file, out, ei);
    if (e != ERR_OK)
        return err_context(ei, "[kms] keytab");
    if (gss_keys_equal(gss_acceptor_keys(d->security), *out)) {
        gss_keys_drop(*out);
        *out = NULL;
    }
    return ERR_OK;
}
