/* Sessions of dir_ldap.c against a scripted server: what real servers do rarely or on request of
 * nobody (refer, fall silent in the middle of an answer, be an RODC). */
#include "support.h"

#include <arpa/inet.h>
#include <lber.h>
#include <ldap.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ldap/dir.h"

#define BASE "DC=lab,DC=example"

/* One attribute of one entry; rows of an entry follow each other. */
struct row {
    const char *dn, *attr, *value;
};

struct script {
    const struct row *rows; /* ends with a NULL dn */
    int write_result;       /* for add, modify, delete */
    const char *referral;   /* with LDAP_REFERRAL */
    const char *diag;
    int quiet_after; /* answers so many requests, then none; 0: no limit */
    bool half;       /* the last answer is cut in the middle */
    bool hang_up;    /* closes instead of falling silent */
    bool deaf;       /* does not even read any more */
};

struct server {
    struct script script;
    int listener, fd;
    char uri[64];
    pthread_t thread;
    int answered, writes, requests;
};

/* ---- the server's side ---- */

static bool send_ber(struct server *s, BerElement *ber, bool half)
{
    struct berval bv;
    bool ok = ber_flatten2(ber, &bv, 0) == 0;
    size_t len = half ? bv.bv_len / 2 : bv.bv_len;

    ok = ok && send(s->fd, bv.bv_val, len, MSG_NOSIGNAL) == (ssize_t)len;
    ber_free(ber, 1);
    return ok;
}

static BerElement *answer(int id, ber_tag_t tag, int code, const char *diag, const char *referral)
{
    BerElement *ber = ber_alloc_t(LBER_USE_DER);

    ber_printf(ber, "{it{ess", id, tag, code, "", diag != NULL ? diag : "");
    if (referral != NULL)
        ber_printf(ber, "t{s}", (ber_tag_t)LDAP_TAG_REFERRAL, referral);
    ber_printf(ber, "}}");
    return ber;
}

/* All rows of one entry, one value per attribute. */
static BerElement *found(const struct server *s, int id, const char *dn)
{
    BerElement *ber = ber_alloc_t(LBER_USE_DER);

    ber_printf(ber, "{it{s{", id, (ber_tag_t)LDAP_RES_SEARCH_ENTRY, dn);
    for (const struct row *r = s->script.rows; r->dn != NULL; r++)
        if (strcasecmp(r->dn, dn) == 0)
            ber_printf(ber, "{s[s]}", r->attr, r->value);
    ber_printf(ber, "}}}");
    return ber;
}

static bool knows(const struct server *s, const char *dn)
{
    for (const struct row *r = s->script.rows; r->dn != NULL; r++)
        if (strcasecmp(r->dn, dn) == 0)
            return true;
    return false;
}

static bool serve_search(struct server *s, BerElement *in, int id, bool half)
{
    char base[256] = "";
    ber_len_t len = sizeof(base);
    bool known;

    if (ber_scanf(in, "{s", base, &len) == LBER_ERROR)
        return false;
    known = knows(s, base);
    if (known && !send_ber(s, found(s, id, base), half))
        return false;
    return half || send_ber(s,
                            answer(id, LDAP_RES_SEARCH_RESULT,
                                   known ? LDAP_SUCCESS : LDAP_NO_SUCH_OBJECT, NULL, NULL),
                            false);
}

static void wait_for_close(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    poll(&p, 1, 30000);
}

static bool serve_one(struct server *s, BerElement *in)
{
    ber_int_t id;
    ber_len_t len;
    ber_tag_t op;
    bool last;

    if (ber_get_int(in, &id) == LBER_ERROR)
        return false;
    op = ber_peek_tag(in, &len);
    s->requests++;
    if (s->script.quiet_after > 0 && s->answered >= s->script.quiet_after)
        return !s->script.hang_up;
    s->answered++;
    last = s->answered == s->script.quiet_after;
    if (op == LDAP_REQ_SEARCH && !serve_search(s, in, id, last && s->script.half))
        return false;
    if (last && s->script.deaf)
        wait_for_close(s->fd);
    if (op == LDAP_REQ_SEARCH)
        return true;
    if (op != LDAP_REQ_ADD && op != LDAP_REQ_MODIFY && op != LDAP_REQ_DELETE)
        return op != LDAP_REQ_UNBIND;
    s->writes++;
    return send_ber(s,
                    answer(id, op == LDAP_REQ_DELETE ? LDAP_RES_DELETE : op + 1,
                           s->script.write_result, s->script.diag, s->script.referral),
                    false);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    Sockbuf *sb = ber_sockbuf_alloc();
    bool go_on = true;

    s->fd = accept(s->listener, NULL, NULL);
    if (s->fd >= 0)
        ber_sockbuf_add_io(sb, &ber_sockbuf_io_tcp, LBER_SBIOD_LEVEL_PROVIDER, &s->fd);
    while (go_on && s->fd >= 0) {
        BerElement *in = ber_alloc_t(LBER_USE_DER);
        ber_len_t len;

        go_on = ber_get_next(sb, &len, in) == LDAP_TAG_MESSAGE && serve_one(s, in);
        ber_free(in, 1);
    }
    ber_sockbuf_free(sb); /* closes the connection */
    return NULL;
}

