#include "ldap/krb.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ldap/krb_password.h"
#include "ldap/krb_ticket.h"

#define SOON 600 /* seconds */

struct krb {
    struct krb_ticket ticket;
    gss_cred_id_t cred;
    krb5_ccache file; /* NULL: not exported */
    int64_t renew_at; /* seconds since boot */
};

/* ---- a worker with a deadline ----
 *
 * libkrb5 waits for KDCs as long as it likes (ten seconds for each that accepts a connection and
 * says nothing), so a worker asks them. Who is done last, it or the caller, clears up. */

struct worker {
    pthread_mutex_t lock;
    pthread_cond_t done_now;
    bool done, abandoned;
    struct krb_conf conf; /* texts are the worker's own */
    struct krb_ticket ticket;
    enum err result;
    struct errinfo ei;
};

static char *copy(const char *text, bool *bad)
{
    char *c = text == NULL ? NULL : strdup(text);

    *bad = *bad || (text != NULL && c == NULL);
    return c;
}

static void drop_secret(const char *text)
{
    if (text != NULL)
        explicit_bzero((char *)(uintptr_t)text, strlen(text));
    free((char *)(uintptr_t)text);
}

static void worker_free(struct worker *w)
{
    krb_ticket_fini(&w->ticket);
    free((char *)(uintptr_t)w->conf.principal);
    free((char *)(uintptr_t)w->conf.keytab);
    free((char *)(uintptr_t)w->conf.service);
    free((char *)(uintptr_t)w->conf.host);
    drop_secret(w->conf.password);
    drop_secret(w->conf.new_password);
    pthread_cond_destroy(&w->done_now);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static struct worker *worker_new(const struct krb_conf *conf)
{
    struct worker *w = calloc(1, sizeof(*w));
    pthread_condattr_t attr;
    bool bad = false;

    if (w == NULL)
        return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->done_now, &attr);
    pthread_condattr_destroy(&attr);
    w->conf.timeout_ms = conf->timeout_ms;
    w->conf.principal = copy(conf->principal, &bad);
    w->conf.keytab = copy(conf->keytab, &bad);
    w->conf.password = copy(conf->password, &bad);
    w->conf.new_password = copy(conf->new_password, &bad);
    w->conf.service = copy(conf->service, &bad);
    w->conf.host = copy(conf->host, &bad);
    if (!bad)
        return w;
    worker_free(w);
    return NULL;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    enum err e = w->conf.new_password != NULL ? krb_password_set(&w->conf, &w->ei)
                                              : krb_ticket_fetch(&w->conf, &w->ticket, &w->ei);
    bool abandoned;

    pthread_mutex_lock(&w->lock);
    w->result = e;
    w->done = true;
    abandoned = w->abandoned;
    pthread_cond_signal(&w->done_now);
    pthread_mutex_unlock(&w->lock);
    if (abandoned)
        worker_free(w);
    return NULL;
}

/* Whether it was done in time; if not, it is its own from now on. */
static bool wait_for(struct worker *w, int timeout_ms)
{
    struct timespec end;
    bool done;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += timeout_ms / 1000;
    end.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&w->lock);
    while (!w->done && rc == 0)
        rc = pthread_cond_timedwait(&w->done_now, &w->lock, &end);
    done = w->done;
    w->abandoned = !done;
    pthread_mutex_unlock(&w->lock);
    return done;
}

static enum err fetch(const struct krb_conf *conf, struct krb_ticket *out, struct errinfo *ei)
{
    struct worker *w = worker_new(conf);
    pthread_t thread;
    enum err e;

    if (w == NULL)
        return err_nomem(ei);
    if (pthread_create(&thread, NULL, work, w) != 0) {
        worker_free(w);
        return err_fail(ei, ERR_NOMEM, "get a Kerberos ticket: no thread can be started");
    }
    pthread_detach(thread);
    if (!wait_for(w, conf->timeout_ms))
        return err_fail(ei, ERR_TIMEOUT,
                        "get a Kerberos ticket for %s: no KDC answered within %d.%d s",
                        conf->principal != NULL ? conf->principal : conf->keytab,
                        conf->timeout_ms / 1000, conf->timeout_ms % 1000 / 100);
    e = w->result;
    *out = w->ticket;
    w->ticket = (struct krb_ticket){0};
    if (e != ERR_OK && ei != NULL)
        *ei = w->ei;
    worker_free(w);
    return e;
}

/* ---- credentials ---- */

static int64_t uptime(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec;
}

/* Of every mechanism, so that SPNEGO finds Kerberos in it. */
static enum err acquire(struct krb *k, struct errinfo *ei)
{
    OM_uint32 major = GSS_S_FAILURE, minor = 0;
    char *cache = NULL;

