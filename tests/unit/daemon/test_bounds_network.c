/* The bounds of the network process, from inside: what is still possible once it serves. */
#include "support.h"

#include <unistd.h>

#include "bounds_world.h"
#include "daemon/bounds.h"

static struct bounds_world world;

static int set_up(void **state)
{
    (void)state;
    bounds_set_up(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bounds_tear_down(&world);
    return 0;
}

/* Of the state folder it writes the ledger, here the folder's "file", and makes nothing. */
static void what_the_network_process_may(void **state)
{
    static const char *const places[PLACES] = {
        [STATE] = "rw", [HOSTKEYS] = "r", [DNS] = "r", [RUN] = "u", [TICKETS] = "u", [CLOCK] = "r"};
    const pid_t peers[CALLS_PEERS] = {0, 0};
    struct confinement c = {0};

    (void)state;
    bounds_paths(&world.settings, &c.paths);
    bounds_calls(peers, &c.calls);
    bounds_expect(&world, &c, places, "");
}

/* Those that work for it, and nobody else. */
static void it_can_end_its_companions(void **state)
{
    const pid_t peers[CALLS_PEERS] = {0, getpid()};
    struct confinement c = {0};

    (void)state;
    bounds_paths(&world.settings, &c.paths);
    bounds_calls(peers, &c.calls);
    acts_expect_calls(&world.acts, &c, "k");
    confinement_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_network_process_may),
        cmocka_unit_test(it_can_end_its_companions),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
