/* adbactl directory check: gathers what the doctor (adba/doctor.h) needs to know, and shows what it
 * says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adba/doctor.h"
#include "base/clk.h"
#include "cli/directory_check.h"
#include "cli/paragraph.h"
#include "cli/session.h"
#include "kms/stub.h"
#include "net/dial.h"
#include "rpc/mgmt.h"

struct checking {
    const struct settings *s;
    const char *dns; /* server to ask; NULL: the system's */
    bool strict;
    struct doctor doctor;
    struct dir *dir;
};

/* ---- SRV records ---- */

static void no_arguments(void *arg, bool ndr64, struct buf *out)
{
    (void)arg;
    (void)ndr64;
    (void)out;
}

/* Whether the host's management interface lists the activation interface. */
static void ask_host(struct resolver *r, int timeout_ms, struct doctor_host *h)
{
    const struct dial d = {.host = h->host,
                           .port = h->port,
                           .iface = rpc_mgmt_iface(0).uuid,
                           .major = 1,
                           .timeout_ms = timeout_ms,
                           .stub = no_arguments};
    struct dial_reply reply = {0};
    struct errinfo ei = {0};

    h->answer = dial_call(r, &d, &reply, &ei);
    snprintf(h->why, sizeof(h->why), "%s", ei.text);
    if (h->answer == ERR_OK &&
        (reply.stub.len == 0 || memmem(reply.stub.data, reply.stub.len, kms_interface_uuid.b,
                                       sizeof(kms_interface_uuid.b)) == NULL)) {
        h->answer = ERR_FOREIGN;
        snprintf(h->why, sizeof(h->why), "it speaks RPC but has no activation interface");
    }
    buf_fini(&reply.stub);
}

static void check_srv(struct checking *c, const char *domain)
{
    int timeout_ms = (int)c->s->dir_timeout * 1000;
    struct resolver *r = NULL;
    struct resolver_srv *found = NULL;
    struct doctor_host *hosts = NULL;
    struct errinfo ei = {0};
    size_t n = 0;
    char name[300];
    enum err e = resolver_new(c->dns, &r, &ei);

    snprintf(name, sizeof(name), "_vlmcs._tcp.%s", domain);
    if (e == ERR_OK)
        e = resolver_srv(r, name, timeout_ms, &found, &n, &ei);
    if (e == ERR_OK && (hosts = calloc(n + 1, sizeof(*hosts))) == NULL)
        e = err_nomem(&ei);
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        snprintf(hosts[i].host, sizeof(hosts[i].host), "%s", found[i].host);
        hosts[i].port = found[i].port;
        ask_host(r, timeout_ms, &hosts[i]);
    }
    doctor_srv(&c->doctor, name, e, ei.text, hosts, e == ERR_OK ? n : 0);
    free(hosts);
    free(found);
    resolver_free(r);
}

/* ---- replicas ---- */

static void check_replica(struct checking *c, char *host, const struct doctor_copy *here, size_t n)
{
    struct settings there = *c->s; /* borrows; only the address differs */
    struct doctor_copy *copies = NULL;
    struct errinfo ei = {0};
    struct dir *d = NULL;
    size_t copies_n = 0;
    char uri[300];
    enum err e;

    snprintf(uri, sizeof(uri), "%s://%s",
             strncmp(c->s->dir_uri, "ldaps:", 6) == 0 ? "ldaps" : "ldap", host);
    there.dir_uri = uri;
    e = session_open(&there, &d, &ei);
    if (e == ERR_OK)
        e = doctor_copies(d, &copies, &copies_n, &ei);
    doctor_replica(&c->doctor, host, e, ei.text, here, n, copies, copies_n);
    free(copies);
    dir_close(d);
}

