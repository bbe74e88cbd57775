#include "support.h"

#include <string.h>

#include "clearing/policy.h"

/* docs/clearing.md: 6 hosts, each 10 activations; beyond 0xC004C008; a blocked key 0xC004C003. */
static const struct {
    const char *what;
    struct clearing_use use;
    enum clearing_reason reason;
    uint32_t hresult, used, left, hosts_used, hosts_left;
} cases[] = {
    {"the first activation", {{6, 10}, false, 0, 0}, CLEARING_GRANTED, 0, 1, 9, 1, 5},
    {"a second one of the same host", {{6, 10}, false, 1, 1}, CLEARING_GRANTED, 0, 2, 8, 1, 5},
    {"the tenth of a host", {{6, 10}, false, 1, 9}, CLEARING_GRANTED, 0, 10, 0, 1, 5},
    {"the eleventh", {{6, 10}, false, 1, 10}, CLEARING_HOST_SPENT, 0xC004C008, 10, 0, 1, 5},
    {"the sixth host", {{6, 10}, false, 5, 0}, CLEARING_GRANTED, 0, 1, 9, 6, 0},
    {"the seventh host", {{6, 10}, false, 6, 0}, CLEARING_HOSTS_SPENT, 0xC004C008, 0, 10, 6, 0},
    {"one of six again", {{6, 10}, false, 6, 3}, CLEARING_GRANTED, 0, 4, 6, 6, 0},
    {"the seventh of an extended key", {{7, 10}, false, 6, 0}, CLEARING_GRANTED, 0, 1, 9, 7, 0},
    {"the eleventh of an extended key", {{6, 11}, false, 1, 10}, CLEARING_GRANTED, 0, 11, 0, 1, 5},
    {"a blocked key", {{6, 10}, true, 1, 1}, CLEARING_BLOCKED, 0xC004C003, 1, 9, 1, 5},
    {"a blocked key that is spent",
     {{6, 10}, true, 6, 0},
     CLEARING_BLOCKED,
     0xC004C003,
     0,
     10,
     6,
     0},
};

static void each_case_is_decided_as_designed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct clearing_verdict v = clearing_decide(&cases[i].use);

        if (v.reason != cases[i].reason || clearing_reason_hresult(v.reason) != cases[i].hresult)
            fail_msg("%s: %s", cases[i].what, clearing_reason_name(v.reason));
        if (v.used != cases[i].used || v.left != cases[i].left ||
            v.hosts_used != cases[i].hosts_used || v.hosts_left != cases[i].hosts_left)
            fail_msg("%s: %u used, %u left, %u hosts, %u left", cases[i].what, v.used, v.left,
                     v.hosts_used, v.hosts_left);
    }
}

static void one_key_gives_sixty_activations_in_all(void **state)
{
    unsigned granted = 0, used[8] = {0}, hosts = 0;

    (void)state;
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned host = 0; host < 8; host++) {
            struct clearing_use u = {.limits = CLEARING_LIMITS_DEFAULT};
            struct clearing_verdict v;

            u.hosts = hosts;
            u.used = used[host];
            v = clearing_decide(&u);
            used[host] = v.used;
            hosts = v.hosts_used;
            granted += v.reason == CLEARING_GRANTED;
        }
    }
    assert_int_equal(granted, 60);
    assert_int_equal(hosts, 6);
}

/* docs/clearing.md: a MAK's pool is its activations on all machines; empty 0xC004C020, empty again
 * after it was extended 0xC004C021. */
