/* Who is proven to be a member (docs/kerberos.md), and what the directory covers. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "daemon/coverage.h"
#include "daemon/proof.h"

#define MAX_STALE (7 * CLK_DAY)
#define SYNCED    1000
#define SID(text) (const uint8_t *)(text), 1 /* one octet will do here */

static struct members *registry(void)
{
    static const struct member all[] = {
        {{{1}}, {{1}}, "PC01", "", "CN=PC01", SID("1"), true},
        {{{2}}, {{2}}, "PC02", "", "CN=PC02", SID("2"), false},
        {{{3}}, {{3}}, "ACCOUNTING-DEPT", "", "CN=3", SID("3"), true},
    };
    struct members *m = members_new(MAX_STALE);
    struct roster *r = roster_new();

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        assert_int_equal(roster_set(r, &all[i], NULL), ERR_OK);
    members_publish(m, r, SYNCED);
    roster_unref(r);
    return m;
}

static void every_condition_must_hold_and_the_first_that_fails_is_told(void **state)
{
    static const struct {
        int how;
        uint8_t level;
        const char *principal; /* NULL: not authenticated; '!': of another realm; '-': of an
                                  unsigned header */
        const char *workstation;
        int64_t now;
        enum proof proof;
    } rows[] = {
        {SET_PROOF_KERBEROS, 4, "PC01$@LAB.EXAMPLE", "PC01", SYNCED, PROOF_MEMBER},
        {SET_PROOF_KERBEROS, 5, "pc01$@LAB.EXAMPLE", "PC01.lab.example", SYNCED, PROOF_MEMBER},
        {SET_PROOF_KERBEROS, 6, "PC01$@LAB.EXAMPLE", "pc01", SYNCED + MAX_STALE, PROOF_MEMBER},
        {SET_PROOF_KERBEROS, 6, "ACCOUNTING-DEPT$@LAB.EXAMPLE", "accounting-dept-42.lab.example",
         SYNCED, PROOF_MEMBER},
        {SET_PROOF_NONE, 6, "PC01$@LAB.EXAMPLE", "PC01", SYNCED, PROOF_OFF},
        {SET_PROOF_KERBEROS, 1, NULL, "PC01", SYNCED, PROOF_UNAUTHENTICATED},
        {SET_PROOF_KERBEROS, 2, "PC01$@LAB.EXAMPLE", "PC01", SYNCED, PROOF_WEAK},
        {SET_PROOF_KERBEROS, 6, "!PC01$@OTHER.EXAMPLE", "PC01", SYNCED, PROOF_OTHER_REALM},
        {SET_PROOF_KERBEROS, 6, "PC01@LAB.EXAMPLE", "PC01", SYNCED, PROOF_NO_MACHINE},
        {SET_PROOF_KERBEROS, 6, "-PC01$@LAB.EXAMPLE", "PC01", SYNCED, PROOF_WEAK},
        {SET_PROOF_KERBEROS, 6, "PC01$$@LAB.EXAMPLE", "PC01", SYNCED, PROOF_NO_MACHINE},
        {SET_PROOF_KERBEROS, 6, "PC01$$@LAB.EXAMPLE", "PC01$", SYNCED, PROOF_NO_MACHINE},
        {SET_PROOF_KERBEROS, 6, "$@LAB.EXAMPLE", "", SYNCED, PROOF_NO_MACHINE},
        {SET_PROOF_KERBEROS, 6, "host/PC01$@LAB.EXAMPLE", "PC01", SYNCED, PROOF_NO_MACHINE},
        {SET_PROOF_KERBEROS, 6, "PC01$", "PC01", SYNCED, PROOF_NO_MACHINE},
        {SET_PROOF_KERBEROS, 6, "PC01$\\@LAB.EXAMPLE", "PC01", SYNCED, PROOF_NO_MACHINE},
        {SET_PROOF_KERBEROS, 6, "PC01$@LAB.EXAMPLE", "PC011", SYNCED, PROOF_OTHER_NAME},
        {SET_PROOF_KERBEROS, 6, "PC01$@LAB.EXAMPLE", "PC0", SYNCED, PROOF_OTHER_NAME},
        {SET_PROOF_KERBEROS, 6, "PC01$@LAB.EXAMPLE", "", SYNCED, PROOF_OTHER_NAME},
        {SET_PROOF_KERBEROS, 6, "PC02$@LAB.EXAMPLE", "PC02", SYNCED, PROOF_DISABLED},
        {SET_PROOF_KERBEROS, 6, "PC09$@LAB.EXAMPLE", "PC09", SYNCED, PROOF_NO_ACCOUNT},
        {SET_PROOF_KERBEROS, 6, "PC01$@LAB.EXAMPLE", "PC01", SYNCED + MAX_STALE + 1, PROOF_STALE},
        {SET_PROOF_NAME, 1, NULL, "pc01.lab.example", SYNCED, PROOF_MEMBER},
        {SET_PROOF_NAME, 1, NULL, "PC09", SYNCED, PROOF_NO_ACCOUNT},
    };
    struct members *m = registry();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *principal = rows[i].principal;
        struct rpc_security_facts facts = {.own_realm = principal != NULL && *principal != '!'};
        const char *sid = strncmp(rows[i].workstation, "acc", 3) == 0 ? "3" : "1";
        struct proof_question q = {.how = rows[i].how,
                                   .level = rows[i].level,
                                   .header_signed = principal == NULL || *principal != '-',
                                   .peer = principal != NULL ? &facts : NULL,
                                   .workstation = rows[i].workstation,
                                   .now = rows[i].now};

        if (principal != NULL)
            strcpy(facts.principal, principal + (*principal == '!' || *principal == '-'));
        facts.sid_len = strlen(sid);
        memcpy(facts.sid, sid, facts.sid_len);
        assert_string_equal(proof_name(proof_judge(&q, m)), proof_name(rows[i].proof));
    }
    members_free(m);
}