static void start(struct server *s, struct script script)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    *s = (struct server){.script = script, .fd = -1};
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
    snprintf(s->uri, sizeof(s->uri), "ldap://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

/* After the client closed its session. */
static void stop(struct server *s)
{
    if (s->script.deaf) /* a close does not arrive where nobody reads */
        shutdown(s->fd, SHUT_RDWR);
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}

/* ---- the client's side ---- */

static const struct row lab[] = {
    {"", "defaultNamingContext", BASE},
    {"", "rootDomainNamingContext", BASE},
    {"", "dnsHostName", "dc1.lab.example"},
    {"", "adbadLabDirectory", "yes"},
    {0},
};

static const struct row rodc[] = {
    {"", "supportedCapabilities", "1.2.840.113556.1.4.800"},
    {"", "defaultNamingContext", BASE},
    {"", "rootDomainNamingContext", "dc=Lab,dc=EXAMPLE"},
    {"", "schemaNamingContext", "CN=Schema,CN=Configuration," BASE},
    {"", "dnsHostName", "ro1.lab.example"},
    {"", "dsServiceName", "CN=NTDS Settings,CN=RO1," BASE},
    {"CN=NTDS Settings,CN=RO1," BASE, "msDS-isRODC", "TRUE"},
    {"CN=Schema,CN=Configuration," BASE, "objectVersion", "69"},
    {0},
};

/* The marker counts for nothing on AD DS, whose forest name alone decides. */
static const struct row other_forest[] = {
    {"", "supportedCapabilities", "1.2.840.113556.1.4.800"},
    {"", "rootDomainNamingContext", "DC=corp,DC=example"},
    {"", "adbadLabDirectory", "yes"},
    {0},
};

static const struct row nameless[] = {
    {"", "namingContexts", BASE},
    {0},
};

static enum err open_at(const char *uri, struct dir **d, struct errinfo *ei)
{
    const struct dir_conf conf = {
        .uri = uri, .mechanism = DIR_ANONYMOUS, .lab_forest = "lab.example", .timeout_ms = 300};

    *d = NULL;
    return dir_open(&conf, d, ei);
}

static void each_result_code_gets_its_meaning(void **state)
{
    static const struct {
        int code;
        enum err expected;
    } table[] = {
        {LDAP_SUCCESS, ERR_OK},
        {LDAP_OPERATIONS_ERROR, ERR_DENIED},
        {LDAP_TIMELIMIT_EXCEEDED, ERR_TIMEOUT},
        {LDAP_ADMINLIMIT_EXCEEDED, ERR_LIMIT},
        {LDAP_STRONG_AUTH_REQUIRED, ERR_DENIED},
        {LDAP_NO_SUCH_ATTRIBUTE, ERR_CONFLICT},
        {LDAP_TYPE_OR_VALUE_EXISTS, ERR_CONFLICT},
        {LDAP_UNDEFINED_TYPE, ERR_SCHEMA},
        {LDAP_OBJECT_CLASS_VIOLATION, ERR_SCHEMA},
        {LDAP_CONSTRAINT_VIOLATION, ERR_MALFORMED},
        {LDAP_INVALID_DN_SYNTAX, ERR_MALFORMED},
        {LDAP_NO_SUCH_OBJECT, ERR_NOTFOUND},
        {LDAP_ALREADY_EXISTS, ERR_EXISTS},
        {LDAP_NOT_ALLOWED_ON_NONLEAF, ERR_NOT_NOW},
        {LDAP_INSUFFICIENT_ACCESS, ERR_DENIED},
        {LDAP_UNWILLING_TO_PERFORM, ERR_DENIED},
        {LDAP_BUSY, ERR_UNREACHABLE},
        {LDAP_UNAVAILABLE, ERR_UNREACHABLE},
        {LDAP_OTHER, ERR_IO},
        {12345, ERR_IO},
    };
    struct server s;
    struct dir *d;
    struct errinfo ei;

    (void)state;
    start(&s, (struct script){.rows = lab});
    assert_ok(open_at(s.uri, &d, &ei), &ei);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        s.script.write_result = table[i].code; /* the server waits for our next request */
        if (dir_delete(d, "CN=x," BASE, &ei) != table[i].expected)
            fail_msg("result %d became %s: %s", table[i].code, err_name(ei.code), ei.text);
    }
    dir_close(d);
    stop(&s);
}

