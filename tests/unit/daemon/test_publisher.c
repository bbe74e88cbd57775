/* When the publisher has the steward do which round, with the test in the steward's place. */
#include "support.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/publisher.h"
#include "jobs/job.h"
#include "publish/kept.h"

#define DEADLINE_TURNS 3000 /* of 10 ms */

struct world {
    struct daemon d; /* what the publisher and its commands use of it */
    char folder[256];
    char *domains[1];
    enum publish_relay relay;
    int control; /* the steward's end */
    int job;     /* of the round that is under way */
    struct log_dest dest;
    char log[4096];
};

static enum publish_relay relay_of(void *arg)
{
    const struct world *w = arg;

    return w->relay;
}

static void take_line(void *arg, enum log_level level, const char *prefix, const char *text)
{
    struct world *w = arg;
    size_t len = strlen(w->log);

    (void)level;
    (void)prefix;
    snprintf(w->log + len, sizeof(w->log) - len, "%s\n", text);
}

/* What was published in domain, before this daemon began; NULL: nothing. */
static void remember(struct world *w, const char *domain)
{
    const struct publish_record r = {.port = 1688, .host = "kms.lab.example"};
    struct publish_kept k = {0};
    struct errinfo ei = {0};

    if (domain != NULL)
        assert_ok(publish_kept_add(&k, domain, &r, &ei), &ei);
    assert_ok(publish_kept_open(w->folder, &ei), &ei);
    assert_ok(publish_kept_save(w->folder, &k, &ei), &ei);
    publish_kept_fini(&k);
}

static struct world *open_world(bool publish, const char *domain, enum publish_relay relay)
{
    struct world *w = calloc(1, sizeof(*w));
    static char forest[] = "lab.example";
    struct publisher_conf conf;
    struct errinfo ei = {0};
    int pair[2];

    assert_non_null(w);
    test_folder(w->folder);
    assert_int_equal(uv_loop_init(&w->d.loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    w->control = pair[1];
    w->job = -1;
    w->relay = relay;
    w->dest = (struct log_dest){.fn = take_line, .arg = w, .max = LOGL_INFO};
    w->domains[0] = domain != NULL ? strdup(domain) : NULL;
    w->d.steward.control = pair[0];
    w->d.settings = (struct settings){.lab_forest = forest,
                                      .state_dir = w->folder,
                                      .dns_publish = publish,
                                      .dns_domains = {.n = domain != NULL, .v = w->domains},
                                      .dns_interval = CLK_DAY,
                                      .dns_retry = 0}; /* at once */
    conf = (struct publisher_conf){.loop = &w->d.loop,
                                   .settings = &w->d.settings,
                                   .steward = w->d.steward.control,
                                   .clk = clk_system(),
                                   .enabled = publish,
                                   .relay = relay_of,
                                   .arg = w,
                                   .log = {.dest = &w->dest}};
    assert_ok(publisher_new(&conf, &w->d.publisher, &ei), &ei);
    return w;
}

static void close_world(struct world *w)
{
    publisher_close(w->d.publisher);
    if (w->job >= 0)
        close(w->job);
    while (!publisher_closed(w->d.publisher))
        uv_run(&w->d.loop, UV_RUN_ONCE);
    publisher_free(w->d.publisher);
    assert_int_equal(uv_loop_close(&w->d.loop), 0);
    close(w->d.steward.control);
    close(w->control);
    test_folder_remove(w->folder);
    free(w->domains[0]);
    free(w);
}

/* ---- the steward ---- */

static bool job_waits(struct world *w, int ms)
{
    struct pollfd p = {.fd = w->control, .events = POLLIN};

    return poll(&p, 1, ms) == 1;
}

static int take_job(struct world *w)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } with = {0};
    char byte;
    struct iovec io = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = &with,
                       .msg_controllen = sizeof(with.space)};
    int fd = -1;

    assert_int_equal(recvmsg(w->control, &m, 0), 1);
    assert_non_null(CMSG_FIRSTHDR(&m));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
    return fd;
}