/* The one who got a ticket in PC01's name, and whom the domain signed it to be. */
static void the_ticket_must_be_that_of_the_account_whose_name_it_bears(void **state)
{
    static const struct {
        const char *sid;
        enum proof proof;
    } rows[] = {
        {"1", PROOF_MEMBER},        {"", PROOF_NO_SID},         {"9", PROOF_OTHER_ACCOUNT},
        {"2", PROOF_OTHER_ACCOUNT}, {"3", PROOF_OTHER_ACCOUNT},
    };
    struct members *m = registry();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rpc_security_facts facts = {.principal = "PC01$@LAB.EXAMPLE", .own_realm = true};
        struct proof_question q = {.how = SET_PROOF_KERBEROS,
                                   .level = RPC_LEVEL_PRIVACY,
                                   .header_signed = true,
                                   .peer = &facts,
                                   .workstation = "PC01",
                                   .now = SYNCED};

        facts.sid_len = strlen(rows[i].sid);
        memcpy(facts.sid, rows[i].sid, facts.sid_len);
        assert_string_equal(proof_name(proof_judge(&q, m)), proof_name(rows[i].proof));
    }
    members_free(m);
}

static void without_a_registry_nobody_is_proven(void **state)
{
    struct proof_question q = {.how = SET_PROOF_NAME, .workstation = "PC01"};

    (void)state;
    assert_int_equal(proof_judge(&q, NULL), PROOF_OFF);
}

static void what_objects_cover_ends_with_their_licence_and_with_the_look(void **state)
{
    const struct guid a = {{1}}, b = {{2}}, c = {{3}};
    struct coverage *v = coverage_new(100);
    struct covered *ids = calloc(2, sizeof(*ids));

    (void)state;
    assert_false(coverage_has(v, &a, 0));
    ids[0] = (struct covered){a, 1050};
    ids[1] = (struct covered){b, 5000};
    coverage_publish(v, ids, 2, 1000);
    assert_true(coverage_has(v, &a, 1049));
    assert_false(coverage_has(v, &a, 1050));
    assert_true(coverage_has(v, &b, 1100));
    assert_false(coverage_has(v, &b, 1101));
    assert_false(coverage_has(v, &c, 1000));
    coverage_publish(v, NULL, 0, 1100);
    assert_false(coverage_has(v, &b, 1100));
    coverage_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_condition_must_hold_and_the_first_that_fails_is_told),
        cmocka_unit_test(the_ticket_must_be_that_of_the_account_whose_name_it_bears),
        cmocka_unit_test(without_a_registry_nobody_is_proven),
        cmocka_unit_test(what_objects_cover_ends_with_their_licence_and_with_the_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
