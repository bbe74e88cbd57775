/* The acceptor (src/gss) against tickets that no KDC would give, too. The side that begins is MIT's
 * own. */
#include "support.h"
#include "tickets.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#include "gss/gss.h"

#define SERVICE "host/kms1.lab.example@LAB.EXAMPLE"
#define MACHINE "PC01$@LAB.EXAMPLE"
#define ALL                                                                                        \
    (GSS_C_DCE_STYLE | GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG |               \
     GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG)

/* S-1-5-21-1-2-3-1104 (MS-DTYP 2.4.2.2). */
static const uint8_t sid[] = {1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0,    0, 1, 0,
                              0, 0, 2, 0, 0, 0, 3, 0, 0,  0, 0x50, 4, 0, 0};

/* Seconds that MIT's library believes it is later than it is. */
static time_t late;

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    tv->tv_sec = now.tv_sec + late;
    tv->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timeval tv;

    gettimeofday(&tv, NULL);
    if (at != NULL)
        *at = tv.tv_sec;
    return tv.tv_sec;
}

struct world {
    struct tickets t;
    const struct rpc_acceptor *acceptor;
    struct rpc_security *server;
    gss_ctx_id_t client;
    struct rpc_security_facts facts;
    struct buf first; /* the client's first token */
    time_t way;       /* how long it takes to the server */
    struct errinfo ei;
};

static struct ticket good(void)
{
    return (struct ticket){
        .client = MACHINE, .server = SERVICE, .ends = 3600, .sid = sid, .sid_len = sizeof(sid)};
}

static void open_world(struct world *w)
{
    struct gss_service s = {.domain = "lab.example"};
    char replays[300];

    memset(w, 0, sizeof(*w));
    late = 0;
    tickets_open(&w->t);
    tickets_keytab(&w->t, SERVICE, true);
    snprintf(replays, sizeof(replays), "%s/rcache", w->t.folder);
    s.keytab = w->t.keytab;
    s.replays = replays;
    assert_ok(gss_acceptor_new(&s, &w->acceptor, &w->ei), &w->ei);
}

static void hang_up(struct world *w)
{
    OM_uint32 minor;

    gss_delete_sec_context(&minor, &w->client, GSS_C_NO_BUFFER);
    if (w->server != NULL)
        w->server->ops->close(w->server);
    w->server = NULL;
    buf_fini(&w->first);
}

static void close_world(struct world *w)
{
    hang_up(w);
    gss_acceptor_free(w->acceptor);
    tickets_close(&w->t);
}

static gss_cred_id_t client_cred(struct world *w)
{
    gss_key_value_element_desc element = {"ccache", w->t.cache_name};
    const gss_key_value_set_desc cache = {1, &element};
    gss_cred_id_t cred;
    OM_uint32 minor;

    assert_int_equal(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE,
                                           GSS_C_NO_OID_SET, GSS_C_INITIATE, &cache, &cred, NULL,
                                           NULL),
                     0);
    return cred;
}

/* The legs of both sides by turns, until the server has finished or refused. */
static enum rpc_security_step talk(struct world *w, gss_cred_id_t cred, gss_name_t target,
                                   gss_OID mech, OM_uint32 flags)
{
    enum rpc_security_step step = RPC_SECURITY_MORE;
    struct buf token = BUF_INIT;

    while (step == RPC_SECURITY_MORE) {
        gss_buffer_desc in = {token.len, token.data}, out = GSS_C_EMPTY_BUFFER;
        OM_uint32 minor, major = gss_init_sec_context(&minor, cred, &w->client, target, mech, flags,
                                                      0, NULL, &in, NULL, &out, NULL, NULL);

        if (GSS_ERROR(major))
            fail_msg("the client's leg: %x, %x", major, minor);
        if (w->first.len == 0)
            buf_add(&w->first, out.value, out.length);
        late = w->way;
        buf_clear(&token);
        step = w->server->ops->step(w->server, out.value, out.length, &token, &w->facts, &w->ei);
        gss_release_buffer(&minor, &out);
    }
    buf_fini(&token);
    return step;
}

