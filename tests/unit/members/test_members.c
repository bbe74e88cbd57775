#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "members/members.h"

#define MAX_STALE (7 * CLK_DAY)

static struct members *with_accounts(int64_t synced_at)
{
    struct members *m = members_new(MAX_STALE);
    struct roster *r = roster_new();
    const struct member all[] = {
        {.id = {{1}},
         .name = "PC01",
         .dns_name = "pc01.lab.example",
         .dn = "CN=PC01",
         .enabled = true},
        {.id = {{2}}, .name = "PC02", .dns_name = "both.lab.example", .dn = "CN=PC02"},
        {.id = {{3}},
         .name = "PC03",
         .dns_name = "both.lab.example",
         .dn = "CN=PC03",
         .enabled = true},
    };

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(roster_set(r, &all[i], NULL), ERR_OK);
    members_publish(m, r, synced_at);
    roster_unref(r);
    return m;
}

static void judged(struct members *m, const char *name, int64_t now, enum member_verdict expect,
                   const char *why)
{
    struct member_answer a;
    char text[MEMBER_WHY_MAX];

    members_judge(m, strchr(name, '.') != NULL ? MEMBER_BY_DNS : MEMBER_BY_NAME, name, 0, now, &a);
    assert_string_equal(member_verdict_name(a.verdict), member_verdict_name(expect));
    assert_contains(members_why(m, &a, now, text), why);
}

static void verdicts_follow_the_account(void **state)
{
    struct members *m = with_accounts(1000);

    (void)state;
    judged(m, "pc01$", 1060, MEMBER_YES, "is enabled (read 1 min ago)");
    judged(m, "PC02", 1060, MEMBER_DISABLED, "is disabled");
    judged(m, "PC09", 1060, MEMBER_UNKNOWN, "no computer account");
    judged(m, "both.lab.example", 1060, MEMBER_UNKNOWN, "2 computer accounts share");
    members_free(m);
}

static void before_the_first_reading_everything_is_stale(void **state)
{
    struct members *m = members_new(MAX_STALE);

    (void)state;
    judged(m, "PC01", 5, MEMBER_STALE, "has not been read yet");
    members_free(m);
}

static void verdicts_hold_up_to_max_stale_and_not_a_second_longer(void **state)
{
    struct members *m = with_accounts(1000);
    const struct roster *r;

    (void)state;
    judged(m, "PC01", 1000 + MAX_STALE, MEMBER_YES, "7 d");
    judged(m, "PC01", 1000 + MAX_STALE + 1, MEMBER_STALE, "longer than max_stale 7 d");
    judged(m, "PC02", 1000 + MAX_STALE + 1, MEMBER_STALE, "longer");
    judged(m, "PC09", 1000 + MAX_STALE + 1, MEMBER_STALE, "longer");
    r = members_roster(m, NULL);
    members_publish(m, r, 1001);
    roster_unref(r);
    judged(m, "PC01", 1000 + MAX_STALE + 1, MEMBER_YES, "enabled");
    members_free(m);
}

struct race {
    struct members *m;
    _Atomic bool stop;
};

static void *ask(void *arg)
{
    struct race *race = arg;
    unsigned long wrong = 0;

    while (!race->stop) {
        struct member_answer a;

        members_judge(race->m, MEMBER_BY_NAME, "PC01", 0, 1001, &a);
        wrong += a.verdict != MEMBER_YES;
    }
    return (void *)wrong;
}

static void reader_sees_whole_rosters_while_others_publish(void **state)
{
    struct race race = {.m = with_accounts(1000)};
    pthread_t reader;
    void *wrong;

    (void)state;
    assert_int_equal(pthread_create(&reader, NULL, ask, &race), 0);
    for (int i = 0; i < 2000; i++) {
        const struct roster *old = members_roster(race.m, NULL);
        struct roster *next = roster_copy(old);

        members_publish(race.m, next, 1000);
        roster_unref(next);
        roster_unref(old);
    }
    race.stop = true;
    pthread_join(reader, &wrong);
    assert_null(wrong);
    members_free(race.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_follow_the_account),
        cmocka_unit_test(before_the_first_reading_everything_is_stale),
        cmocka_unit_test(verdicts_hold_up_to_max_stale_and_not_a_second_longer),
        cmocka_unit_test(reader_sees_whole_rosters_while_others_publish),
    };

    return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}
