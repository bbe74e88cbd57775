#include "kms/count.h"

#include <string.h>

#include "base/clk.h"
#include "samples.h"

#define START SAMPLE_NOW

static const struct guid windows = {{0x57}}, office = {{0x4f}};

static int make_count(void **state)
{
    *state = kms_count_new();
    return *state == NULL;
}

static int drop_count(void **state)
{
    kms_count_free(*state);
    return 0;
}

static struct guid client(unsigned number)
{
    struct guid g = {{0}};

    memcpy(g.b, &number, sizeof(number));
    return g;
}

/* Touches and returns the count, which looking then tells too. */
static uint32_t touch(struct kms_count *c, const struct guid *application, unsigned number,
                      uint32_t n_policy, int64_t now)
{
    struct guid id = client(number);
    uint32_t got = 0;

    assert_int_equal(kms_count_touch(c, application, &id, n_policy, now, &got), ERR_OK);
    assert_int_equal(kms_count_get(c, application, now), got);
    return got;
}

static void the_asker_is_included(void **state)
{
    assert_int_equal(touch(*state, &windows, 1, 25, START), 1);
    assert_int_equal(touch(*state, &windows, 2, 25, START), 2);
}

static void a_renewal_does_not_count_twice(void **state)
{
    touch(*state, &windows, 1, 25, START);
    assert_int_equal(touch(*state, &windows, 1, 25, START + 60), 1);
}

static void an_application_that_never_asked_has_neither_count_nor_room(void **state)
{
    assert_int_equal(kms_count_get(*state, &windows, START), 0);
    assert_int_equal(kms_count_capacity(*state, &windows), 0);
}

static void applications_are_counted_apart(void **state)
{
    for (unsigned i = 0; i < 7; i++)
        touch(*state, &windows, i, 25, START);
    assert_int_equal(touch(*state, &office, 0, 5, START), 1);
    assert_int_equal(kms_count_get(*state, &windows, START), 7);
    assert_int_equal(kms_count_capacity(*state, &windows), 50);
    assert_int_equal(kms_count_capacity(*state, &office), 10);
}

/* First N-policies, then the room after each (facts: twice the highest, 25 at most). */
static const struct {
    uint32_t asked[4];
    uint32_t room[4];
} rooms[] = {
    {{5, 5, 5, 5}, {10, 10, 10, 10}},    {{25, 5, 5, 5}, {50, 50, 50, 50}},
    {{5, 25, 5, 0}, {10, 50, 50, 50}},   {{0, 1, 4, 5}, {10, 10, 10, 10}},
    {{6, 10, 24, 25}, {12, 20, 48, 50}}, {{26, 100, 1000, 0xffffffff}, {50, 50, 50, 50}},
    {{24, 6, 5, 7}, {48, 48, 48, 48}},
};

static void room_is_twice_the_highest_npolicy_from_10_to_50_and_never_shrinks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        struct kms_count *c = kms_count_new();

        for (size_t j = 0; j < 4; j++) {
            touch(c, &windows, 1, rooms[i].asked[j], START);
            assert_int_equal(kms_count_capacity(c, &windows), rooms[i].room[j]);
        }
        kms_count_free(c);
    }
}

static void servers_alone_stop_at_10(void **state)
{
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(touch(*state, &windows, i, 5, START + i), i < 10 ? i + 1 : 10);
}

static void clients_stop_at_50(void **state)
{
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(touch(*state, &windows, i, 25, START + i), i < 50 ? i + 1 : 50);
}

/* 24 servers fill 10 places; the first client OS sees those 10 and itself. */
static void a_client_os_widens_the_room_but_brings_nobody_back(void **state)
{
    for (unsigned i = 0; i < 24; i++)
        touch(*state, &windows, i, 5, START);
    assert_int_equal(touch(*state, &windows, 100, 25, START), 11);
    for (unsigned i = 24; i < 38; i++)
        touch(*state, &windows, i, 5, START);
    assert_int_equal(kms_count_get(*state, &windows, START), 25);
}

