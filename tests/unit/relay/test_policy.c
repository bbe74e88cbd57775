#include "support.h"

#include <stdio.h>
#include <string.h>

#include "relay/policy.h"

static struct relay_target target(const char *host, uint16_t priority, uint16_t weight)
{
    struct relay_target t = {.port = 1688, .priority = priority, .weight = weight};

    snprintf(t.host, sizeof(t.host), "%s", host);
    return t;
}

/* A policy whose upstreams "a", "b", … all have addresses; ids in that order. */
static void with_conf(struct relay_policy *p, const struct relay_policy_conf *conf,
                      const struct relay_target *t, size_t n)
{
    relay_policy_init(p, conf);
    assert_int_equal(relay_policy_want(p, t, n), 0);
    for (unsigned i = 0; i < n; i++)
        relay_policy_reach(p, i, RELAY_REACHABLE);
}

static void with(struct relay_policy *p, const struct relay_target *t, size_t n)
{
    const struct relay_policy_conf conf = {
        .workers = 1, .connections = 4, .failures = 3, .pause_ms = 1000, .pause_max_ms = 5000};

    with_conf(p, &conf, t, n);
}

static struct rng_seeded seeded;

static enum relay_pick pick(struct relay_policy *p, uint32_t tried, uint64_t now, unsigned *id)
{
    struct rng rng = rng_from_seed(&seeded);

    return relay_policy_pick(p, 0, tried, now, &rng, id);
}

static enum relay_pick pick_for(struct relay_policy *p, unsigned worker)
{
    struct rng rng = rng_from_seed(&seeded);
    unsigned id;

    return relay_policy_pick(p, worker, 0, 0, &rng, &id);
}

static void fail_times(struct relay_policy *p, unsigned id, unsigned times, uint64_t now)
{
    for (unsigned i = 0; i < times; i++)
        relay_policy_failed(p, id, now, "reset");
}

static void the_lowest_priority_serves_until_it_was_tried(void **state)
{
    const struct relay_target t[] = {target("a", 20, 0), target("b", 10, 0), target("c", 30, 0)};
    struct relay_policy p;
    unsigned id;
    (void)state;

    with(&p, t, 3);
    assert_int_equal(pick(&p, 0, 0, &id), RELAY_PICKED);
    assert_int_equal(id, 1);
    assert_int_equal(pick(&p, 1u << 1, 0, &id), RELAY_PICKED);
    assert_int_equal(id, 0);
    assert_int_equal(pick(&p, 1u << 1 | 1u << 0, 0, &id), RELAY_PICKED);
    assert_int_equal(id, 2);
    assert_int_equal(pick(&p, 7, 0, &id), RELAY_NONE);
}

/* RFC 2782: "The probability of each record being selected is proportional to its weight". */
static void weights_share_the_load_of_one_priority(void **state)
{
    const struct relay_target t[] = {target("a", 1, 10), target("b", 1, 30), target("c", 1, 0)};
    unsigned hits[3] = {0};
    struct relay_policy p;
    (void)state;

    with(&p, t, 3);
    for (int i = 0; i < 40000; i++) {
        unsigned id = 9;

        assert_int_equal(pick(&p, 0, 0, &id), RELAY_PICKED);
        hits[id]++;
        relay_policy_release(&p, 0, id);
    }
    assert_in_range(hits[0], 9400, 10600); /* of 10000; six times the standard deviation */
    assert_in_range(hits[1], 29400, 30600);
    assert_in_range(hits[2], 0, 20);
}

static void a_busy_host_is_waited_for_not_passed_over(void **state)
{
    const struct relay_target t[] = {target("a", 1, 0), target("b", 2, 0)};
    struct relay_policy p;
    unsigned id;
    (void)state;

    with(&p, t, 2);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pick(&p, 0, 0, &id), RELAY_PICKED);
        assert_int_equal(id, 0);
    }
    assert_int_equal(pick(&p, 0, 0, &id), RELAY_WAIT);
    assert_int_equal(pick(&p, 1, 0, &id), RELAY_PICKED); /* who was there already goes on */
    assert_int_equal(id, 1);
    relay_policy_release(&p, 0, 0);
    assert_int_equal(pick(&p, 0, 0, &id), RELAY_PICKED);
    assert_int_equal(id, 0);
}

static void each_worker_has_its_share(void **state)
{
    const struct relay_policy_conf conf = {.workers = 3, .connections = 4, .failures = 3};
    const struct relay_target t[] = {target("a", 1, 0)};
    const unsigned want[] = {2, 1, 1};
    struct relay_policy p;
    (void)state;

    with_conf(&p, &conf, t, 1);
    for (unsigned w = 0; w < 3; w++) {
        unsigned n = 0;

        while (pick_for(&p, w) == RELAY_PICKED)
            n++;
        assert_int_equal(n, want[w]);
    }
    assert_int_equal(p.upstreams[0].busy, 4);
    relay_policy_release(&p, 1, 0);
    assert_int_equal(pick_for(&p, 0), RELAY_WAIT);
    assert_int_equal(pick_for(&p, 1), RELAY_PICKED);
}

