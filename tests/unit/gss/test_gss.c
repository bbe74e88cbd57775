/* The acceptor (src/gss) against tickets that no KDC would give, too. The side that begins is MIT's
 * own. */
#include "support.h"
#include "tickets.h"

#include <fcntl.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

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

/* The keys that the keytab holds now. */
static enum err read_keys(const struct tickets *t, const char *domain, const char *replays,
                          struct gss_keys **out, struct errinfo *ei)
{
    struct gss_service s = {.keytab = open(t->keytab, O_RDONLY | O_CLOEXEC),
                            .name = t->keytab,
                            .domain = domain,
                            .replays = replays};
    enum err e;

    assert_true(s.keytab >= 0);
    e = gss_keys_read(&s, out, ei);
    assert_int_equal(close(s.keytab), 0);
    return e;
}

static struct gss_keys *keys_of(struct world *w)
{
    struct gss_keys *keys = NULL;
    char replays[300];

    snprintf(replays, sizeof(replays), "%s/rcache", w->t.folder);
    assert_ok(read_keys(&w->t, "lab.example", replays, &keys, &w->ei), &w->ei);
    return keys;
}

static void open_world(struct world *w)
{

    memset(w, 0, sizeof(*w));
    late = 0;
    tickets_open(&w->t);
    tickets_keytab(&w->t, SERVICE, true);
    assert_ok(gss_acceptor_new(keys_of(w), &w->acceptor, &w->ei), &w->ei);
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

/* To w->server. */
static enum rpc_security_step talk_to(struct world *w, const struct ticket *what, uint8_t type,
                                      OM_uint32 flags)
{
    static uint8_t spnego[] = {0x2b, 6, 1, 5, 5, 2}; /* 1.3.6.1.5.5.2 (RFC 4178) */
    gss_OID_desc spnego_mech = {sizeof(spnego), spnego}, krb5_mech = *gss_mech_krb5;
    gss_buffer_desc text = {strlen(what->server), (void *)(uintptr_t)what->server};
    enum rpc_security_step step;
    gss_name_t target;
    gss_cred_id_t cred;
    OM_uint32 minor;

    tickets_issue(&w->t, what);
    cred = client_cred(w);
    assert_int_equal(gss_import_name(&minor, &text, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &target),
                     0);
    step = talk(w, cred, target, type == RPC_AUTHN_SPNEGO ? &spnego_mech : &krb5_mech, flags);
    gss_release_name(&minor, &target);
    gss_release_cred(&minor, &cred);
    return step;
}

static enum rpc_security_step login(struct world *w, const struct ticket *what, uint8_t type,
                                    OM_uint32 flags)
{
    hang_up(w);
    late = 0;
    w->server = w->acceptor->open(w->acceptor, type);
    assert_non_null(w->server);
    return talk_to(w, what, type, flags);
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

static void tickets_of_another_time_are_refused(void **state)
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

/* ---- keys ---- */

static void keytabs_of_anything_else_are_refused(void **state)
{
    static const struct {
        const char *one, *two, *domain, *why;
    } rows[] = {
        {"cifs/kms1.lab.example@LAB.EXAMPLE", NULL, NULL, "keep keys of host/"},
        {SERVICE, "DC1$@LAB.EXAMPLE", NULL, "keep keys of host/"},
        {SERVICE, "host/kms1.lab.example@OTHER.EXAMPLE", NULL, "two realms"},
        {SERVICE, NULL, "other.example", "the directory's domain is"},
    };
    struct tickets t;

    (void)state;
    tickets_open(&t);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gss_keys *keys = NULL;
        struct errinfo ei;

        tickets_keytab(&t, rows[i].one, true);
        if (rows[i].two != NULL)
            tickets_keytab(&t, rows[i].two, false);
        assert_int_equal(read_keys(&t, rows[i].domain, NULL, &keys, &ei), ERR_CONFIG);
        assert_contains(ei.text, rows[i].why);
        assert_contains(ei.text, t.keytab);
        assert_null(keys);
    }
    tickets_close(&t);
}

/* A copy that ended early would be one with fewer keys. */
static void a_keytab_that_is_cut_off_is_refused(void **state)
{
    struct tickets t;
    struct stat one, whole;

    (void)state;
    tickets_open(&t);
    tickets_keytab(&t, SERVICE, true);
    assert_int_equal(stat(t.keytab, &one), 0);
    tickets_rotate(&t);
    tickets_keytab(&t, SERVICE, false);
    assert_int_equal(stat(t.keytab, &whole), 0);
    assert_int_equal(whole.st_size - 2, 2 * (one.st_size - 2)); /* behind the version */
    for (off_t size = whole.st_size; size >= 0; size--) {
        bool good = size == whole.st_size || size == one.st_size;
        struct gss_keys *keys = NULL;
        struct errinfo ei;

        assert_int_equal(truncate(t.keytab, size), 0);
        assert_int_equal(read_keys(&t, NULL, NULL, &keys, &ei), good ? ERR_OK : ERR_CONFIG);
        if (!good && size > 2)
            assert_contains(ei.text, "cut off");
        if (good)
            assert_string_equal(gss_keys_versions(keys),
                                size == one.st_size ? "version 1" : "versions 1, 2");
        gss_keys_drop(keys);
    }
    tickets_close(&t);
}

static void what_is_no_keytab_is_refused(void **state)
{
    static const char text[] = "this is no keytab at all";
    struct gss_keys *keys = NULL;
    struct errinfo ei;
    struct tickets t;
    FILE *f;

    (void)state;
    tickets_open(&t);
    f = fopen(t.keytab, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(read_keys(&t, NULL, NULL, &keys, &ei), ERR_CONFIG);
    assert_contains(ei.text, t.keytab);
    tickets_close(&t);
}

static void keys_are_told_apart_by_more_than_their_version(void **state)
{
    struct gss_keys *one, *other;
    struct world w;

    (void)state;
    open_world(&w);
    one = keys_of(&w);
    assert_true(gss_keys_equal(gss_acceptor_keys(w.acceptor), one));
    tickets_rotate(&w.t);
    w.t.version = 1;
    tickets_keytab(&w.t, SERVICE, true);
    other = keys_of(&w);
    assert_string_equal(gss_keys_versions(one), gss_keys_versions(other));
    assert_false(gss_keys_equal(one, other));
    gss_keys_drop(other);
    w.t.version = 2;
    tickets_keytab(&w.t, SERVICE, false);
    other = keys_of(&w); /* one more than */
    gss_keys_drop(one);
    w.t.version = 1;
    tickets_keytab(&w.t, SERVICE, true);
    one = keys_of(&w);
    assert_false(gss_keys_equal(one, other));
    assert_false(gss_keys_equal(other, one));
    gss_keys_drop(one);
    gss_keys_drop(other);
    close_world(&w);
}

/* The file alone says nothing; its keys count for who begins after they were put in place. */
static void a_login_ends_with_the_keys_that_it_began_with(void **state)
{
    struct ticket t = good();
    struct rpc_security *begun;
    krb5_keyblock old, new;
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_DONE);
    assert_int_equal(krb5_copy_keyblock_contents(w.t.k, &w.t.key, &old), 0);
    tickets_rotate(&w.t);
    tickets_keytab(&w.t, SERVICE, true);
    refused(&w, &t, ALL, "key"); /* the new ticket, before */
    begun = w.acceptor->open(w.acceptor, RPC_AUTHN_KERBEROS);
    assert_non_null(begun);
    gss_acceptor_use(w.acceptor, keys_of(&w));
    assert_string_equal(gss_keys_versions(gss_acceptor_keys(w.acceptor)), "version 2");
    assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_DONE);
    assert_ok(check_one(&w), &w.ei);
    hang_up(&w);
    new = w.t.key; /* from here on tickets are of the old key */
    w.t.key = old;
    w.t.version = 1;
    w.server = begun;
    assert_int_equal(talk_to(&w, &t, RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_DONE);
    refused(&w, &t, ALL, "key");
    krb5_free_keyblock_contents(w.t.k, &new);
    close_world(&w);
}

struct busy {
    const struct rpc_acceptor *acceptor;
    const struct buf *token;
    atomic_bool stop;
    unsigned logins;
};

/* The same token always: it is good once and a replay then, and the keys open it each time. */
static void *log_in_always(void *arg)
{
    struct busy *b = arg;

    do {
        struct rpc_security *s = b->acceptor->open(b->acceptor, RPC_AUTHN_KERBEROS);
        struct rpc_security_facts facts;
        struct buf token = BUF_INIT;
        struct errinfo ei = {0};

        assert_non_null(s);
        if (s->ops->step(s, b->token->data, b->token->len, &token, &facts, &ei) ==
            RPC_SECURITY_FAILED)
            assert_contains(ei.text, "replay");
        s->ops->close(s);
        buf_fini(&token);
        b->logins++;
    } while (!b->stop);
    return NULL;
}

static void keys_are_replaced_while_others_log_in(void **state)
{
    struct ticket t = good();
    pthread_t threads[2];
    struct busy busy[2];
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(login(&w, &t, RPC_AUTHN_KERBEROS, ALL), RPC_SECURITY_DONE);
    for (size_t i = 0; i < 2; i++) {
        busy[i] = (struct busy){.acceptor = w.acceptor, .token = &w.first};
        assert_int_equal(pthread_create(&threads[i], NULL, log_in_always, &busy[i]), 0);
    }
    for (unsigned n = 0; n < 50; n++)
        gss_acceptor_use(w.acceptor, keys_of(&w));
    for (size_t i = 0; i < 2; i++) {
        busy[i].stop = true;
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(busy[i].logins > 0);
    }
    close_world(&w);
}

static void a_replay_cache_that_cannot_be_made_is_told(void **state)
{
    struct gss_keys *keys = NULL;
    char path[320];
    struct tickets t;
    struct errinfo ei;

    (void)state;
    tickets_open(&t);
    tickets_keytab(&t, SERVICE, true);
    snprintf(path, sizeof(path), "%s/none/rcache", t.folder);
    assert_int_equal(read_keys(&t, NULL, path, &keys, &ei), ERR_CONFIG);
    assert_contains(ei.text, path);
    tickets_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_is_known_by_its_name_and_by_the_sid_that_its_domain_signed),
        cmocka_unit_test(a_sid_that_nobody_signed_is_none),
        cmocka_unit_test(what_was_not_agreed_on_is_not_believed),
        cmocka_unit_test(tickets_of_another_time_are_refused),
        cmocka_unit_test(a_login_that_was_heard_on_the_wire_is_refused),
        cmocka_unit_test(a_login_ends_with_its_ticket),
        cmocka_unit_test(messages_lost_repeated_or_changed_on_the_way_are_refused),
        cmocka_unit_test(keytabs_of_anything_else_are_refused),
        cmocka_unit_test(a_keytab_that_is_cut_off_is_refused),
        cmocka_unit_test(what_is_no_keytab_is_refused),
        cmocka_unit_test(keys_are_told_apart_by_more_than_their_version),
        cmocka_unit_test(a_login_ends_with_the_keys_that_it_began_with),
        cmocka_unit_test(keys_are_replaced_while_others_log_in),
        cmocka_unit_test(a_replay_cache_that_cannot_be_made_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
