#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "lab/files.h"
#include "lab/samba_internal.h"

#define DATABASE "/var/lib/samba/private/sam.ldb"
#define OUTER    "CN=Microsoft SPP,CN=Services,CN=Configuration,"
#define INNER    "CN=Activation Objects," OUTER
#define EXPORT   "/var/lib/samba/service.keytab"

/* As docs/samba.md has them, one after the other. */
static const char *const container_aces[] = {
    "(A;;RPLCLORC;;;AU)",
    "(A;;RPWPCRLCLOCCRCWDWOSW;;;EA)",
    "(A;;RPWPCRLCLOCCDCRCWDWOSDDTSW;;;SY)",
};
/* Create and delete children of the class msSPP-ActivationObject, by its schemaIDGUID. */
#define SERVICE_ACE "(OA;;CCDC;51a0e68c-0dc5-43ca-935d-c1c911bf2ee5;;%s)"

static enum err run(const struct samba_dc *dc, const char *const *argv, struct buf *out,
                    struct errinfo *ei)
{
    const struct tool t = {.argv = argv, .in = &dc->node, .output = out};

    return tool_do(&t, ei);
}

#define RUN(dc, ...) run((dc), (const char *const[]){__VA_ARGS__, NULL}, NULL, ei)

static enum err exists(const struct samba_dc *dc, const char *dn, bool *there, struct errinfo *ei)
{
    struct buf out = BUF_INIT;
    int status;
    const char *const argv[] = {"ldbsearch", "-H", DATABASE, "-b", dn, "-s", "base", "dn", NULL};
    const struct tool t = {.argv = argv, .in = &dc->node, .output = &out};
    enum err e = tool_run(&t, &status, ei);

    *there = e == ERR_OK && status == 0 && buf_str(&out) != NULL &&
             strstr(buf_str(&out), "dn: ") != NULL;
    buf_fini(&out);
    return e;
}

static enum err apply(const struct samba_lab *l, const struct samba_dc *dc, const char *program,
                      const char *template, struct errinfo *ei)
{
    const char *const argv[] = {program, "-H", DATABASE, NULL};
    struct tool t = {.argv = argv, .in = &dc->node};
    struct buf ldif = BUF_INIT;
    enum err e = samba_expand(l, template, &ldif, ei);

    t.input = buf_str(&ldif);
    if (e == ERR_OK)
        e = t.input == NULL ? err_nomem(ei) : tool_do(&t, ei);
    buf_fini(&ldif);
    return e;
}

/* Samba 4.19 and later make them when they provision. */
static enum err add_containers(const struct samba_lab *l, const struct samba_dc *dc,
                               const char *inner, struct errinfo *ei)
{
    bool there;
    enum err e = exists(dc, inner, &there, ei);

    return e != ERR_OK || there ? e : apply(l, dc, "ldbadd", lab_containers, ei);
}

static enum err allow(const struct samba_dc *dc, const char *dn, const char *aces,
                      struct errinfo *ei)
{
    char *object = NULL, *sddl = NULL;
    enum err e;

    if (asprintf(&object, "--objectdn=%s", dn) < 0 || asprintf(&sddl, "--sddl=%s", aces) < 0)
        abort();
    e = RUN(dc, "samba-tool", "dsacl", "set", "-H", DATABASE, object, sddl);
    free(object);
    free(sddl);
    return e;
}

static enum err sid_of(const struct samba_dc *dc, const char *account, char sid[200],
                       struct errinfo *ei)
{
    struct buf out = BUF_INIT;
    char filter[64];
    const char *const argv[] = {"ldbsearch", "-H", DATABASE, filter, "objectSid", NULL};
    const char *at;
    enum err e;

    snprintf(filter, sizeof(filter), "(sAMAccountName=%s)", account);
    e = run(dc, argv, &out, ei);
    at = buf_str(&out) == NULL ? NULL : strstr(buf_str(&out), "objectSid: ");
    if (e == ERR_OK && at == NULL)
        e = err_fail(ei, ERR_NOT_NOW, "account %s has no objectSid", account);
    if (e == ERR_OK)
        snprintf(sid, 200, "%.*s", (int)strcspn(at + 11, "\r\n"), at + 11);
    buf_fini(&out);
    return e;
}

static enum err allow_all(const struct samba_lab *l, const struct samba_dc *dc, const char *sid,
                          struct errinfo *ei)
{
    char outer[300], inner[330];
    struct buf aces = BUF_INIT;
    enum err e;

    snprintf(outer, sizeof(outer), OUTER "%s", l->place.suffix);
    snprintf(inner, sizeof(inner), INNER "%s", l->place.suffix);
    e = add_containers(l, dc, inner, ei);
    for (size_t i = 0; i < sizeof(container_aces) / sizeof(container_aces[0]); i++)
        buf_add_str(&aces, container_aces[i]);
    if (e == ERR_OK)
        e = buf_str(&aces) == NULL ? err_nomem(ei) : allow(dc, outer, buf_str(&aces), ei);
    buf_add_fmt(&aces, SERVICE_ACE, sid);
    if (e == ERR_OK)
        e = buf_str(&aces) == NULL ? err_nomem(ei) : allow(dc, inner, buf_str(&aces), ei);
    buf_fini(&aces);
    return e;
}

static enum err take_keytab(const struct samba_lab *l, const struct samba_dc *dc,
                            struct errinfo *ei)
{
    char *target = lab_path(&l->place, "service.keytab"), *source = NULL;
    enum err e =
        RUN(dc, "samba-tool", "domain", "exportkeytab", EXPORT, "--principal=" SAMBA_SERVICE_NAME);

    if (asprintf(&source, "%s/lib/service.keytab", dc->node.dir) < 0)
        abort();
    if (e == ERR_OK && (chmod(source, 0600) != 0 || rename(source, target) != 0))
        e = err_fail_errno(ei, errno, "make %s", target);
    free(source);
    free(target);
    return e;
}

enum err samba_prepare(const struct samba_lab *l, const struct samba_dc *dc, struct errinfo *ei)
{
    char sid[200];
    enum err e = RUN(dc, "samba-tool", "user", "create", SAMBA_SERVICE_NAME, "--random-password");

    if (e == ERR_OK)
        e = apply(l, dc, "ldbmodify", lab_no_expiry, ei);
    if (e == ERR_OK)
        e = sid_of(dc, SAMBA_SERVICE_NAME, sid, ei);
    if (e == ERR_OK && !l->schema47) /* whose classes it lacks */
        e = allow_all(l, dc, sid, ei);
    return e == ERR_OK ? take_keytab(l, dc, ei) : e;
}