static void a_failure_names_operation_object_server_and_reason(void **state)
{
    struct server s;
    struct dir *d;
    struct errinfo ei;

    (void)state;
    start(&s, (struct script){
                  .rows = lab, .write_result = LDAP_UNWILLING_TO_PERFORM, .diag = "not\ntoday"});
    assert_ok(open_at(s.uri, &d, &ei), &ei);
    assert_int_equal(dir_delete(d, "CN=x," BASE, &ei), ERR_DENIED);
    assert_contains(ei.text, "delete CN=x," BASE);
    assert_contains(ei.text, s.uri);
    assert_contains(ei.text, "not today");
    dir_close(d);
    stop(&s);
}

static void a_referral_is_read_only_and_names_where_to(void **state)
{
    struct server s;
    struct dir *d;
    struct errinfo ei;

    (void)state;
    start(&s, (struct script){.rows = lab,
                              .write_result = LDAP_REFERRAL,
                              .referral = "ldap://lab.example/" BASE});
    assert_ok(open_at(s.uri, &d, &ei), &ei);
    assert_int_equal(dir_delete(d, "CN=x," BASE, &ei), ERR_READONLY);
    assert_contains(ei.text, "ldap://lab.example/");
    dir_close(d);
    stop(&s);
}

static void a_read_only_controller_is_known_by_its_settings_object(void **state)
{
    struct server s;
    struct dir *d;
    struct errinfo ei;

    (void)state;
    start(&s, (struct script){.rows = rodc});
    assert_ok(open_at(s.uri, &d, &ei), &ei);
    assert_true(dir_facts(d)->ad_ds);
    assert_true(dir_facts(d)->read_only);
    assert_int_equal(dir_facts(d)->schema_version, 69);
    assert_string_equal(dir_facts(d)->forest, "lab.example");
    assert_int_equal(dir_delete(d, "CN=x," BASE, &ei), ERR_READONLY);
    assert_contains(ei.text, "ro1.lab.example");
    dir_close(d);
    stop(&s);
    assert_int_equal(s.writes, 0);
}

static void no_write_is_sent_to_a_forest_that_is_not_the_lab(void **state)
{
    static const struct row *const kinds[] = {other_forest, nameless};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct server s;
        struct dir *d;
        struct errinfo ei;

        start(&s, (struct script){.rows = kinds[i]});
        assert_ok(open_at(s.uri, &d, &ei), &ei);
        assert_false(dir_facts(d)->lab_marked);
        assert_int_equal(dir_delete(d, "CN=x," BASE, &ei), ERR_REFUSED);
        dir_close(d);
        stop(&s);
        assert_int_equal(s.writes, 0);
    }
}

static void a_server_that_falls_silent_is_given_up(void **state)
{
    struct server s;
    struct dir *d;
    struct errinfo ei;

    (void)state;
    start(&s, (struct script){.rows = lab, .quiet_after = 1});
    assert_int_equal(open_at(s.uri, &d, &ei), ERR_TIMEOUT);
    assert_contains(ei.text, "no answer within 0.3 s");
    assert_null(d);
    stop(&s);
}

static void an_answer_that_stops_in_the_middle_is_given_up(void **state)
{
    struct server s;
    struct dir *d;
    struct errinfo ei;

    (void)state;
    start(&s, (struct script){.rows = lab, .quiet_after = 1, .half = true});
    assert_int_equal(open_at(s.uri, &d, &ei), ERR_TIMEOUT);
    stop(&s);
}