static enum rpc_security_step login(struct world *w, const struct ticket *what, uint8_t type,
                                    OM_uint32 flags)
{
    static uint8_t spnego[] = {0x2b, 6, 1, 5, 5, 2}; /* 1.3.6.1.5.5.2 (RFC 4178) */
    gss_OID_desc spnego_mech = {sizeof(spnego), spnego}, krb5_mech = *gss_mech_krb5;
    gss_buffer_desc text = {strlen(what->server), (void *)(uintptr_t)what->server};
    enum rpc_security_step step;
    gss_name_t target;
    gss_cred_id_t cred;
    OM_uint32 minor;

    hang_up(w);
    late = 0;
    tickets_issue(&w->t, what);
    cred = client_cred(w);
    assert_int_equal(gss_import_name(&minor, &text, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &target),
                     0);
    w->server = w->acceptor->open(w->acceptor, type);
    assert_non_null(w->server);
    step = talk(w, cred, target, type == RPC_AUTHN_SPNEGO ? &spnego_mech : &krb5_mech, flags);
    gss_release_name(&minor, &target);
    gss_release_cred(&minor, &cred);
    return step;
}

static void a_machine_is_known_by_its_name_and_by_the_sid_that_its_domain_signed(void **state)
{
    static const uint8_t types[] = {RPC_AUTHN_KERBEROS, RPC_AUTHN_SPNEGO};
    struct ticket t = good();
    struct world w;

    (void)state;
    open_world(&w);
    for (size_t i = 0; i < 2; i++) {
        enum rpc_security_step step = login(&w, &t, types[i], ALL);

        if (step != RPC_SECURITY_DONE)
            fail_msg("type %u: %s", types[i], w.ei.text);
        assert_string_equal(w.facts.principal, MACHINE);
        assert_true(w.facts.own_realm && w.facts.private && w.facts.ordered);
        assert_int_equal(w.facts.sid_len, sizeof(sid));
        assert_memory_equal(w.facts.sid, sid, sizeof(sid));
    }
    close_world(&w);
}

static void a_sid_that_nobody_signed_is_none(void **state)
{
    static const uint8_t short_sid[] = {1, 5, 0, 0, 0, 0, 0, 5};
    struct ticket rows[4] = {good(), good(), good(), good()};
    struct world w;

    (void)state;
    rows[0].sid_len = 0;
    rows[1].bad_pac = true;
    rows[2].sid_len--;
    rows[3].sid = short_sid;
    rows[3].sid_len = sizeof(short_sid);
    open_world(&w);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(login(&w, &rows[i], RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_DONE);
        assert_string_equal(w.facts.principal, MACHINE);
        assert_int_equal(w.facts.sid_len, 0);
    }
    close_world(&w);
}

static void what_was_not_agreed_on_is_not_believed(void **state)
{
    struct ticket t = good();
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL & ~(unsigned)GSS_C_SEQUENCE_FLAG),
                     RPC_SECURITY_DONE);
    assert_false(w.facts.ordered);
    assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL & ~(unsigned)GSS_C_REPLAY_FLAG),
                     RPC_SECURITY_DONE);
    assert_false(w.facts.ordered);
    t.client = "PC01$@OTHER.EXAMPLE";
    assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_DONE);
    assert_false(w.facts.own_realm);
    close_world(&w);
}

static void refused(struct world *w, const struct ticket *t, OM_uint32 flags, const char *why)
{
    if (login(w, t, RPC_AUTHN_KERBEROS, flags) != RPC_SECURITY_FAILED)
        fail_msg("not refused: %s", why);
    assert_int_equal(w->ei.code, ERR_AUTH);
    assert_contains(w->ei.text, why);
}