static void check_replicas(struct checking *c)
{
    const char *self = dir_facts(c->dir)->dns_host_name;
    struct doctor_copy *here = NULL;
    struct errinfo ei = {0};
    char **hosts = NULL;
    size_t n = 0, here_n = 0;
    enum err e = doctor_controllers(c->dir, &hosts, &n, &ei);

    if (e == ERR_OK)
        e = doctor_copies(c->dir, &here, &here_n, &ei);
    if (e != ERR_OK)
        doctor_say(&c->doctor, CHECK_WARNING, "replica", NULL,
                   "the other domain controllers can't be found: %s", ei.text);
    else if (n <= 1)
        doctor_say(&c->doctor, CHECK_OK, "replica", NULL,
                   "the forest has no other domain controller");
    for (size_t i = 0; i < n; i++) {
        if (e == ERR_OK && (self == NULL || strcasecmp(hosts[i], self) != 0))
            check_replica(c, hosts[i], here, here_n);
        free(hosts[i]);
    }
    free(hosts);
    free(here);
}

/* ---- all ---- */

static enum err check(struct cli *cli, struct checking *c, struct errinfo *ei)
{
    struct clk real = clk_system();
    struct doctor_question q = {.now = clk_now(&real)};
    struct bundle bundle = {0};
    struct errinfo why = {0};
    enum err e = cli_settings(cli, &c->s, ei);

    if (e == ERR_OK)
        e = session_now(c->s, &q.lab_now, ei);
    if (e != ERR_OK)
        return e;
    e = session_open(c->s, &c->dir, &why);
    doctor_session(&c->doctor, c->s->dir_uri != NULL ? c->s->dir_uri : "-", e, &why);
    if (e != ERR_OK)
        return ERR_OK; /* that is the finding */
    if (bundle_load(c->s->realm_bundle, &bundle, &why) == ERR_OK)
        q.bundle = &bundle;
    else
        doctor_say(&c->doctor, CHECK_WARNING, "realm", "adbactl realm init, or correct [realm] dir",
                   "licences are not judged: %s", why.text);
    q.dir = c->dir;
    q.lab_forest = c->s->lab_forest;
    doctor_directory(&c->doctor, &q);
    if (dir_facts(c->dir)->domain != NULL)
        check_srv(c, dir_facts(c->dir)->domain);
    if (dir_facts(c->dir)->ad_ds && dir_facts(c->dir)->has_ao_class)
        check_replicas(c);
    bundle_fini(&bundle);
    return c->doctor.failed ? err_nomem(ei) : ERR_OK;
}

static void print_json(const struct doctor *d)
{
    cli_json(json_pack("{s:s, s:o}", "state", check_level_name(doctor_worst(d)), "checks",
                       doctor_json(d)));
}

/* Each finding behind its state, the remedy below it. Texts of a directory are strangers' words. */
static void print_text(struct doctor *d)
{
    size_t widest = 0;

    for (size_t i = 0; i < d->n; i++) {
        size_t width = strlen(d->lines[i].check);

        widest = width > widest ? width : widest;
    }
    for (size_t i = 0; i < d->n; i++) {
        struct check_line *l = &d->lines[i];
        char label[64];

        text_without_controls(l->finding);
        text_without_controls(l->remedy);
        snprintf(label, sizeof(label), "%-7s  %-*s  ", check_level_name(l->level), (int)widest,
                 l->check);
        paragraph(label, l->finding);
        snprintf(label, sizeof(label), "%*sRemedy: ", (int)widest + 11, "");
        paragraph(label, l->remedy);
    }
}

int directory_check(struct cli *cli, int argc, char **argv)
{
    struct checking c = {0};
    const struct opt opts[] = {{.name = "strict",
                                .type = OPT_FLAG,
                                .help = "warnings count as failures",
                                .dest = &c.strict},
                               {.name = "dns",
                                .type = OPT_STRING,
                                .metavar = "ADDRESS",
                                .help = "DNS server for SRV records (default: the system's)",
                                .dest = &c.dns},
                               {0}};
    struct errinfo ei = {0};
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum check_level worst;
    enum err e;

    if (status >= 0)
        return status;
    e = check(cli, &c, &ei);
    if (e == ERR_OK && cli->json)
        print_json(&c.doctor);
    else if (e == ERR_OK)
        print_text(&c.doctor);
    worst = doctor_worst(&c.doctor);
    if (e != ERR_OK)
        status = cli_fail(cli, e, &ei);
    else if (worst == CHECK_FAILED || (worst == CHECK_WARNING && c.strict))
        status = EXIT_INVALID;
    else
        status = EXIT_OK;
    doctor_fini(&c.doctor);
    dir_close(c.dir);
    return status;
}