static void all_workers_together_keep_the_limit(void **state)
{
    const struct relay_policy_conf conf = {.workers = 3, .connections = 2, .failures = 3};
    const struct relay_target t[] = {target("a", 1, 0)};
    struct relay_policy p;
    (void)state;

    with_conf(&p, &conf, t, 1);
    assert_int_equal(pick_for(&p, 2), RELAY_PICKED);
    assert_int_equal(pick_for(&p, 2), RELAY_WAIT);
    assert_int_equal(pick_for(&p, 1), RELAY_PICKED);
    assert_int_equal(pick_for(&p, 0), RELAY_WAIT);
    assert_true(relay_policy_release(&p, 2, 0)); /* worker 0 may have it */
    assert_int_equal(pick_for(&p, 0), RELAY_PICKED);
    relay_policy_release(&p, 0, 0);
    assert_false(relay_policy_release(&p, 1, 0)); /* none was lacking */
}

static void who_is_wanted_may_still_be_told(void **state)
{
    const struct relay_target t[] = {target("a", 1, 0)};
    struct relay_policy p;
    unsigned id;
    (void)state;

    with(&p, t, 0);
    assert_int_equal(pick(&p, 0, 0, &id), RELAY_NONE);
    p.undecided = true;
    assert_int_equal(pick(&p, 0, 0, &id), RELAY_WAIT);
}

static void three_failures_in_a_row_open_the_breaker(void **state)
{
    const struct relay_target t[] = {target("a", 1, 0), target("b", 2, 0)};
    struct relay_policy p;
    unsigned id;
    (void)state;

    with(&p, t, 2);
    fail_times(&p, 0, 2, 100);
    relay_policy_answered(&p, 0, false); /* not in a row */
    fail_times(&p, 0, 2, 100);
    assert_int_equal(pick(&p, 0, 100, &id), RELAY_PICKED);
    assert_int_equal(id, 0);
    fail_times(&p, 0, 1, 100);
    assert_string_equal(relay_upstream_state(&p.upstreams[0], 100), "down");
    assert_string_equal(p.upstreams[0].why, "reset");
    assert_int_equal(pick(&p, 0, 1099, &id), RELAY_PICKED);
    assert_int_equal(id, 1);
}

static void one_request_tries_again_and_the_others_wait_for_it(void **state)
{
    const struct relay_target t[] = {target("a", 1, 0)};
    struct relay_policy p;
    unsigned id;
    (void)state;

    with(&p, t, 1);
    fail_times(&p, 0, 3, 0);
    assert_int_equal(pick(&p, 0, 999, &id), RELAY_NONE);
    assert_int_equal(pick(&p, 0, 1000, &id), RELAY_PICKED);
    assert_int_equal(pick(&p, 0, 1000, &id), RELAY_WAIT);
    relay_policy_failed(&p, 0, 1500, "reset"); /* the pause doubles */
    relay_policy_release(&p, 0, 0);
    assert_int_equal(pick(&p, 0, 3499, &id), RELAY_NONE);
    assert_int_equal(pick(&p, 0, 3500, &id), RELAY_PICKED);
    relay_policy_failed(&p, 0, 4000, "reset");
    relay_policy_release(&p, 0, 0);
    assert_int_equal(p.upstreams[0].open_until, 8000);
    assert_int_equal(pick(&p, 0, 8000, &id), RELAY_PICKED);
    relay_policy_failed(&p, 0, 8000, "reset"); /* up to the longest */
    relay_policy_release(&p, 0, 0);
    assert_int_equal(p.upstreams[0].open_until, 13000);
    assert_int_equal(pick(&p, 0, 13000, &id), RELAY_PICKED);
    relay_policy_answered(&p, 0, true); /* a fault is an answer */
    relay_policy_release(&p, 0, 0);
    assert_int_equal(pick(&p, 0, 13000, &id), RELAY_PICKED);
    assert_int_equal(pick(&p, 0, 13000, &id), RELAY_PICKED);
    fail_times(&p, 0, 3, 13000); /* and begins with the shortest again */
    assert_int_equal(p.upstreams[0].open_until, 14000);
}

static void a_trial_that_tells_nothing_leaves_it_open(void **state)
{
    const struct relay_target t[] = {target("a", 1, 0)};
    struct relay_policy p;
    unsigned id;
    (void)state;

    with(&p, t, 1);
    fail_times(&p, 0, 3, 0);
    assert_int_equal(pick(&p, 0, 1000, &id), RELAY_PICKED);
    assert_true(relay_policy_release(&p, 0, 0)); /* others may try */
    assert_int_equal(pick(&p, 0, 1000, &id), RELAY_PICKED);
}