static void tickets_of_another_time_or_service_are_refused(void **state)
{
    struct ticket t = good();
    struct world w;

    (void)state;
    open_world(&w);
    w.way = 3600 + 600; /* the ticket's hour, and more than clocks may differ */
    refused(&w, &t, ALL, "expired");
    w.way = -600;
    refused(&w, &t, ALL, "not yet valid");
    w.way = 0;
    refused(&w, &t, GSS_C_MUTUAL_FLAG, "DCE style");
    t.server = "cifs/kms1.lab.example@LAB.EXAMPLE";
    tickets_keytab(&w.t, t.server, true); /* it was replaced after the start */
    refused(&w, &t, ALL, "not for host/");
    close_world(&w);
}

static void a_login_that_was_heard_on_the_wire_is_refused(void **state)
{
    struct ticket t = good();
    struct rpc_security *again;
    struct buf token = BUF_INIT;
    char path[300];
    struct stat st;
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_DONE);
    again = w.acceptor->open(w.acceptor, RPC_AUTHN_KERBEROS);
    assert_int_equal(again->ops->step(again, w.first.data, w.first.len, &token, &w.facts, &w.ei),
                     RPC_SECURITY_FAILED);
    assert_contains(w.ei.text, "replay");
    again->ops->close(again);
    buf_fini(&token);
    snprintf(path, sizeof(path), "%s/rcache", w.t.folder);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 0); /* ours was used, not the default */
    assert_int_equal(st.st_mode & 0777, 0600);
    close_world(&w);
}

static enum err check_one(struct world *w)
{
    gss_buffer_desc mic, message = {4, (char[]){"1234"}};
    struct rpc_protected p = {(uint8_t *)message.value, 0, 4, 0};
    OM_uint32 minor;
    enum err e;

    assert_int_equal(gss_get_mic(&minor, w->client, GSS_C_QOP_DEFAULT, &message, &mic), 0);
    e = w->server->ops->check(w->server, false, &p, mic.value, mic.length, &w->ei);
    gss_release_buffer(&minor, &mic);
    return e;
}

static void a_login_ends_with_its_ticket(void **state)
{
    struct ticket t = good();
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_DONE);
    assert_ok(check_one(&w), &w.ei);
    late = 3600 + 600;
    assert_int_equal(check_one(&w), ERR_CRYPTO);
    assert_contains(w.ei.text, "the login has ended");
    close_world(&w);
}

/* A message of the client's, as it signs or seals it without header signing. */
struct message {
    uint8_t text[16], signature[128];
    size_t len;
};

static struct message say(struct world *w, bool seal)
{
    struct message m = {.text = "0123456789abcde"};
    gss_iov_buffer_desc iov[2] = {
        {GSS_IOV_BUFFER_TYPE_HEADER | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
        {GSS_IOV_BUFFER_TYPE_DATA, {sizeof(m.text), m.text}}};
    gss_buffer_desc *signature = &iov[0].buffer;
    OM_uint32 minor, major;

    if (seal)
        major = gss_wrap_iov(&minor, w->client, 1, GSS_C_QOP_DEFAULT, NULL, iov, 2);
    else
        major = gss_get_mic(&minor, w->client, GSS_C_QOP_DEFAULT, &iov[1].buffer, signature);
    assert_int_equal(major, GSS_S_COMPLETE);
    assert_true(signature->length <= sizeof(m.signature));
    memcpy(m.signature, signature->value, signature->length);
    m.len = signature->length;
    gss_release_buffer(&minor, signature);
    return m;
}

static enum err hear(struct world *w, bool seal, struct message m)
{
    struct rpc_protected p = {m.text, 0, sizeof(m.text), 0};

