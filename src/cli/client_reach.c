/* The outside world of a simulated client: its directory, DNS, and KMS hosts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adba/object.h"
#include "base/cidr.h"
#include "cli/client.h"
#include "cli/client_clearing.h"
#include "cli/client_join.h"
#include "cli/client_report.h"
#include "client/words.h"
#include "gss/gss.h"
#include "kms/stub.h"
#include "ldap/dir.h"
#include "net/dial.h"
#include "steward/directory.h"

/* Win32 errors as HRESULTs: what a client shows when the directory can't be asked. */
#define HR_DS_SERVER_DOWN 0x8007203Au
#define HR_LOGON_FAILURE  0x8007052Eu

/* ---- directory ---- */

/* In an AD domain by the keytab in the folder, in a lab directory with the password. */
enum err station_directory(const struct station *s, struct dir **out, struct errinfo *ei)
{
    const struct machine *m = &s->folder.machine;
    struct buf password = BUF_INIT;
    char keytab[4096];
    struct dir_conf conf = {.uri = m->directory,
                            .mechanism =
                                m->password_file[0] == '\0' ? DIR_GSSAPI : DIR_SCRAM_SHA_256,
                            .user = m->user,
                            .timeout_ms = (int)s->client->timeout * 1000,
                            .domain = m->domain,
                            .find = directory_find,
                            .find_arg = (void *)(uintptr_t)m->dns};
    enum err e;

    if (conf.mechanism == DIR_GSSAPI) {
        e = join_keytab(&s->folder, keytab, ei);
        conf.keytab = keytab;
    } else {
        e = directory_password(m->password_file, &password, ei);
        conf.password = buf_str(&password);
    }
    if (e == ERR_OK)
        e = dir_open(&conf, out, ei);
    buf_wipe(&password);
    return e;
}

static void take_object(const struct ao *o, const struct dir_facts *facts,
                        struct machine_object *out)
{
    words_copy(out->name, sizeof(out->name), o->name != NULL ? o->name : "");
    words_copy(out->dn, sizeof(out->dn), o->dn);
    words_copy(out->forest, sizeof(out->forest), facts->forest != NULL ? facts->forest : "");
    words_copy(out->pid, sizeof(out->pid), o->pid != NULL ? o->pid : "");
    out->sku_id = o->sku_id;
}

static enum err ask_ad(void *arg, struct machine *m, const struct machine_product *p, int64_t now,
                       struct attempt_ad *out, struct errinfo *ei)
{
    struct station *s = arg;
    struct dir *d = NULL;
    struct ao o = {0};
    struct licence lic = {0};
    enum err e;

    if (s->client->via != NULL)
        return err_fail_hr(ei, ERR_NOT_NOW, HR_DS_SERVER_DOWN, "--via 1688 leaves it out");
    e = station_directory(s, &d, ei);
    if (e != ERR_OK) {
        ei->hresult = e == ERR_AUTH ? HR_LOGON_FAILURE : HR_DS_SERVER_DOWN;
        return e == ERR_NOT_NOW ? ERR_UNREACHABLE : e; /* it was asked */
    }
    e = ao_lookup(d, &s->bundle, s->client->catalog, &p->lic.product->kms_id, now, &o, &lic, ei);
    if (e == ERR_OK) {
        take_object(&o, dir_facts(d), &out->object);
        out->validity = lic.validity;
        out->renewal = lic.renewal;
        words_copy(m->forest, sizeof(m->forest), out->object.forest);
        ao_fini(&o);
        licence_fini(&lic);
    }
    dir_close(d);
    return e;
}

/* ---- DNS ---- */