static void exactly_30_days_later_a_client_still_counts(void **state)
{
    touch(*state, &windows, 1, 25, START);
    assert_int_equal(kms_count_get(*state, &windows, START + 30 * CLK_DAY), 1);
    assert_int_equal(touch(*state, &windows, 2, 25, START + 30 * CLK_DAY), 2);
}

static void one_second_more_and_it_does_not(void **state)
{
    touch(*state, &windows, 1, 25, START);
    assert_int_equal(kms_count_get(*state, &windows, START + 30 * CLK_DAY + 1), 0);
    assert_int_equal(touch(*state, &windows, 2, 25, START + 30 * CLK_DAY + 1), 1);
}

static void a_renewal_starts_the_30_days_anew(void **state)
{
    touch(*state, &windows, 1, 25, START);
    touch(*state, &windows, 2, 25, START);
    touch(*state, &windows, 1, 25, START + 7 * CLK_DAY);
    assert_int_equal(kms_count_get(*state, &windows, START + 31 * CLK_DAY), 1);
    assert_int_equal(touch(*state, &windows, 1, 25, START + 37 * CLK_DAY), 1);
}

/* Ten places; client 0 renews, so client 1 is the oldest when an eleventh comes. */
static void a_renewal_moves_to_the_newest_place(void **state)
{
    for (unsigned i = 0; i < 10; i++)
        touch(*state, &windows, i, 5, START + i);
    touch(*state, &windows, 0, 5, START + 20);
    assert_int_equal(touch(*state, &windows, 10, 5, START + 21), 10);
    /* Seen at 20 or later: clients 0 and 10. At 2: client 2, so client 1 is the one that went. */
    assert_int_equal(kms_count_get(*state, &windows, START + 20 + 30 * CLK_DAY), 2);
    assert_int_equal(kms_count_get(*state, &windows, START + 2 + 30 * CLK_DAY), 10);
}

static void sixty_clients_are_gone_after_31_silent_days_but_the_room_stays(void **state)
{
    for (unsigned i = 0; i < 60; i++)
        touch(*state, &windows, i, 25, START + i);
    assert_int_equal(kms_count_get(*state, &windows, START + 31 * CLK_DAY), 0);
    assert_int_equal(touch(*state, &windows, 1, 5, START + 31 * CLK_DAY), 1);
    assert_int_equal(kms_count_capacity(*state, &windows), 50);
}

static void time_that_goes_back_is_taken_as_the_newest(void **state)
{
    touch(*state, &windows, 1, 25, START);
    assert_int_equal(touch(*state, &windows, 2, 25, START - 10 * CLK_DAY), 2);
    assert_int_equal(kms_count_get(*state, &windows, START - 90 * CLK_DAY), 2);
    assert_int_equal(kms_count_get(*state, &windows, START + 30 * CLK_DAY), 2);
    assert_int_equal(kms_count_get(*state, &windows, START + 30 * CLK_DAY + 1), 0);
}

static void the_ends_of_time_do_not_overflow(void **state)
{
    touch(*state, &windows, 1, 25, INT64_MIN);
    assert_int_equal(touch(*state, &windows, 2, 25, INT64_MAX), 1);
}

static void a_65th_application_is_refused_and_changes_nothing(void **state)
{
    struct guid id = client(1), app;
    uint32_t count = 77;

    for (unsigned i = 0; i < 64; i++) {
        app = client(1000 + i);
        assert_int_equal(touch(*state, &app, 1, 25, START), 1);
    }
    app = client(5000);
    assert_int_equal(kms_count_touch(*state, &app, &id, 25, START, &count), ERR_LIMIT);
    assert_int_equal(kms_count_get(*state, &app, START), 0);
    app = client(1063);
    assert_int_equal(touch(*state, &app, 2, 25, START), 2);
}