    return w->server->ops->check(w->server, seal, &p, m.signature, m.len, &w->ei);
}

static void messages_lost_repeated_or_changed_on_the_way_are_refused(void **state)
{
    static const char *const whys[] = {"out of order", "replayed", "signature does not hold",
                                       "signature does not hold"};
    struct ticket t = good();
    struct world w;

    (void)state;
    open_world(&w);
    for (size_t i = 0; i < 2 * 4; i++) {
        bool seal = i >= 4;
        struct message one, two;

        assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_DONE);
        one = say(&w, seal);
        assert_ok(hear(&w, seal, one), &w.ei);
        two = say(&w, seal);
        if (i % 4 == 0)
            two = say(&w, seal);
        else if (i % 4 == 1)
            two = one;
        else if (i % 4 == 2)
            two.text[7] ^= 1;
        else
            two.signature[two.len - 1] ^= 1;
        assert_int_equal(hear(&w, seal, two), ERR_CRYPTO);
        assert_contains(w.ei.text, whys[i % 4]);
    }
    close_world(&w);
}

static void a_keytab_that_others_may_read_ends_logins(void **state)
{
    struct ticket t = good();
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(chmod(w.t.keytab, 0644), 0);
    assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_FAILED);
    assert_int_equal(w.ei.code, ERR_REFUSED);
    close_world(&w);
}

static void keytabs_of_anything_else_are_refused_at_the_start(void **state)
{
    static const struct {
        const char *one, *two, *domain, *why;
        enum err e;
        mode_t mode;
    } rows[] = {
        {SERVICE, NULL, "lab.example", "mode", ERR_REFUSED, 0644},
        {"cifs/kms1.lab.example@LAB.EXAMPLE", NULL, NULL, "keep keys of host/", ERR_CONFIG, 0600},
        {SERVICE, "DC1$@LAB.EXAMPLE", NULL, "keep keys of host/", ERR_CONFIG, 0600},
        {SERVICE, "host/kms1.lab.example@OTHER.EXAMPLE", NULL, "two realms", ERR_CONFIG, 0600},
        {SERVICE, NULL, "other.example", "the directory's domain is", ERR_CONFIG, 0600},
    };
    struct tickets t;

    (void)state;
    tickets_open(&t);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct gss_service s = {.keytab = t.keytab, .domain = rows[i].domain};
        const struct rpc_acceptor *a = NULL;
        struct errinfo ei;

        tickets_keytab(&t, rows[i].one, true);
        if (rows[i].two != NULL)
            tickets_keytab(&t, rows[i].two, false);
        assert_int_equal(chmod(t.keytab, rows[i].mode), 0);
        assert_int_equal(gss_acceptor_new(&s, &a, &ei), rows[i].e);
        assert_contains(ei.text, rows[i].why);
        assert_contains(ei.text, t.keytab);
    }
    tickets_close(&t);
}

static void a_replay_cache_that_cannot_be_made_is_told_at_the_start(void **state)
{
    const struct rpc_acceptor *a = NULL;
    struct gss_service s = {.domain = NULL};
    char path[320];
    struct tickets t;
    struct errinfo ei;

    (void)state;
    tickets_open(&t);
    tickets_keytab(&t, SERVICE, true);
    snprintf(path, sizeof(path), "%s/none/rcache", t.folder);
    s.keytab = t.keytab;
    s.replays = path;
    assert_int_equal(gss_acceptor_new(&s, &a, &ei), ERR_CONFIG);
    assert_contains(ei.text, path);
    tickets_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_is_known_by_its_name_and_by_the_sid_that_its_domain_signed),
        cmocka_unit_test(a_sid_that_nobody_signed_is_none),
        cmocka_unit_test(what_was_not_agreed_on_is_not_believed),
        cmocka_unit_test(tickets_of_another_time_or_service_are_refused),
        cmocka_unit_test(a_login_that_was_heard_on_the_wire_is_refused),
        cmocka_unit_test(a_login_ends_with_its_ticket),
        cmocka_unit_test(messages_lost_repeated_or_changed_on_the_way_are_refused),
        cmocka_unit_test(a_keytab_that_others_may_read_ends_logins),
        cmocka_unit_test(keytabs_of_anything_else_are_refused_at_the_start),
        cmocka_unit_test(a_replay_cache_that_cannot_be_made_is_told_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
