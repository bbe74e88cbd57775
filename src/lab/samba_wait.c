#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "lab/samba_internal.h"

#define READY_S 90
#define POLL_MS 100
#define TRY_MS  5000

/* One question to a domain controller: what is run, where, and what the answer has in it. */
struct question {
    const char *what;
    struct tool tool;
    const char *wanted;
};

static int64_t now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

static bool says(struct question *q)
{
    struct buf out = BUF_INIT;
    struct errinfo ignored;
    int status;
    bool yes;

    q->tool.output = &out;
    q->tool.timeout_ms = TRY_MS;
    yes = tool_run(&q->tool, &status, &ignored) == ERR_OK && buf_str(&out) != NULL &&
          strcasestr(buf_str(&out), q->wanted) != NULL;
    buf_fini(&out);
    return yes;
}

static enum err wait_until(struct question *q, const struct samba_dc *dc, struct errinfo *ei)
{
    struct pollfd ended = {.fd = dc->node.pidfd, .events = POLLIN};
    int64_t deadline = now_s() + READY_S;

    while (!says(q)) {
        if (poll(&ended, 1, POLL_MS) == 1)
            return err_fail(ei, ERR_NOT_NOW, "samba on %s ended; see the files in %s/log",
                            dc->node.name, dc->node.dir);
        if (now_s() > deadline)
            return err_fail(ei, ERR_TIMEOUT, "%s %s: not within %d s; see the files in %s/log",
                            dc->node.name, q->what, READY_S, dc->node.dir);
    }
    return ERR_OK;
}

enum err samba_wait_known(const struct samba_dc *at, const struct samba_dc *dc, struct errinfo *ei)
{
    char filter[64], wanted[300];
    const char *const argv[] = {
        "ldbsearch", "-H", "/var/lib/samba/private/sam.ldb", filter, "servicePrincipalName", NULL};
    struct question q = {"knows the service principals", {.argv = argv, .in = &at->node}, wanted};

    snprintf(filter, sizeof(filter), "(sAMAccountName=%s$)", dc->node.name);
    snprintf(wanted, sizeof(wanted), "ldap/%s\n", dc->fqdn);
    return wait_until(&q, at, ei);
}

static enum err wait_ldap(const struct samba_lab *l, const struct samba_dc *dc, struct errinfo *ei)
{
    char uri[300];
    const char *const argv[] = {"ldapsearch", "-x", "-LLL", "-o",   "nettimeout=2",  "-H", uri,
                                "-b",         "",   "-s",   "base", "dsServiceName", NULL};
    struct question q = {"answers LDAP", {.argv = argv, .in = &l->client}, "dsServiceName:"};

    snprintf(uri, sizeof(uri), "ldap://%s", dc->fqdn);
    return wait_until(&q, dc, ei);
}

/* Asking for nobody's ticket needs no password, and the refusal is an answer. */
static enum err wait_kerberos(const struct samba_lab *l, const struct samba_dc *dc,
                              struct errinfo *ei)
{
    static const char *const argv[] = {"kinit", "adbad-lab-nobody", NULL};
    char *conf = NULL;
    struct question q = {
        "answers Kerberos", {.argv = argv, .in = &l->client}, "not found in Kerberos database"};
    enum err e;

    if (asprintf(&conf, "%s/" SAMBA_PROBE_CONF, dc->node.dir) < 0)
        abort();
    q.tool.krb5_conf = conf;
    e = wait_until(&q, dc, ei);
    free(conf);
    return e;
}

static enum err wait_dns(const struct samba_lab *l, const struct samba_dc *dc, struct errinfo *ei)
{
    char server[32];
    const char *const argv[] = {"dig",  "+short", "+time=1", "+tries=1",
                                server, dc->fqdn, "A",       NULL};
    struct question q = {"answers DNS", {.argv = argv, .in = &l->client}, dc->address};

    snprintf(server, sizeof(server), "@%s", dc->address);
    return wait_until(&q, dc, ei);
}

enum err samba_wait_ready(const struct samba_lab *l, const struct samba_dc *dc, struct errinfo *ei)
{
    enum err e = wait_ldap(l, dc, ei);

    if (e == ERR_OK)
        e = wait_kerberos(l, dc, ei);
    if (e == ERR_OK)
        e = samba_wait_known(dc, dc, ei);
    return e == ERR_OK ? wait_dns(l, dc, ei) : e;
}

enum err samba_kinit(const struct samba_lab *l, const struct node *n, const char *ccache,
                     struct errinfo *ei)
{
    static const char *const argv[] = {"kinit", "Administrator", NULL};
    char *path = lab_path(&l->place, "administrator");
    struct buf password = BUF_INIT;
    struct tool t = {.argv = argv, .in = n, .ccache = ccache, .timeout_ms = 30000};
    enum err e = file_read(path, 4096, &password, ei);

    t.input = buf_str(&password);
    if (e == ERR_OK)
        e = t.input == NULL ? err_nomem(ei) : tool_do(&t, ei);
    if (e != ERR_OK)
        err_context(ei, "log in as Administrator with %s", path);
    buf_wipe(&password);
    free(path);
    return e;
}