static void a_server_that_reads_no_more_is_given_up(void **state)
{
    const size_t len = 16u << 20; /* more than the sockets hold */
    struct dir_entry *e = dir_entry_new("CN=x," BASE);
    uint8_t *large = calloc(1, len);
    struct server s;
    struct dir *d;
    struct errinfo ei;

    (void)state;
    assert_int_equal(dir_entry_add(e, "msSPP-IssuanceLicense", large, len), ERR_OK);
    /* two answers are what opening needs here: the rootDSE and the domain */
    start(&s, (struct script){.rows = lab, .quiet_after = 2, .deaf = true});
    assert_ok(open_at(s.uri, &d, &ei), &ei);
    assert_int_equal(dir_add(d, e, &ei), ERR_TIMEOUT);
    dir_close(d);
    stop(&s);
    dir_entry_free(e);
    free(large);
}

static void a_server_that_hangs_up_is_unreachable(void **state)
{
    struct server s;
    struct dir *d;
    struct errinfo ei;

    (void)state;
    start(&s, (struct script){.rows = lab, .quiet_after = 1, .hang_up = true});
    assert_int_equal(open_at(s.uri, &d, &ei), ERR_UNREACHABLE);
    stop(&s);
}

static void where_nobody_listens_is_unreachable(void **state)
{
    struct dir *d;
    struct errinfo ei;

    (void)state;
    assert_int_equal(open_at("ldap://127.0.0.1:1", &d, &ei), ERR_UNREACHABLE);
    assert_contains(ei.text, "ldap://127.0.0.1:1");
    assert_int_equal(open_at("ldapi://%2Fnonexistent%2Fldapi", &d, &ei), ERR_UNREACHABLE);
}

static void an_address_that_is_none_is_a_configuration_error(void **state)
{
    static const char *const bad[] = {"", "lab.example", "http://lab.example", "ldap://host:port"};
    struct dir *d;
    struct errinfo ei;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(open_at(bad[i], &d, &ei), ERR_CONFIG);
    assert_int_equal(open_at(NULL, &d, &ei), ERR_CONFIG);
}

static void a_password_never_travels_in_clear(void **state)
{
    struct dir_conf conf = {
        .mechanism = DIR_SIMPLE, .bind_dn = "CN=x", .password = "secret", .timeout_ms = 300};
    struct server s;
    struct dir *d = NULL;
    struct errinfo ei;

    (void)state;
    start(&s, (struct script){.rows = lab});
    conf.uri = s.uri;
    assert_int_equal(dir_open(&conf, &d, &ei), ERR_CONFIG);
    assert_contains(ei.text, "in clear");
    stop(&s);
    assert_true(s.requests <= 1); /* an unbind at most */
}

static void an_empty_password_is_not_an_anonymous_login(void **state)
{
    static const struct dir_conf confs[] = {
        {.mechanism = DIR_SIMPLE, .bind_dn = "CN=x", .password = "", .timeout_ms = 300},
        {.mechanism = DIR_SCRAM_SHA_256, .user = "PC01$", .password = "", .timeout_ms = 300},
        {.mechanism = DIR_SCRAM_SHA_256, .user = NULL, .password = "x", .timeout_ms = 300},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(confs) / sizeof(confs[0]); i++) {
        struct dir_conf conf = confs[i];
        struct server s;
        struct dir *d = NULL;
        struct errinfo ei;

        start(&s, (struct script){.rows = lab});
        conf.uri = s.uri;
        assert_int_equal(dir_open(&conf, &d, &ei), ERR_CONFIG);
        stop(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_result_code_gets_its_meaning),
        cmocka_unit_test(a_failure_names_operation_object_server_and_reason),
        cmocka_unit_test(a_referral_is_read_only_and_names_where_to),
        cmocka_unit_test(a_read_only_controller_is_known_by_its_settings_object),
        cmocka_unit_test(no_write_is_sent_to_a_forest_that_is_not_the_lab),
        cmocka_unit_test(a_server_that_falls_silent_is_given_up),
        cmocka_unit_test(an_answer_that_stops_in_the_middle_is_given_up),
        cmocka_unit_test(a_server_that_reads_no_more_is_given_up),
        cmocka_unit_test(a_server_that_hangs_up_is_unreachable),
        cmocka_unit_test(where_nobody_listens_is_unreachable),
        cmocka_unit_test(an_address_that_is_none_is_a_configuration_error),
        cmocka_unit_test(a_password_never_travels_in_clear),
        cmocka_unit_test(an_empty_password_is_not_an_anonymous_login),
    };

    return cmocka_run_group_tests_name("dir_session", tests, NULL, NULL);
}
