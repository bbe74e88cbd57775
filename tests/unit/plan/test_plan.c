#include "plan/plan.h"

#include <stdio.h>

#include "with_catalog.h"

/* A Server 2022 host with the keys for its Windows and for Office. */
static struct plan_input site(struct catalog *cat)
{
    return (struct plan_input){
        .system = "Windows Server 2022",
        .groups = {catalog_group(cat, "Volume License for Windows Server 2022"),
                   catalog_group(cat, "Office LTSC 2024 KMS host key")},
        .group_count = 2,
    };
}

static void add(struct catalog *cat, struct plan_input *in, const char *product,
                const char *edition, uint32_t count)
{
    in->clients[in->client_count++] =
        (struct plan_clients){catalog_product(cat, product, edition), count};
    assert_non_null(in->clients[in->client_count - 1].product);
}

/* Thresholds: 25, 5 and 5; servers count for the clients, Office apart (Volume Activation 2.0
 * Operations Guide). */
static void the_count_decides_when_all_else_fits(void **state)
{
    static const struct {
        uint32_t clients, servers, office;
        uint32_t clients_miss, servers_miss, office_miss;
    } table[] = {
        {24, 0, 0, 1, 0, 0}, {25, 0, 0, 0, 0, 0}, {21, 4, 0, 0, 0, 0},  {20, 4, 0, 1, 0, 0},
        {0, 4, 0, 0, 1, 0},  {0, 5, 0, 0, 0, 0},  {1, 4, 0, 20, 0, 0},  {1, 3, 0, 21, 1, 0},
        {0, 0, 4, 0, 0, 1},  {0, 0, 5, 0, 0, 0},  {4, 0, 20, 21, 0, 0}, {0, 1, 25, 0, 4, 0},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const uint32_t counts[] = {table[i].clients, table[i].servers, table[i].office};
        const uint32_t misses[] = {table[i].clients_miss, table[i].servers_miss,
                                   table[i].office_miss};
        struct plan_input in = site(*state);
        struct plan p;

        add(*state, &in, "Windows 11", "Enterprise", counts[0]);
        add(*state, &in, "Windows Server 2022", "Standard", counts[1]);
        add(*state, &in, "Office LTSC 2024", "ProPlus", counts[2]);
        plan_make(*state, &in, &p);
        for (size_t k = 0; k < 3; k++) {
            if (p.rows[k].missing != misses[k] ||
                (p.rows[k].verdict == PLAN_COUNT) != (misses[k] != 0))
                fail_msg("row %zu, kind %zu: misses %u", i, k, p.rows[k].missing);
        }
        assert_int_equal(p.windows_count, counts[0] + counts[1]);
        assert_int_equal(p.office_count, counts[2]);
    }
}

static void who_is_refused_is_not_counted(void **state)
{
    struct plan_input in = site(*state);
    struct plan p;

    in.groups[0] = catalog_group(*state, "Volume License for Windows Server 2019");
    in.system = "Windows Server 2019";
    add(*state, &in, "Windows 11", "Enterprise", 20);
    add(*state, &in, "Windows 10", "Enterprise", 20);
    plan_make(*state, &in, &p);
    assert_int_equal(p.rows[0].verdict, PLAN_NO_GROUP);
    assert_true(p.rows[0].suggest_fits); /* a newer key would run on this host */
    assert_int_equal(p.rows[1].verdict, PLAN_COUNT);
    assert_int_equal(p.rows[1].missing, 5);
    assert_int_equal(p.windows_count, 20);
}

static void members_leave_the_count_and_old_clients_stay(void **state)
{
    struct plan_input in = site(*state);
    struct plan p;

    add(*state, &in, "Windows 11", "Enterprise", 30);
    add(*state, &in, "Windows 7", "Enterprise", 10);
    in.members = 40;
    plan_make(*state, &in, &p);
    assert_int_equal(p.rows[0].by_directory, 30);
    assert_int_equal(p.rows[0].verdict, PLAN_ACTIVATED);
    assert_int_equal(p.rows[1].by_directory, 0); /* Windows 7 asks KMS whatever it is member of */
    assert_int_equal(p.rows[1].verdict, PLAN_COUNT);
    assert_int_equal(p.rows[1].missing, 15);
    assert_false(p.activates);
    in.members = 20; /* spread evenly: 15 and 5 */
    plan_make(*state, &in, &p);
    assert_int_equal(p.rows[0].by_directory, 15);
    assert_int_equal(p.windows_count, 25);
    assert_true(p.activates);
}

static void the_directory_needs_a_key_of_the_group_but_no_host(void **state)
{
    struct plan_input in = site(*state);
    struct plan p;

    in.system = "Windows Server 2012 R2"; /* no host for a Server 2022 key */
    add(*state, &in, "Windows 11", "Enterprise", 10);
    in.members = 10;
    plan_make(*state, &in, &p);
    assert_true(p.activates);
    in.group_count = 0;
    plan_make(*state, &in, &p);
    assert_int_equal(p.rows[0].by_directory, 0);
    assert_int_equal(p.rows[0].verdict, PLAN_NO_GROUP);
    assert_false(p.rows[0].suggest_fits);
}

static void two_hosts_are_advised_from_fifty_on(void **state)
{
    struct plan_input in = site(*state);
    struct plan p;

    add(*state, &in, "Windows 11", "Enterprise", 49);
    plan_make(*state, &in, &p);
    assert_false(p.two_hosts);
    in.clients[0].count = 50;
    plan_make(*state, &in, &p);
    assert_true(p.two_hosts);
    in.members = 1;
    plan_make(*state, &in, &p);
    assert_false(p.two_hosts);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_count_decides_when_all_else_fits),
        cmocka_unit_test(who_is_refused_is_not_counted),
        cmocka_unit_test(members_leave_the_count_and_old_clients_stay),
        cmocka_unit_test(the_directory_needs_a_key_of_the_group_but_no_host),
        cmocka_unit_test(two_hosts_are_advised_from_fifty_on),
    };

    return cmocka_run_group_tests_name("plan", tests, load, unload);
}
