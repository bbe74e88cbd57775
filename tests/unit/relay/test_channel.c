/* The asker's side of the dialler, with the test in the dialler's place. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/passfd.h"
#include "relay/channel.h"

#define MANY 4000 /* more than the socket has room for */

struct asked {
    struct channel_call call; /* first */
    bool done;
    int error, fd;
};

struct world {
    uv_loop_t loop;
    struct channel channel;
    int here, there; /* there: the dialler's end */
    struct asked asked[MANY];
    struct dialling_answer found[4];
    unsigned found_count;
};

static void on_found(void *arg, const struct dialling_answer *a)
{
    struct world *w = arg;

    assert_true(w->found_count < 4);
    w->found[w->found_count++] = *a;
}

static void on_done(struct channel_call *c, int error, int fd)
{
    struct asked *a = (struct asked *)c;

    assert_false(a->done);
    *a = (struct asked){.done = true, .error = error, .fd = fd};
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    int pair[2];

    assert_non_null(w);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    w->here = pair[0];
    w->there = pair[1];
    w->channel.on_found = on_found;
    w->channel.arg = w;
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(channel_open(&w->channel, &w->loop, w->here), 0);
    for (unsigned i = 0; i < MANY; i++)
        w->asked[i].call.done = on_done;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    channel_close(&w->channel, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    close(w->here);
    if (w->there >= 0)
        close(w->there);
    free(w);
    return 0;
}

static void turn(struct world *w)
{
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

static int ask(struct world *w, unsigned i)
{
    return channel_connect(&w->channel, &w->asked[i].call, 1000 + i, 5000);
}

/* False: nothing is there to be read. */
static bool next_request(const struct world *w, struct dialling_request *r)
{
    uint8_t record[DIALLING_MAX];
    ssize_t n = recv(w->there, record, sizeof(record), MSG_DONTWAIT);

    if (n < 0)
        return false;
    assert_int_equal(dialling_read_request(record, (size_t)n, r), ERR_OK);
    return true;
}

static void answer(const struct world *w, const struct dialling_answer *a, int fd)
{
    struct buf out = BUF_INIT;

    assert_int_equal(dialling_write_answer(a, &out), ERR_OK);
    assert_int_equal(passfd_send(w->there, out.data, out.len, fd, 0), out.len);
    buf_fini(&out);
}

static void answer_call(const struct world *w, uint32_t ticket, int error, int fd)
{
    const struct dialling_answer a = {.type = DIALLING_CONNECTED, .ticket = ticket, .error = error};

    answer(w, &a, fd);
}

static void test_answers_find_who_asked_in_any_order(void **state)
{
    struct world *w = *state;
    struct dialling_request r[3];
    int fd = open("/dev/null", O_RDONLY);

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ask(w, i), 0);
        assert_true(next_request(w, &r[i]));
        assert_int_equal(r[i].type, DIALLING_CONNECT);
        assert_int_equal(r[i].number, 1000 + i);
        assert_int_equal(r[i].limit_ms, 5000);
    }
    answer_call(w, r[2].ticket, 0, fd);
    answer_call(w, r[0].ticket, ECONNREFUSED, PASSFD_NONE);
    answer_call(w, r[1].ticket, EMFILE, PASSFD_NONE);
    close(fd);
    turn(w);
    assert_true(w->asked[0].done && w->asked[1].done && w->asked[2].done);
    assert_int_equal(w->asked[0].error, UV_ECONNREFUSED);
    assert_int_equal(w->asked[1].error, UV_EMFILE);
    assert_int_equal(w->asked[2].error, 0);
    assert_true(w->asked[2].fd >= 0);
    close(w->asked[2].fd);
}

/* Seen from the socket's other end. */
static bool is_open(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) < 0;
}

static void test_a_socket_that_nobody_waits_for_is_closed(void **state)
{
    struct world *w = *state;
    struct dialling_request r;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(ask(w, 0), 0);
    assert_true(next_request(w, &r));
    channel_forget(&w->asked[0].call);
    answer_call(w, r.ticket, 0, pair[1]);
    close(pair[1]);
    assert_true(is_open(pair[0]));
    turn(w);
    assert_false(is_open(pair[0]));
    assert_false(w->asked[0].done);
    answer_call(w, r.ticket, 0, pair[0]); /* a second answer is nobody's either */
    turn(w);
    close(pair[0]);
}