static void clear_forgets_everything(void **state)
{
    touch(*state, &windows, 1, 25, START);
    kms_count_clear(*state);
    assert_int_equal(kms_count_get(*state, &windows, START), 0);
    assert_int_equal(kms_count_capacity(*state, &windows), 0);
    assert_int_equal(touch(*state, &windows, 2, 5, START - CLK_DAY), 1);
}

/* The rules once more, told another way: a log of all asks, of which the count is the number of
 * distinct clients among the newest, as far as they fit. */
#define ASKS 600

struct ask {
    unsigned client;
    int64_t when;
};

static uint32_t count_by_log(const struct ask *log, size_t n, uint32_t room, int64_t now)
{
    uint32_t count = 0;

    for (size_t i = n; i-- > 0 && count < room;) {
        bool newer = false;

        if (now - log[i].when > 30 * CLK_DAY)
            break;
        for (size_t j = i + 1; j < n; j++)
            newer = newer || log[j].client == log[i].client;
        count += newer ? 0 : 1;
    }
    return count;
}

static void the_count_is_that_of_the_whole_log(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    struct ask log[ASKS];
    int64_t now = START;

    for (size_t i = 0; i < ASKS; i++) {
        now += (int64_t)rng_below(&rng, i % 100 == 99 ? 40 * CLK_DAY : CLK_DAY);
        log[i] = (struct ask){(unsigned)rng_below(&rng, 80), now};
        assert_int_equal(touch(*state, &windows, log[i].client, 25, now),
                         count_by_log(log, i + 1, 50, now));
    }
}

/* ---- keeping it elsewhere ---- */

struct kept {
    struct kms_count_application apps[8];
    struct kms_count_client clients[8][50];
    size_t n;
};

static enum err keep(void *arg, const struct kms_count_application *a)
{
    struct kept *k = arg;

    assert_true(k->n < 8 && a->n <= 50);
    k->apps[k->n] = *a;
    memcpy(k->clients[k->n], a->clients, a->n * sizeof(a->clients[0]));
    k->apps[k->n].clients = k->clients[k->n];
    k->n++;
    return ERR_OK;
}

static struct kms_count *count_from(const struct kept *k)
{
    struct kms_count *c = kms_count_new();

    assert_non_null(c);
    for (size_t i = 0; i < k->n; i++)
        assert_int_equal(kms_count_import(c, &k->apps[i]), ERR_OK);
    return c;
}

static void assert_same(struct kms_count *a, struct kms_count *b)
{
    struct kept x = {0}, y = {0};

    assert_int_equal(kms_count_export(a, keep, &x), ERR_OK);
    assert_int_equal(kms_count_export(b, keep, &y), ERR_OK);
    assert_int_equal(x.n, y.n);
    for (size_t i = 0; i < x.n; i++) {
        assert_true(guid_equal(&x.apps[i].id, &y.apps[i].id));
        assert_int_equal(x.apps[i].room, y.apps[i].room);
        assert_true(x.apps[i].newest == y.apps[i].newest);
        assert_int_equal(x.apps[i].n, y.apps[i].n);
        for (size_t j = 0; j < x.apps[i].n; j++) {
            assert_true(guid_equal(&x.clients[i][j].id, &y.clients[i][j].id));
            assert_true(x.clients[i][j].seen == y.clients[i][j].seen);
        }
    }
}

/* Another count goes on from where the first was exported, at any point of any history: from then
 * on both tell everybody the same. */