/* Waits for the next round; what it asks for. */
static struct job_request next_round(struct world *w)
{
    struct buf packet = BUF_INIT;
    struct job_request r;
    struct errinfo ei = {0};
    int turns = 0;

    while (!job_waits(w, 10)) {
        assert_true(turns++ < DEADLINE_TURNS);
        uv_run(&w->d.loop, UV_RUN_NOWAIT);
    }
    w->job = take_job(w);
    assert_ok(job_receive(w->job, &packet, NULL, &ei), &ei);
    assert_ok(request_read(packet.data, packet.len, &r, &ei), &ei);
    assert_int_equal(r.kind, JOB_UPDATE);
    buf_fini(&packet);
    return r;
}

static long long number(const struct world *w, const char *member)
{
    json_t *j = publisher_json(w->d.publisher);
    const json_t *value = json_object_get(j, member);
    long long n = json_is_integer(value) ? json_integer_value(value) : -1;

    json_decref(j);
    return n;
}

/* Ends the round: well, or with result of the one domain that it names. */
static void answer(struct world *w, const char *domain, enum err result)
{
    struct packet_out o = {.send = job_send, .arg = &w->job};
    struct update u = {0};
    struct errinfo ei = {0};
    long long before = number(w, "round");

    if (domain != NULL) {
        struct update_domain *d = update_add(&u, domain, false);

        d->result = result;
        if (result != ERR_OK)
            err_fail(&d->why, result, "so it is");
    }
    assert_ok(update_send(&u, &o, &ei), &ei);
    assert_ok(packet_send_end(&o, &ei), &ei);
    close(w->job);
    w->job = -1;
    while (number(w, "round") == before)
        uv_run(&w->d.loop, UV_RUN_ONCE);
    update_fini(&u);
    buf_fini(&o.buf);
}

static void expect_quiet(struct world *w)
{
    uv_run(&w->d.loop, UV_RUN_NOWAIT);
    uv_run(&w->d.loop, UV_RUN_NOWAIT);
    assert_false(job_waits(w, 0));
    assert_int_equal(number(w, "next_in"), -1);
}

static void relay_becomes(struct world *w, enum publish_relay relay)
{
    w->relay = relay;
    publisher_relay_changed(w->d.publisher);
}

static long long command(struct world *w,
                         enum err (*run)(void *, const json_t *, json_t *, struct errinfo *))
{
    json_t *reply = json_object();
    struct errinfo ei = {0};
    long long round;

    assert_ok(run(&w->d, NULL, reply, &ei), &ei);
    round = json_integer_value(json_object_get(reply, "round"));
    json_decref(reply);
    return round;
}

/* ---- where it publishes nothing by itself ---- */

static void what_may_not_be_there_goes_with_the_relay(void **state)
{
    struct world *w = open_world(false, "corp.example", PUBLISH_RELAY_UNKNOWN);

    (void)state;
    remember(w, "corp.example");
    publisher_start(w->d.publisher);
    expect_quiet(w);
    relay_becomes(w, PUBLISH_RELAY_HEALTHY);
    expect_quiet(w);
    for (unsigned last = 2; last <= 3; last++) { /* first the relay comes back in time */
        relay_becomes(w, PUBLISH_RELAY_DOWN);
        for (unsigned n = 1; n <= last; n++) {
            struct job_request r = next_round(w);

            assert_int_equal(r.what, UPDATE_RETRACT);
            assert_int_equal(r.relay, PUBLISH_RELAY_DOWN);
            assert_int_equal(r.down_rounds, n);
            if (n == last && last == 2)
                relay_becomes(w, PUBLISH_RELAY_HEALTHY);
            else if (n == last)
                remember(w, NULL);
            answer(w, "corp.example", n < 3 ? ERR_REFUSED : ERR_OK);
        }
        expect_quiet(w);
    }
    assert_contains(w->log, "not withdrawn from corp.example: so it is\n");
    assert_contains(w->log, "nothing of ours is left in corp.example\n");
    close_world(w);
}