static void test_without_a_free_descriptor_it_is_our_failure(void **state)
{
    struct world *w = *state;
    struct dialling_request r;
    struct rlimit was, none;
    int next;

    assert_int_equal(ask(w, 0), 0);
    assert_true(next_request(w, &r));
    answer_call(w, r.ticket, 0, 0);
    next = dup(0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    turn(w);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_true(w->asked[0].done);
    assert_int_equal(w->asked[0].error, UV_EMFILE);
}

/* What finds no room waits for it, a look-up too; what is given up meanwhile is never sent. */
static void test_a_dialler_that_is_behind_is_asked_all_of_it_in_order(void **state)
{
    struct world *w = *state;
    struct dialling_request r;
    unsigned got = 0;
    bool looked = false;

    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(ask(w, i), 0);
    assert_false(w->asked[MANY - 2].call.sent);
    channel_forget(&w->asked[MANY - 2].call);
    assert_int_equal(channel_look(&w->channel), 0);
    assert_true(w->channel.look);
    while (got < MANY - 1 || !looked) {
        turn(w);
        while (next_request(w, &r)) {
            unsigned i = r.number - 1000;

            if (r.type == DIALLING_LOOK) {
                assert_false(looked);
                looked = true;
                continue;
            }
            assert_int_equal(i, got < MANY - 2 ? got : MANY - 1);
            got++;
            answer_call(w, r.ticket, ETIMEDOUT, PASSFD_NONE);
            turn(w);
            assert_int_equal(w->asked[i].error, UV_ETIMEDOUT);
        }
    }
    turn(w);
    assert_false(next_request(w, &r));
    assert_null(w->channel.first);
}

static void test_what_was_found_is_passed_on(void **state)
{
    struct world *w = *state;
    struct dialling_answer found = {.type = DIALLING_FOUND, .found = {.target = {.host = "kms"}}};
    struct dialling_answer looked = {.type = DIALLING_LOOKED, .records = 3};
    struct dialling_request r;

    assert_int_equal(channel_look(&w->channel), 0);
    assert_true(next_request(w, &r));
    assert_int_equal(r.type, DIALLING_LOOK);
    answer(w, &found, PASSFD_NONE);
    answer(w, &looked, PASSFD_NONE);
    turn(w);
    assert_int_equal(w->found_count, 2);
    assert_string_equal(w->found[0].found.target.host, "kms");
    assert_int_equal(w->found[1].records, 3);
}

static void end_by_closing(struct world *w)
{
    close(w->there);
    w->there = -1;
}

static void end_by_nonsense(struct world *w)
{
    assert_int_equal(send(w->there, "?", 1, 0), 1);
}

static void test_without_a_dialler_everything_fails(void **state)
{
    static void (*const ends[])(struct world * w) = {end_by_nonsense, end_by_closing};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (i > 0) {
            tear_down(state);
            set_up(state);
            w = *state;
        }
        assert_int_equal(ask(w, 0), 0);
        assert_int_equal(ask(w, 1), 0);
        ends[i](w);
        turn(w);
        assert_int_equal(w->asked[0].error, UV_ECANCELED);
        assert_int_equal(w->asked[1].error, UV_ECANCELED);
        assert_int_equal(ask(w, 2), UV_ECANCELED);
        assert_int_equal(channel_look(&w->channel), UV_ECANCELED);
        if (w->there >= 0) { /* a dialler that lives on is told */
            uint8_t record[DIALLING_MAX];

            assert_true(recv(w->there, record, sizeof(record), MSG_DONTWAIT) > 0);
            assert_true(recv(w->there, record, sizeof(record), MSG_DONTWAIT) > 0);
            assert_int_equal(recv(w->there, record, sizeof(record), MSG_DONTWAIT), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers_find_who_asked_in_any_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_socket_that_nobody_waits_for_is_closed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_free_descriptor_it_is_our_failure, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_dialler_that_is_behind_is_asked_all_of_it_in_order,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_found_is_passed_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_dialler_everything_fails, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
