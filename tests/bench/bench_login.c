/* bench_login: what a login on 1688 takes from the loop that it comes in on: the acceptor's legs,
 * with tickets made with the service's key and MIT's own client. The replay cache remembers all of
 * them.
 *
 * `bench_login SUMMARY.json LOGINS`: medians and the slowest hundredth, in microseconds. */
#include "tickets.h"

#include <fcntl.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gss/gss.h"

#define SERVICE "host/kms1.lab.example@LAB.EXAMPLE"
#define FLAGS                                                                                      \
    (GSS_C_DCE_STYLE | GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG |               \
     GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG)
#define LEGS 3u

struct bench {
    struct tickets t;
    const struct rpc_acceptor *acceptor;
    gss_cred_id_t cred;
    gss_name_t target;
    double *took[LEGS + 2]; /* a leg's, all legs', and those of the processor alone */
    unsigned n;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_login: %s\n", what);
    exit(1);
}

static double micros(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void set_up(struct bench *b, unsigned logins)
{
    static const uint8_t sid[] = {1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0,    0, 1, 0,
                                  0, 0, 2, 0, 0, 0, 3, 0, 0,  0, 0x50, 4, 0, 0};
    gss_buffer_desc name = {strlen(SERVICE), (void *)(uintptr_t)SERVICE};
    gss_key_value_element_desc element = {"ccache", NULL};
    const gss_key_value_set_desc cache = {1, &element};
    struct gss_service s = {0};
    struct gss_keys *keys;
    char replays[300];
    struct errinfo ei = {.text = "the keytab cannot be opened"};
    OM_uint32 minor;

    tickets_open(&b->t);
    tickets_keytab(&b->t, SERVICE, true);
    tickets_issue(&b->t, &(struct ticket){.client = "PC01$@LAB.EXAMPLE",
                                          .server = SERVICE,
                                          .ends = 36000,
                                          .sid = sid,
                                          .sid_len = sizeof(sid)});
    snprintf(replays, sizeof(replays), "%s/rcache", b->t.folder);
    s.keytab = open(b->t.keytab, O_RDONLY | O_CLOEXEC);
    s.name = b->t.keytab;
    s.replays = replays;
    element.value = b->t.cache_name;
    if (s.keytab < 0 || gss_keys_read(&s, &keys, &ei) != ERR_OK ||
        gss_acceptor_new(keys, &b->acceptor, &ei) != ERR_OK)
        die(ei.text);
    close(s.keytab);
    if (gss_import_name(&minor, &name, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &b->target) != 0 ||
        gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET,
                              GSS_C_INITIATE, &cache, &b->cred, NULL, NULL) != 0)
        die("the client's side cannot be set up");
    for (unsigned i = 0; i < LEGS + 2; i++) {
        b->took[i] = calloc(logins, sizeof(double));
        if (b->took[i] == NULL)
            die("out of memory");
    }
}

/* One login: the client's legs are not measured. */
static void login(struct bench *b, uint8_t type, gss_OID mech)
{
    struct rpc_security *server = b->acceptor->open(b->acceptor, type);
    gss_ctx_id_t client = GSS_C_NO_CONTEXT;
    enum rpc_security_step step = RPC_SECURITY_MORE;
    struct rpc_security_facts facts;
    struct buf token = BUF_INIT;
    struct errinfo ei;
    OM_uint32 minor;

    b->took[LEGS][b->n] = b->took[LEGS + 1][b->n] = 0;
    for (unsigned leg = 0; step == RPC_SECURITY_MORE && leg < LEGS; leg++) {
        gss_buffer_desc in = {token.len, token.data}, out = GSS_C_EMPTY_BUFFER;
        double begin, cpu;

        if (GSS_ERROR(gss_init_sec_context(&minor, b->cred, &client, b->target, mech, FLAGS, 0,
                                           NULL, &in, NULL, &out, NULL, NULL)))
            die("the client's leg failed");
        buf_clear(&token);
        cpu = micros(CLOCK_THREAD_CPUTIME_ID);
        begin = micros(CLOCK_MONOTONIC);
        step = server->ops->step(server, out.value, out.length, &token, &facts, &ei);
        b->took[leg][b->n] = micros(CLOCK_MONOTONIC) - begin;
        b->took[LEGS][b->n] += b->took[leg][b->n];
        b->took[LEGS + 1][b->n] += micros(CLOCK_THREAD_CPUTIME_ID) - cpu;
        gss_release_buffer(&minor, &out);
    }
    if (step != RPC_SECURITY_DONE || facts.sid_len == 0)
        die(step == RPC_SECURITY_FAILED ? ei.text : "the login did not end with a SID");
    server->ops->close(server);
    gss_delete_sec_context(&minor, &client, GSS_C_NO_BUFFER);
    buf_fini(&token);
    b->n++;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static json_t *figures(const char *name, double *took, unsigned n)
{
    double p50, p99;

    qsort(took, n, sizeof(double), by_value);
    p50 = took[n / 2];
    p99 = took[n - 1 - n / 100];
    if (p50 > 0)
        printf("  %-12s %10.0f %10.0f\n", name, p50, p99);
    return json_pack("{s:f, s:f}", "p50_us", p50, "p99_us", p99);
}

static json_t *measure(struct bench *b, const char *what, uint8_t type, unsigned logins)
{
    static const char *const names[] = {"first leg", "second leg", "third leg", "all", "all, CPU"};
    static uint8_t spnego[] = {0x2b, 6, 1, 5, 5, 2}; /* 1.3.6.1.5.5.2 (RFC 4178) */
    gss_OID_desc mechs[] = {*gss_mech_krb5, {sizeof(spnego), spnego}};
    json_t *j = json_object();

    b->n = 0;
    while (b->n < logins)
        login(b, type, &mechs[type == RPC_AUTHN_SPNEGO]);
    printf("%-14s %10s %10s\n", what, "median µs", "p99 µs");
    for (unsigned i = 0; i < LEGS + 2; i++)
        json_object_set_new(j, names[i], figures(names[i], b->took[i], logins));
    return j;
}

int main(int argc, char **argv)
{
    unsigned logins = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
    struct bench b = {0};
    json_t *all = json_object();
    OM_uint32 minor;

    if (logins < 100) {
        fputs("usage: bench_login SUMMARY.json LOGINS (at least 100)\n", stderr);
        return 2;
    }
    set_up(&b, logins);
    json_object_set_new(all, "logins", json_integer(logins));
    json_object_set_new(all, "krb5", measure(&b, "Kerberos", RPC_AUTHN_KERBEROS, logins));
    json_object_set_new(all, "spnego", measure(&b, "SPNEGO", RPC_AUTHN_SPNEGO, logins));
    if (json_dump_file(all, argv[1], JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0)
        die("the summary cannot be written");
    json_decref(all);
    for (unsigned i = 0; i < LEGS + 2; i++)
        free(b.took[i]);
    gss_release_cred(&minor, &b.cred);
    gss_release_name(&minor, &b.target);
    gss_acceptor_free(b.acceptor);
    tickets_close(&b.t);
    return 0;
}