static enum err find(void *arg, const struct machine *m, const char *name, struct srv_target **out,
                     size_t *n, struct errinfo *ei)
{
    const struct station *s = arg;
    struct resolver_srv *found = NULL;
    enum err e = resolver_srv(s->resolver, name, (int)s->client->timeout * 1000, &found, n, ei);

    (void)m;
    if (e != ERR_OK)
        return e;
    *out = calloc(*n, sizeof(**out));
    for (size_t i = 0; *out != NULL && i < *n; i++) {
        struct srv_target *t = &(*out)[i];

        t->priority = found[i].priority;
        t->weight = found[i].weight;
        t->port = found[i].port;
        snprintf(t->host, sizeof(t->host), "%s", found[i].host);
    }
    free(found);
    return *out == NULL ? err_nomem(ei) : ERR_OK;
}

/* ---- KMS ---- */

static void write_request(void *arg, bool ndr64, struct buf *out)
{
    const struct buf *request = arg;

    kms_stub_write_request(request->data, request->len, ndr64, out);
}

/* A security context of the machine's account for the KMS host. */
static enum err authenticate(const struct station *s, const char *host, struct rpc_security **out,
                             struct errinfo *ei)
{
    char keytab[4096], target[300];
    const struct gss_login login = {.keytab = keytab, .target = target, .type = RPC_AUTHN_SPNEGO};
    struct cidr address;
    enum err e;

    if (cidr_parse(host, &address, NULL) == ERR_OK)
        return err_fail_hr(ei, ERR_CONFIG, HR_LOGON_FAILURE,
                           "--via 1688 needs the name of the KMS host, for Kerberos knows no "
                           "addresses like %s: slmgr /skms NAME",
                           host);
    e = join_keytab(&s->folder, keytab, ei);
    if (e != ERR_OK)
        return err_context(ei, "--via 1688 needs the keytab of a joined machine");
    snprintf(target, sizeof(target), "host/%s", host);
    e = gss_initiator_new(&login, out, ei);
    if (e != ERR_OK)
        ei->hresult = HR_LOGON_FAILURE;
    return e;
}

static enum err exchange(void *arg, const struct machine *m, const struct machine_host *host,
                         const struct buf *request, struct attempt_kms *out, struct errinfo *ei)
{
    const struct station *s = arg;
    struct dial d = {
        .host = host->name,
        .port = host->port != 0 ? host->port : MACHINE_KMS_PORT,
        .iface = kms_interface_uuid,
        .major = 1,
        .opnum = KMS_OPNUM_REQUEST_ACTIVATION,
        .offer = s->client->offer,
        .call_fragment = (uint16_t)s->client->max_fragment,
        .timeout_ms = (int)s->client->timeout * 1000,
        .stub = write_request,
        .arg = (void *)(uintptr_t)request,
    };
    struct dial_reply reply = {0};
    const uint8_t *data = NULL;
    size_t n = 0;
    enum err e = ERR_OK;

    (void)m;
    if (s->client->via != NULL) {
        e = authenticate(s, host->name, &d.security, ei);
        d.authn_type = RPC_AUTHN_SPNEGO;
        d.authn_level = RPC_LEVEL_PRIVACY;
    }
    if (e == ERR_OK)
        e = dial_call(s->resolver, &d, &reply, ei);
    if (d.security != NULL)
        d.security->ops->close(d.security);
    if (e == ERR_OK && kms_stub_read_response(reply.stub.data, reply.stub.len, reply.big,
                                              reply.ndr64, &data, &n, &out->hresult) != ERR_OK)
        e = err_fail_hr(ei, ERR_MALFORMED, 0x8007000D,
                        "call %s port %u: the answer's parameters are not well-formed", d.host,
                        d.port);
    if (e == ERR_OK)
        buf_add(&out->response, data, n);
    if (e == ERR_OK && out->response.err != ERR_OK)
        e = err_nomem(ei);
    if (e == ERR_OK)
        words_copy(out->address, sizeof(out->address), reply.address);
    buf_fini(&reply.stub);
    return e;
}

struct attempt_ports station_ports(struct station *s)
{
    return (struct attempt_ports){.arg = s,
                                  .ask_ad = ask_ad,
                                  .find = find,
                                  .exchange = exchange,
                                  .ask_clearing = clearing_ask_online,
                                  .make_iid = clearing_iid,
                                  .check_cid = clearing_check,
                                  .report = client_report};
}
