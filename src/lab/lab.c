#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#include "lab/internal.h"

void lab_fini(struct lab *l)
{
    free(l->dir);
    free(l->domain);
    free(l->suffix);
    free(l->uri);
    *l = (struct lab){0};
}

enum err lab_lock(const struct lab *l, int *fd, struct errinfo *ei)
{
    char *path = lab_path(l, "lab.lock");
    enum err e = ERR_OK;

    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        e = err_fail_errno(ei, errno, "open %s", path);
    else if (flock(*fd, LOCK_EX | LOCK_NB) != 0)
        e = err_fail(ei, ERR_BUSY, "another lab command is at work in %s; try again", l->dir);
    free(path);
    return e;
}

static enum err differs(const struct lab *l, const char *option, struct errinfo *ei)
{
    return err_fail(ei, ERR_CONFLICT,
                    "the lab in %s was made with another %s; leave the option out, or use "
                    "another folder",
                    l->dir, option);
}

/* A lab keeps its domain; ports may change while it stands still. */
static enum err reconcile(struct lab *l, const struct lab_wish *wish, struct errinfo *ei)
{
    if (wish->domain != NULL && strcasecmp(wish->domain, l->domain) != 0)
        return differs(l, "--domain", ei);
    if (l->pid != 0 && wish->ldap_port != 0 && wish->ldap_port != l->ldap_port)
        return err_fail(ei, ERR_CONFLICT,
                        "the lab in %s runs with another --ldap-port; run \"adbactl lab down\" "
                        "first",
                        l->dir);
    if (wish->kms_port != 0 && wish->kms_port != l->kms_port)
        return err_fail(ei, ERR_CONFLICT,
                        "the lab in %s has KMS port %u; change listen in %s/adbad.conf instead",
                        l->dir, l->kms_port, l->dir);
    if (wish->ldap_port != 0)
        l->ldap_port = wish->ldap_port;
    return ERR_OK;
}

/* A folder that holds something else is left before anything is made in it. */
enum err lab_admit(const struct lab *l, struct errinfo *ei)
{
    char *path = lab_path(l, LAB_DESCRIPTION);
    bool is_lab = access(path, F_OK) == 0;

    free(path);
    return is_lab ? ERR_OK : lab_require_empty(l, ei);
}

static enum err describe(struct lab *l, const struct lab_wish *wish, struct errinfo *ei)
{
    enum err e = lab_read(l, ei);

    if (e == ERR_NOTFOUND) {
        l->ldap_port = wish->ldap_port;
        l->kms_port = wish->kms_port != 0 ? wish->kms_port : LAB_KMS_PORT;
        return lab_set_domain(l, wish->domain != NULL ? wish->domain : LAB_DOMAIN_DEFAULT, ei);
    }
    if (e == ERR_OK)
        e = lab_find_slapd(l, ei);
    return e == ERR_OK ? reconcile(l, wish, ei) : e;
}

static enum err start(struct lab *l, struct errinfo *ei)
{
    enum err e = lab_write(l, ei);

    if (e == ERR_OK)
        e = lab_start_slapd(l, ei);
    if (e != ERR_OK)
        return e;
    e = lab_plant(l, ei);
    if (e != ERR_OK) {
        struct errinfo ignored;

        if (lab_stop_slapd(l, &ignored) != ERR_OK)
            return err_context(ei, "slapd runs on (process %d)", (int)l->pid);
    }
    return e;
}

/* Planting again changes nothing, except where the last "lab up" was broken off before its end. */
static enum err complete(struct lab *l, struct errinfo *ei)
{
    return l->pid != 0 ? lab_plant(l, ei) : start(l, ei);
}

enum err lab_up(const char *dir, const struct lab_wish *wish, struct lab *out, bool *was_running,
                struct errinfo *ei)
{
    struct lab l = {0};
    int fd = -1;
    enum err e = lab_place(dir, true, &l, ei);

    if (e == ERR_OK)
        e = lab_admit(&l, ei);
    if (e == ERR_OK)
        e = lab_lock(&l, &fd, ei);
    if (e == ERR_OK)
        e = describe(&l, wish, ei);
    *was_running = l.pid != 0;
    if (e == ERR_OK)
        e = complete(&l, ei);
    if (fd >= 0)
        close(fd);
    if (e == ERR_OK)
        *out = l;
    else
        lab_fini(&l);
    return e;
}

enum err lab_status(const char *dir, struct lab *out, struct errinfo *ei)
{
    struct lab l = {0};
    enum err e = lab_place(dir, false, &l, ei);

    if (e == ERR_OK)
        e = lab_read(&l, ei);
    if (e == ERR_OK)
        e = lab_find_slapd(&l, ei);
    if (e == ERR_OK)
        *out = l;
    else
        lab_fini(&l);
    return e;
}

enum err lab_down(const char *dir, struct lab *out, bool *was_running, struct errinfo *ei)
{
    struct lab l = {0};
    int fd = -1;
    enum err e = lab_place(dir, false, &l, ei);

    if (e == ERR_OK)
        e = lab_read(&l, ei); /* before the lock: nothing is made in a foreign folder */
    if (e == ERR_OK)
        e = lab_lock(&l, &fd, ei);
    if (e == ERR_OK)
        e = lab_find_slapd(&l, ei);
    *was_running = l.pid != 0;
    if (e == ERR_OK && l.pid != 0)
        e = lab_stop_slapd(&l, ei);
    if (fd >= 0)
        close(fd);
    if (e == ERR_OK)
        *out = l;
    else
        lab_fini(&l);
    return e;
}