static void a_health_check_opens_at_once_and_lets_one_try(void **state)
{
    const struct relay_target t[] = {target("a", 1, 0)};
    struct relay_policy p;
    unsigned id;
    (void)state;

    with(&p, t, 1);
    assert_true(relay_policy_checked(&p, 0, 10, NULL));
    assert_false(relay_policy_checked(&p, 0, 20, NULL));
    assert_true(relay_policy_checked(&p, 0, 30, "refused"));
    assert_false(relay_policy_checked(&p, 0, 40, "refused"));
    assert_int_equal(pick(&p, 0, 50, &id), RELAY_NONE);
    assert_true(relay_policy_checked(&p, 0, 60, NULL));
    assert_int_equal(pick(&p, 0, 60, &id), RELAY_PICKED);
    assert_int_equal(pick(&p, 0, 60, &id), RELAY_WAIT);
    relay_policy_answered(&p, 0, false);
    assert_int_equal(pick(&p, 0, 60, &id), RELAY_PICKED);
    assert_string_equal(p.upstreams[0].why, "");
}

static void who_has_no_address_yet_is_waited_for_and_we_are_never_asked(void **state)
{
    const struct relay_target t[] = {target("a", 1, 0), target("b", 1, 0)};
    struct relay_policy p;
    unsigned id;
    (void)state;

    with(&p, t, 2);
    relay_policy_reach(&p, 0, RELAY_OURSELVES);
    relay_policy_reach(&p, 1, RELAY_UNRESOLVED);
    assert_int_equal(pick(&p, 0, 0, &id), RELAY_WAIT);
    relay_policy_reach(&p, 1, RELAY_NO_ADDRESS);
    assert_int_equal(pick(&p, 0, 0, &id), RELAY_NONE);
    assert_string_equal(relay_upstream_state(&p.upstreams[0], 0), "ourselves");
    assert_string_equal(relay_upstream_state(&p.upstreams[1], 0), "no-address");
}

static void a_new_list_keeps_what_is_known_of_those_who_stay(void **state)
{
    const struct relay_target t[] = {target("a", 1, 0), target("b", 2, 0)};
    const struct relay_target next[] = {target("c", 0, 0), target("A", 5, 7)};
    struct relay_policy p;
    uint32_t serial;
    unsigned id;
    (void)state;

    with(&p, t, 2);
    assert_int_equal(pick(&p, 1, 0, &id), RELAY_PICKED); /* b has a request under way */
    fail_times(&p, 0, 3, 0);
    assert_int_equal(relay_policy_want(&p, next, 2), 0);
    assert_int_equal(relay_policy_find(&p, &t[0]), 0);
    assert_int_equal(p.upstreams[0].target.priority, 5);
    assert_string_equal(relay_upstream_state(&p.upstreams[0], 0), "down");
    assert_int_equal(relay_policy_find(&p, &t[1]), -1);
    assert_int_equal(relay_policy_find(&p, &next[0]), 2); /* b's id is not free */
    serial = p.upstreams[1].serial;
    relay_policy_release(&p, 0, 1);
    assert_int_equal(relay_policy_want(&p, t, 2), 0);
    assert_int_equal(relay_policy_find(&p, &t[1]), 1);
    assert_int_equal(p.upstreams[1].serial, serial); /* the same one came back */
    assert_int_equal(relay_policy_want(&p, next, 1), 0);
    assert_int_equal(relay_policy_want(&p, &(struct relay_target){.host = "d", .port = 9}, 1), 0);
    assert_int_not_equal(p.upstreams[0].serial, 1);
}

static void no_more_are_known_than_there_are_ids(void **state)
{
    struct relay_target t[RELAY_TARGETS_MAX];
    const struct relay_target other = target("other", 0, 0);
    struct relay_policy p;
    unsigned id;
    (void)state;

    for (int i = 0; i < RELAY_TARGETS_MAX; i++) {
        t[i] = target("a", 0, 0);
        t[i].port = (uint16_t)(1000 + i);
    }
    with(&p, t, RELAY_TARGETS_MAX);
    for (unsigned i = 0; i < RELAY_TARGETS_MAX; i++)
        assert_int_equal(pick(&p, ~(1u << i), 0, &id), RELAY_PICKED);
    assert_int_equal(relay_policy_want(&p, &other, 1), 1);
    relay_policy_release(&p, 0, 5);
    assert_int_equal(relay_policy_want(&p, &other, 1), 0);
    assert_int_equal(relay_policy_find(&p, &other), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_priority_serves_until_it_was_tried),
        cmocka_unit_test(weights_share_the_load_of_one_priority),
        cmocka_unit_test(a_busy_host_is_waited_for_not_passed_over),
        cmocka_unit_test(each_worker_has_its_share),
        cmocka_unit_test(all_workers_together_keep_the_limit),
        cmocka_unit_test(who_is_wanted_may_still_be_told),
        cmocka_unit_test(three_failures_in_a_row_open_the_breaker),
        cmocka_unit_test(one_request_tries_again_and_the_others_wait_for_it),
        cmocka_unit_test(a_trial_that_tells_nothing_leaves_it_open),
        cmocka_unit_test(a_health_check_opens_at_once_and_lets_one_try),
        cmocka_unit_test(who_has_no_address_yet_is_waited_for_and_we_are_never_asked),
        cmocka_unit_test(a_new_list_keeps_what_is_known_of_those_who_stay),
        cmocka_unit_test(no_more_are_known_than_there_are_ids),
    };

    rng_seeded_init(&seeded, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