static void without_a_relay_it_goes_at_the_start(void **state)
{
    struct world *w = open_world(false, NULL, PUBLISH_RELAY_NONE);

    (void)state;
    remember(w, "corp.example");
    publisher_start(w->d.publisher);
    assert_int_equal(next_round(w).what, UPDATE_RETRACT);
    remember(w, NULL);
    answer(w, "corp.example", ERR_OK);
    expect_quiet(w);
    close_world(w);
}

static void what_may_be_there_stays(void **state)
{
    struct world *w = open_world(false, "lab.example", PUBLISH_RELAY_NONE);

    (void)state;
    remember(w, "branch.lab.example");
    publisher_start(w->d.publisher);
    expect_quiet(w);
    close_world(w);
}

static void published_by_hand_it_goes_with_the_relay(void **state)
{
    struct world *w = open_world(false, "corp.example", PUBLISH_RELAY_HEALTHY);

    (void)state;
    publisher_start(w->d.publisher);
    assert_int_equal(command(w, publisher_publish_command), 1);
    assert_int_equal(next_round(w).what, UPDATE_PUBLISH);
    remember(w, "corp.example");
    answer(w, NULL, ERR_OK);
    expect_quiet(w);
    relay_becomes(w, PUBLISH_RELAY_DOWN);
    assert_int_equal(next_round(w).what, UPDATE_RETRACT);
    close_world(w);
}

static void turned_off_with_the_relay_down_it_goes(void **state)
{
    struct world *w = open_world(true, "corp.example", PUBLISH_RELAY_HEALTHY);

    (void)state;
    remember(w, "corp.example");
    publisher_start(w->d.publisher);
    assert_int_equal(next_round(w).what, UPDATE_PUBLISH);
    answer(w, NULL, ERR_OK);
    publisher_enable(w->d.publisher, false);
    expect_quiet(w);
    relay_becomes(w, PUBLISH_RELAY_DOWN);
    assert_int_equal(next_round(w).what, UPDATE_RETRACT);
    close_world(w);
}

/* ---- other settings ---- */

/* lab.example is not the realm's any more. */
static void forest_becomes_unset(struct world *w)
{
    w->d.settings.lab_forest = NULL;
    publisher_settings_changed(w->d.publisher);
}

static void what_may_not_be_there_any_more_goes_at_once(void **state)
{
    struct world *w = open_world(false, "lab.example", PUBLISH_RELAY_NONE);

    (void)state;
    remember(w, "lab.example");
    publisher_start(w->d.publisher);
    expect_quiet(w);
    forest_becomes_unset(w);
    assert_int_equal(next_round(w).what, UPDATE_RETRACT);
    remember(w, NULL);
    answer(w, "lab.example", ERR_OK);
    expect_quiet(w);
    close_world(w);
}

static void what_is_published_meanwhile_goes_after_it(void **state)
{
    struct world *w = open_world(false, "lab.example", PUBLISH_RELAY_NONE);

    (void)state;
    publisher_start(w->d.publisher);
    assert_int_equal(command(w, publisher_publish_command), 1);
    assert_int_equal(next_round(w).what, UPDATE_PUBLISH);
    forest_becomes_unset(w);
    remember(w, "lab.example");
    w->d.settings.dns_retry = w->d.settings.dns_interval; /* no timer brings it */
    answer(w, "lab.example", ERR_OK);
    assert_int_equal(next_round(w).what, UPDATE_RETRACT);
    close_world(w);
}

/* ---- turned off ---- */

/* Nobody takes the steward's jobs, until it is mended. */
static int break_steward(struct world *w)
{
    int kept = dup(w->d.steward.control);
    FILE *file = tmpfile();

    assert_true(kept >= 0 && file != NULL);
    assert_int_equal(dup2(fileno(file), w->d.steward.control), w->d.steward.control);
    fclose(file);
    return kept;
}

static void mend_steward(struct world *w, int kept)
{
    assert_int_equal(dup2(kept, w->d.steward.control), w->d.steward.control);
    close(kept);
}