static void a_count_that_was_kept_goes_on_like_one_that_saw_it_all(void **state)
{
    static const uint32_t policies[] = {0, 5, 12, 25, 1000};
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);

    (void)state;
    for (int history = 0; history < 60; history++) {
        struct kms_count *all = kms_count_new(), *tail = NULL;
        size_t cut = (size_t)rng_below(&rng, ASKS);
        int64_t now = START;

        for (size_t i = 0; i < ASKS; i++) {
            struct guid app = client(1000 + (unsigned)rng_below(&rng, 4));
            unsigned who = (unsigned)rng_below(&rng, 120);
            uint32_t policy = policies[rng_below(&rng, i < 300 ? 3 : 5)];

            if (i == cut) {
                struct kept k = {0};

                assert_int_equal(kms_count_export(all, keep, &k), ERR_OK);
                tail = count_from(&k);
            }
            now += (int64_t)rng_below(&rng, i % 200 == 199 ? 40 * CLK_DAY : CLK_HOUR);
            now -= i % 50 == 7 ? CLK_DAY : 0; /* the clock was set back */
            if (tail != NULL)
                assert_int_equal(touch(tail, &app, who, policy, now),
                                 touch(all, &app, who, policy, now));
            else
                touch(all, &app, who, policy, now);
        }
        assert_same(all, tail);
        kms_count_free(all);
        kms_count_free(tail);
    }
}

static void what_no_count_can_be_is_not_taken(void **state)
{
    struct kms_count_client clients[] = {{client(1), START}, {client(2), START + 5}};
    const struct kms_count_application good = {
        .id = windows, .room = 50, .newest = START + 9, .clients = clients, .n = 2};
    struct kms_count_application a[6];

    for (size_t i = 0; i < 6; i++)
        a[i] = good;
    a[0].room = 8;
    a[1].room = 52;
    a[2].room = 11;
    a[3].newest = START + 4;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(kms_count_import(*state, &a[i]), ERR_MALFORMED);
    clients[0].seen = START + 6; /* out of order */
    assert_int_equal(kms_count_import(*state, &a[4]), ERR_MALFORMED);
    clients[0] = (struct kms_count_client){client(2), START}; /* twice the same */
    assert_int_equal(kms_count_import(*state, &a[5]), ERR_MALFORMED);
    assert_int_equal(kms_count_capacity(*state, &windows), 0);
    clients[0] = (struct kms_count_client){client(1), START};
    assert_int_equal(kms_count_import(*state, &good), ERR_OK);
    assert_int_equal(kms_count_import(*state, &good), ERR_MALFORMED); /* it is there */
    assert_int_equal(kms_count_get(*state, &windows, START + 9), 2);
}

#define COUNT_TEST(name) cmocka_unit_test_setup_teardown(name, make_count, drop_count)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COUNT_TEST(the_asker_is_included),
        COUNT_TEST(a_renewal_does_not_count_twice),
        COUNT_TEST(an_application_that_never_asked_has_neither_count_nor_room),
        COUNT_TEST(applications_are_counted_apart),
        cmocka_unit_test(room_is_twice_the_highest_npolicy_from_10_to_50_and_never_shrinks),
        COUNT_TEST(servers_alone_stop_at_10),
        COUNT_TEST(clients_stop_at_50),
        COUNT_TEST(a_client_os_widens_the_room_but_brings_nobody_back),
        COUNT_TEST(exactly_30_days_later_a_client_still_counts),
        COUNT_TEST(one_second_more_and_it_does_not),
        COUNT_TEST(a_renewal_starts_the_30_days_anew),
        COUNT_TEST(a_renewal_moves_to_the_newest_place),
        COUNT_TEST(sixty_clients_are_gone_after_31_silent_days_but_the_room_stays),
        COUNT_TEST(time_that_goes_back_is_taken_as_the_newest),
        COUNT_TEST(the_ends_of_time_do_not_overflow),
        COUNT_TEST(a_65th_application_is_refused_and_changes_nothing),
        COUNT_TEST(clear_forgets_everything),
        COUNT_TEST(the_count_is_that_of_the_whole_log),
        cmocka_unit_test(a_count_that_was_kept_goes_on_like_one_that_saw_it_all),
        COUNT_TEST(what_no_count_can_be_is_not_taken),
    };

    return cmocka_run_group_tests_name("kms_count", tests, NULL, NULL);
}
