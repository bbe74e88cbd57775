#include "support.h"

#include "base/conf.h"
#include "net/resolver.h"
#include "settings/values.h"

/* A value, and whether it is taken. */
struct row {
    const char *text;
    bool taken;
};

static void judge(conf_check_fn *check, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct errinfo ei = {0};
        enum err e = check(&rows[i].text, &ei);

        if (e != (rows[i].taken ? ERR_OK : ERR_CONFIG))
            fail_msg("\"%s\": %s", rows[i].text, e == ERR_OK ? "was taken" : ei.text);
    }
}

/* Each as a list of one. */
static void judge_items(conf_check_fn *check, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *item = (char *)(uintptr_t)rows[i].text;
        const struct conf_list list = {.n = 1, .v = &item};
        struct errinfo ei = {0};
        enum err e = check(&list, &ei);

        if (e != (rows[i].taken ? ERR_OK : ERR_CONFIG))
            fail_msg("\"%s\": %s", rows[i].text, e == ERR_OK ? "was taken" : ei.text);
    }
}

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct row dns_servers[] = {
    {"192.0.2.53", true},
    {"192.0.2.53:5353", true},
    {"192.0.2.53:053", true},
    {"192.0.2.53:0", true},
    {"192.0.2.53:65535", true},
    {"010.0.0.1", true},
    {"192.0.2.53/24", true},
    {"2001:db8::53", true},
    {"2001:db8::53/64", true},
    {"::1", true},
    {"::ffff:192.0.2.1", true},
    {"[2001:db8::53]:5353", true},
    {"[2001:db8::53]:", true},
    {"[2001:db8::53", true},
    {"192.0.2.53,192.0.2.54", true},
    {"192.0.2.53,", true},
    {"2001:db8::53,192.0.2.1:5,[::1]:53", true},
    {"[::1]:,::2", true},
    {",", false},
    {",192.0.2.1", false},
    {"192.0.2.1,,192.0.2.2", false},
    {"192.0.2.1,,", false},
    {"192.0.2.53, 192.0.2.54", false},
    {"192.0.2.53 ,192.0.2.54", false},
    {"192.0.2.53 192.0.2.54", false},
    {"192.0.2.53;192.0.2.54", false},
    {"192.0.2.53,ns.example", false},
    {"ns.example", false},
    {"localhost:53", false},
    {":53", false},
    {"192.0.2.53:", false},
    {"192.0.2.53:+5", false},
    {"192.0.2.53:53x", false},
    {"192.0.2.53/33", false},
    {"2001:db8::53/129", false},
    {"256.0.0.1", false},
    {"[192.0.2.1]:53", false},
    {"[2001:db8::53]", false},
    {"[2001:db8::53]x", false},
    {"fe80::1%lo", false},
    {"[fe80::1%lo]:53", false},
};

static void dns_servers_are_those_that_the_resolver_takes(void **state)
{
    (void)state;
    judge(values_dns_servers, dns_servers, COUNT(dns_servers));
    for (size_t i = 0; i < COUNT(dns_servers); i++) {
        struct resolver *r = NULL;
        enum err e = resolver_new(dns_servers[i].text, &r, NULL);

        if (e != (dns_servers[i].taken ? ERR_OK : ERR_CONFIG))
            fail_msg("resolver_new \"%s\": %d", dns_servers[i].text, (int)e);
        resolver_free(r);
    }
}

static void a_dns_server_that_would_be_another_one_is_refused(void **state)
{
    static const struct row rows[] = {
        {"10.1", false},
        {"0x0a000001", false},
        {"192.0.2.53:65536", false},
        {"[2001:db8::53]:99999", false},
    };

    (void)state;
    judge(values_dns_servers, rows, COUNT(rows));
}

static void uris_stand_between_blanks_and_commas(void **state)
{
    static const struct row rows[] = {
        {"auto", true},
        {"ldap://a", true},
        {"LDAPS://a:636", true},
        {"ldap://a ldap://b", true},
        {"ldap://a , ldap://b", true},
        {"ldap://a,ldaps://b,", true},
        {", ldap://a,\tldap://b", true},
        {"ldap://[2001:db8::1]:389", true},
        {"ldap://", true},
        {"ldaps://", true},
        {"ldapi://", true},
        {"ldapi://%2Frun%2Fldapi", true},
        {",", false},
        {"a", false},
        {"ldap:a", false},
        {"http://a", false},
        {"URL:ldap://a", false},
        {"pldap://a", false},
        {"ldap://a,b", false},
        {"ldap://a auto", false},
        {"ldap://a;ldap://b ldap", false},
    };

    (void)state;
    judge(values_uris, rows, COUNT(rows));
}

static void a_domain_may_have_a_last_dot_and_be_in_utf8(void **state)
{
    static const struct row rows[] = {
        {"lab.example", true},
        {"lab.example.", true},
        {"_msdcs.lab.example", true},
        {"LAB", true},
        {"b\303\274cher.example", true},
        {"xn--bcher-kva.example", true},
        {".", false},
        {".lab.example", false},
        {"lab..example", false},
        {"lab.example..", false},
        {"lab example", false},
        {"lab.example:389", false},
        {"ldap://lab.example", false},
    };

    (void)state;
    judge(values_domain, rows, COUNT(rows));
}

/* nsupdate gets these in its script. */
static void a_domain_to_publish_in_is_in_ascii(void **state)
{
    static const struct row rows[] = {
        {"lab.example", true},   {"xn--bcher-kva.example", true}, {"b\303\274cher.example", false},
        {"lab.example.", false}, {"lab example", false},
    };

    (void)state;
    judge_items(values_names, rows, COUNT(rows));
}

static void a_web_name_is_what_a_host_header_may_say(void **state)
{
    static const struct row rows[] = {
        {"monitor.example.com", true},
        {"monitor.example.com.", true},
        {"_monitor.example.com", true},
        {"monitor", true},
        {"a..b", true},
        {"-monitor", false},
        {".monitor", false},
        {"monitor:8688", false},
        {"http://monitor", false},
        {"foo bar", false},
        {"b\303\274cher.example", false},
    };

    (void)state;
    judge_items(values_web_names, rows, COUNT(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_servers_are_those_that_the_resolver_takes),
        cmocka_unit_test(a_dns_server_that_would_be_another_one_is_refused),
        cmocka_unit_test(uris_stand_between_blanks_and_commas),
        cmocka_unit_test(a_domain_may_have_a_last_dot_and_be_in_utf8),
        cmocka_unit_test(a_domain_to_publish_in_is_in_ascii),
        cmocka_unit_test(a_web_name_is_what_a_host_header_may_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