static const struct {
    const char *what;
    struct clearing_pool pool;
    uint32_t hresult, used, left, machines;
} pools[] = {
    {"the first activation", {.size = 3}, 0, 1, 2, 1},
    {"another machine", {.size = 3, .used = 1, .machines = 1}, 0, 2, 1, 2},
    {"the same machine again", {.size = 3, .used = 1, .machines = 1, .had = true}, 0, 2, 1, 1},
    {"the last one", {.size = 3, .used = 2, .machines = 2}, 0, 3, 0, 3},
    {"an empty pool", {.size = 3, .used = 3, .machines = 3}, 0xC004C020, 3, 0, 3},
    {"empty also for a machine that had one",
     {.size = 3, .used = 3, .machines = 3, .had = true},
     0xC004C020,
     3,
     0,
     3},
    {"extended", {.size = 4, .used = 3, .machines = 3, .extended = true}, 0, 4, 0, 4},
    {"extended and empty",
     {.size = 4, .used = 4, .machines = 4, .extended = true},
     0xC004C021,
     4,
     0,
     4},
    {"blocked", {.size = 3, .blocked = true}, 0xC004C003, 0, 3, 0},
    {"blocked and empty",
     {.size = 1, .used = 1, .machines = 1, .blocked = true},
     0xC004C003,
     1,
     0,
     1},
};

static void each_pool_is_decided_as_designed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        struct clearing_verdict v = clearing_decide_pool(&pools[i].pool);

        if (clearing_reason_hresult(v.reason) != pools[i].hresult || v.used != pools[i].used ||
            v.left != pools[i].left || v.hosts_used != pools[i].machines)
            fail_msg("%s: %s, %u used, %u left, %u machines", pools[i].what,
                     clearing_reason_name(v.reason), v.used, v.left, v.hosts_used);
    }
}

static void a_pool_is_extended_up_to_its_limit(void **state)
{
    struct clearing_pool p = {.size = 5, .used = 5};
    struct errinfo ei;

    (void)state;
    assert_ok(clearing_extend_pool(&p, 0, &ei), &ei);
    assert_false(p.extended); /* by nothing */
    assert_ok(clearing_extend_pool(&p, 10, &ei), &ei);
    assert_int_equal(p.size, 15);
    assert_true(p.extended);
    assert_int_equal(clearing_extend_pool(&p, CLEARING_LIMIT_MAX - 14, &ei), ERR_LIMIT);
    assert_int_equal(ei.hresult, 0xC004C021);
    assert_int_equal(p.size, 15);
    assert_ok(clearing_extend_pool(&p, CLEARING_LIMIT_MAX - 15, &ei), &ei);
}

static void extending_raises_both_limits(void **state)
{
    struct clearing_limits l = CLEARING_LIMITS_DEFAULT;
    struct errinfo ei;

    (void)state;
    assert_ok(clearing_extend(&l, 4, 0, &ei), &ei);
    assert_ok(clearing_extend(&l, 0, 15, &ei), &ei);
    assert_int_equal(l.hosts, 10);
    assert_int_equal(l.per_host, 25);
}

static void extending_without_bounds_is_refused(void **state)
{
    struct clearing_limits l = CLEARING_LIMITS_DEFAULT;
    struct errinfo ei;

    (void)state;
    assert_int_equal(clearing_extend(&l, UINT32_MAX, 0, &ei), ERR_LIMIT);
    assert_int_equal(clearing_extend(&l, 0, UINT32_MAX - 5, &ei), ERR_LIMIT);
    assert_int_equal(l.hosts, 6);
    assert_int_equal(l.per_host, 10);
}

static void every_reason_has_a_name_and_every_refusal_a_code(void **state)
{
    (void)state;
    for (int r = 0; r < CLEARING_REASONS; r++) {
        assert_non_null(clearing_reason_name((enum clearing_reason)r));
        assert_true(strlen(clearing_reason_text((enum clearing_reason)r)) > 0);
        assert_int_equal(clearing_reason_hresult((enum clearing_reason)r) == 0,
                         r == CLEARING_GRANTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_is_decided_as_designed),
        cmocka_unit_test(one_key_gives_sixty_activations_in_all),
        cmocka_unit_test(each_pool_is_decided_as_designed),
        cmocka_unit_test(a_pool_is_extended_up_to_its_limit),
        cmocka_unit_test(extending_raises_both_limits),
        cmocka_unit_test(extending_without_bounds_is_refused),
        cmocka_unit_test(every_reason_has_a_name_and_every_refusal_a_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