static void a_withdrawal_that_cannot_begin_has_failed_and_is_tried_again(void **state)
{
    struct world *w = open_world(true, "lab.example", PUBLISH_RELAY_NONE);
    int kept = break_steward(w);

    (void)state;
    w->d.overrides.no_dns_publishing = true; /* already: nothing is to be kept */
    remember(w, "lab.example");
    assert_int_equal(command(w, publisher_withdraw_command), 1);
    assert_int_equal(number(w, "round"), 1);
    assert_contains(w->log, "not withdrawn from lab.example: ask the steward process: ");
    mend_steward(w, kept);
    assert_int_equal(next_round(w).what, UPDATE_WITHDRAW);
    answer(w, "lab.example", ERR_TIMEOUT);
    assert_int_equal(next_round(w).what, UPDATE_WITHDRAW);
    answer(w, "lab.example", ERR_OK);
    expect_quiet(w);
    assert_int_equal(number(w, "round"), 3);
    close_world(w);
}

static void a_look_that_cannot_begin_publishes_nothing(void **state)
{
    struct world *w = open_world(false, "lab.example", PUBLISH_RELAY_NONE);
    int kept = break_steward(w);

    (void)state;
    assert_int_equal(command(w, publisher_check_command), 1);
    assert_int_equal(number(w, "round"), 1);
    mend_steward(w, kept);
    expect_quiet(w);
    close_world(w);
}

static void what_came_due_before_it_was_turned_off_is_not_published(void **state)
{
    struct world *w = open_world(true, "corp.example", PUBLISH_RELAY_UNKNOWN);

    (void)state;
    publisher_start(w->d.publisher);
    assert_int_equal(command(w, publisher_check_command), 1);
    assert_int_equal(next_round(w).what, UPDATE_LOOK);
    relay_becomes(w, PUBLISH_RELAY_HEALTHY);
    publisher_enable(w->d.publisher, false);
    answer(w, NULL, ERR_OK);
    expect_quiet(w);
    close_world(w);
}

static void what_was_asked_for_before_it_was_turned_off_is_a_look(void **state)
{
    struct world *w = open_world(true, "lab.example", PUBLISH_RELAY_NONE);

    (void)state;
    assert_int_equal(command(w, publisher_check_command), 1);
    assert_int_equal(next_round(w).what, UPDATE_LOOK);
    assert_int_equal(command(w, publisher_publish_command), 2);
    publisher_enable(w->d.publisher, false);
    answer(w, NULL, ERR_OK);
    assert_int_equal(next_round(w).what, UPDATE_LOOK);
    answer(w, NULL, ERR_OK);
    expect_quiet(w);
    close_world(w);
}

static void news_of_the_relay_displaces_no_withdrawal(void **state)
{
    struct world *w = open_world(true, "corp.example", PUBLISH_RELAY_HEALTHY);

    (void)state;
    w->d.overrides.no_dns_publishing = true; /* as above */
    remember(w, "corp.example");
    publisher_start(w->d.publisher);
    assert_int_equal(next_round(w).what, UPDATE_PUBLISH);
    assert_int_equal(command(w, publisher_withdraw_command), 2);
    relay_becomes(w, PUBLISH_RELAY_DOWN);
    answer(w, NULL, ERR_OK);
    assert_int_equal(next_round(w).what, UPDATE_WITHDRAW);
    remember(w, NULL);
    answer(w, "corp.example", ERR_OK);
    expect_quiet(w);
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_not_be_there_goes_with_the_relay),
        cmocka_unit_test(without_a_relay_it_goes_at_the_start),
        cmocka_unit_test(what_may_be_there_stays),
        cmocka_unit_test(published_by_hand_it_goes_with_the_relay),
        cmocka_unit_test(turned_off_with_the_relay_down_it_goes),
        cmocka_unit_test(what_may_not_be_there_any_more_goes_at_once),
        cmocka_unit_test(what_is_published_meanwhile_goes_after_it),
        cmocka_unit_test(a_withdrawal_that_cannot_begin_has_failed_and_is_tried_again),
        cmocka_unit_test(a_look_that_cannot_begin_publishes_nothing),
        cmocka_unit_test(what_came_due_before_it_was_turned_off_is_not_published),
        cmocka_unit_test(what_was_asked_for_before_it_was_turned_off_is_a_look),
        cmocka_unit_test(news_of_the_relay_displaces_no_withdrawal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