    if (krb5_cc_get_full_name(k->ticket.ctx, k->ticket.cache, &cache) == 0) {
        gss_key_value_element_desc element = {.key = "ccache", .value = cache};
        const gss_key_value_set_desc store = {.count = 1, .elements = &element};

        major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET,
                                      GSS_C_INITIATE, &store, &k->cred, NULL, NULL);
        krb5_free_string(k->ticket.ctx, cache);
    }
    if (GSS_ERROR(major))
        return err_fail(ei, ERR_AUTH, "use the Kerberos ticket of %s: GSSAPI fails with code %u",
                        k->ticket.name, minor);
    return ERR_OK;
}

enum err krb_login(const struct krb_conf *conf, struct krb **out, struct errinfo *ei)
{
    struct krb *k = calloc(1, sizeof(*k));
    enum err e;

    if (k == NULL)
        return err_nomem(ei);
    e = fetch(conf, &k->ticket, ei);
    if (e == ERR_OK) {
        int64_t life = k->ticket.lifetime;

        k->renew_at = uptime() + (life > 4 * SOON ? life - SOON : life * 3 / 4);
        e = acquire(k, ei);
    }
    if (e != ERR_OK) {
        krb_free(k);
        return e;
    }
    *out = k;
    return ERR_OK;
}

static bool is_tgt(krb5_const_principal server)
{
    return server->length > 0 && server->data[0].length == KRB5_TGS_NAME_SIZE &&
           memcmp(server->data[0].data, KRB5_TGS_NAME, KRB5_TGS_NAME_SIZE) == 0;
}

/* Under the name that the ticket itself has: where krb5.conf maps no realm to the host, the one
 * that it was asked for by lies without a realm in the cache, and only who has a ticket-granting
 * ticket finds it there. */
static krb5_error_code store_ticket(krb5_context ctx, krb5_ccache to, krb5_creds *creds)
{
    krb5_principal asked = creds->server;
    krb5_ticket *ticket = NULL;
    krb5_error_code code = krb5_decode_ticket(&creds->ticket, &ticket);

    if (code != 0)
        return code;
    creds->server = ticket->server;
    code = krb5_cc_store_cred(ctx, to, creds);
    creds->server = asked;
    krb5_free_ticket(ctx, ticket);
    return code;
}

/* Those of services alone: with a ticket-granting ticket its holder could get any other. */
static krb5_error_code copy_service_tickets(krb5_context ctx, krb5_ccache from, krb5_ccache to)
{
    krb5_cc_cursor cursor;
    krb5_creds creds;
    krb5_error_code code = krb5_cc_start_seq_get(ctx, from, &cursor), end;

    if (code != 0)
        return code;
    while (code == 0) {
        code = krb5_cc_next_cred(ctx, from, &cursor, &creds);
        if (code != 0)
            break;
        if (!krb5_is_config_principal(ctx, creds.server) && !is_tgt(creds.server))
            code = store_ticket(ctx, to, &creds);
        krb5_free_cred_contents(ctx, &creds);
    }
    end = krb5_cc_end_seq_get(ctx, from, &cursor);
    return code == KRB5_CC_END ? end : code;
}

enum err krb_export(struct krb *k, const char *path, struct errinfo *ei)
{
    krb5_context ctx = k->ticket.ctx;
    krb5_principal client = NULL;
    const char *text;
    char *name = NULL;
    krb5_error_code code = 0;

    if (asprintf(&name, "FILE:%s", path) < 0)
        return err_nomem(ei);
    if (k->file == NULL)
        code = krb5_cc_resolve(ctx, name, &k->file);
    free(name);
    if (code == 0)
        code = krb5_cc_get_principal(ctx, k->ticket.cache, &client);
    if (code == 0)
        code = krb5_cc_initialize(ctx, k->file, client);
    if (code == 0)
        code = copy_service_tickets(ctx, k->ticket.cache, k->file);
    krb5_free_principal(ctx, client);
    if (code == 0)
        return ERR_OK;
    text = krb5_get_error_message(ctx, code);
    err_fail(ei, ERR_IO, "write the credential cache %s: %s", path, text);
    krb5_free_error_message(ctx, text);
    return ERR_IO;
}

enum err krb_change_password(const struct krb_conf *conf, struct errinfo *ei)
{
    struct krb_ticket none = {0};

    return fetch(conf, &none, ei);
}

void krb_free(struct krb *k)
{
    OM_uint32 minor;

    if (k == NULL)
        return;
    gss_release_cred(&minor, &k->cred);
    if (k->file != NULL)
        krb5_cc_destroy(k->ticket.ctx, k->file);
    krb_ticket_fini(&k->ticket);
    free(k);
}

void *krb_cred(const struct krb *k)
{
    return k->cred;
}

const char *krb_name(const struct krb *k)
{
    return k->ticket.name;
}

bool krb_ending(const struct krb *k)
{
    return uptime() >= k->renew_at;
}
