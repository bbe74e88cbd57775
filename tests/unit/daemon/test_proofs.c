/* What is remembered of machines' last proofs. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "daemon/proofs.h"

static void note(struct proofs *p, const char *workstation, enum proof proof, int64_t when)
{
    struct proofs_case c = {.proof = proof, .when = when, .peer = "192.0.2.1:49152"};

    proofs_note(p, workstation, &c);
}

static void the_last_one_of_a_machine_counts(void **state)
{
    struct proofs *p = proofs_new();
    struct proofs_case c;

    (void)state;
    assert_false(proofs_last(p, "PC01", &c));
    note(p, "pc01.lab.example", PROOF_WEAK, 10);
    note(p, "PC01", PROOF_OTHER_NAME, 20);
    assert_true(proofs_last(p, "PC01$", &c));
    assert_int_equal(c.proof, PROOF_OTHER_NAME);
    assert_int_equal(c.when, 20);
    assert_string_equal(c.peer, "192.0.2.1:49152");
    assert_false(proofs_last(p, "PC02", &c));
    assert_false(proofs_last(p, "", &c));
    proofs_free(p);
}

static void a_long_name_is_cut_as_its_account_is(void **state)
{
    struct proofs *p = proofs_new();
    struct proofs_case c;

    (void)state;
    note(p, "accounting-department.lab.example", PROOF_NO_SID, 10);
    assert_true(proofs_last(p, "ACCOUNTING-DEPA", &c));
    assert_int_equal(c.proof, PROOF_NO_SID);
    proofs_free(p);
}

/* However many strangers come, memory stays what it is, and nobody is told another's. */
static void a_machine_may_lose_its_place_but_gets_no_others(void **state)
{
    struct proofs *p = proofs_new();
    struct proofs_case c;
    char name[16];
    unsigned known = 0;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "M%d", i);
        note(p, name, PROOF_WEAK, 1 + i);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "M%d", i);
        if (!proofs_last(p, name, &c))
            continue;
        assert_int_equal(c.when, 1 + i);
        known++;
    }
    assert_in_range(known, 500, 1024);
    proofs_free(p);
}

static void every_word_is_found_again(void **state)
{
    (void)state;
    for (int i = 0; i < PROOF_COUNT; i++) {
        assert_int_equal(proof_named(proof_name((enum proof)i)), i);
        assert_true(strlen(proof_text((enum proof)i)) > 0);
        assert_int_equal(strlen(proof_remedy((enum proof)i)) > 0, i != PROOF_MEMBER);
    }
    assert_int_equal(proof_named("nonsense"), PROOF_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_of_a_machine_counts),
        cmocka_unit_test(a_long_name_is_cut_as_its_account_is),
        cmocka_unit_test(a_machine_may_lose_its_place_but_gets_no_others),
        cmocka_unit_test(every_word_is_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
