/* The dialler process as a network process sees it, also one that means it ill. */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/passfd.h"
#include "relay/dialler.h"
#include "relay/dialling.h"

#define DEADLINE_MS 30000
#define CHANNELS    3

struct world {
    struct dialler dialler;
    int listening, shut;           /* shut: bound, so that nobody else listens there */
    uint16_t open_port, shut_port; /* of 127.0.0.1 */
};

/* A socket that listens, or, below 0 of backlog, is bound and does not. */
static int bound_socket(int backlog, uint16_t *port)
{
    union address a = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a.v4);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, &a.any, len), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, &a.any, &len), 0);
    *port = address_port(&a);
    return fd;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    char open_one[32], shut_one[32];
    char *upstreams[] = {open_one, shut_one};
    const struct conf_list list = {.v = upstreams, .n = 2};
    const struct dialler_conf conf = {.upstream = &list, .channels = CHANNELS};
    struct errinfo ei = {0};

    assert_non_null(w);
    w->listening = bound_socket(128, &w->open_port);
    w->shut = bound_socket(-1, &w->shut_port);
    snprintf(open_one, sizeof(open_one), "127.0.0.1:%u", w->open_port);
    snprintf(shut_one, sizeof(shut_one), "127.0.0.1:%u", w->shut_port);
    assert_ok(dialler_start(&conf, &w->dialler, &ei), &ei);
    assert_int_equal(w->dialler.n, CHANNELS);
    *state = w;
    return 0;
}

static void assert_ends_well(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* It ends by itself, and well, when its control socket is closed. */
static int tear_down(void **state)
{
    struct world *w = *state;

    close(w->dialler.control);
    assert_ends_well(w->dialler.pid);
    dialler_close_channels(&w->dialler);
    close(w->listening);
    close(w->shut);
    free(w);
    return 0;
}

static void ask(int channel, struct dialling_request r)
{
    struct buf out = BUF_INIT;

    assert_int_equal(dialling_write_request(&r, &out), ERR_OK);
    assert_int_equal(send(channel, out.data, out.len, MSG_NOSIGNAL), out.len);
    buf_fini(&out);
}

static void ask_for(int channel, uint32_t ticket, uint32_t number)
{
    ask(channel,
        (struct dialling_request){
            .type = DIALLING_CONNECT, .ticket = ticket, .number = number, .limit_ms = DEADLINE_MS});
}

/* The next answer; *fd is what came with it. False: the channel is closed. */
static bool next_answer(int channel, struct dialling_answer *a, int *fd)
{
    struct pollfd p = {.fd = channel, .events = POLLIN};
    uint8_t record[DIALLING_MAX];
    ssize_t n;

    assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
    n = passfd_receive(channel, record, sizeof(record), fd, 0);
    if (n <= 0)
        return false;
    assert_int_equal(dialling_read_answer(record, (size_t)n, a), ERR_OK);
    return true;
}

/* The numbers of both upstreams. */
static void look(int channel, const struct world *w, uint32_t *open_one, uint32_t *shut_one)
{
    struct dialling_answer a;
    int fd;

    ask(channel, (struct dialling_request){.type = DIALLING_LOOK});
    for (unsigned i = 0; i < 2; i++) {
        assert_true(next_answer(channel, &a, &fd));
        assert_int_equal(a.type, DIALLING_FOUND);
        assert_string_equal(a.found.target.host, "127.0.0.1");
        assert_int_equal(a.found.target.port, i == 0 ? w->open_port : w->shut_port);
        assert_int_equal(a.found.target.priority, i);
        assert_int_equal(a.found.n, 1);
        assert_true(a.found.at[0].local);
        assert_int_equal(address_port(&a.found.at[0].at), a.found.target.port);
        *(i == 0 ? open_one : shut_one) = a.found.at[0].number;
    }
    assert_true(next_answer(channel, &a, &fd));
    assert_int_equal(a.type, DIALLING_LOOKED);
    assert_false(a.failed);
}

static void test_it_connects_to_what_it_found(void **state)
{
    struct world *w = *state;
    uint32_t open_one, shut_one, again;
    struct dialling_answer a;
    char text[8];
    int fd, peer;

    look(w->dialler.channels[0], w, &open_one, &shut_one);
    look(w->dialler.channels[1], w, &again, &shut_one);
    assert_int_equal(open_one, again);
    ask_for(w->dialler.channels[2], 77, open_one); /* another channel than that of the look-up */
    assert_true(next_answer(w->dialler.channels[2], &a, &fd));
    assert_int_equal(a.type, DIALLING_CONNECTED);
    assert_int_equal(a.ticket, 77);
    assert_int_equal(a.error, 0);
    assert_true(fd >= 0);
    peer = accept(w->listening, NULL, NULL);
    assert_int_equal(send(fd, "hello", 5, 0), 5);
    assert_int_equal(recv(peer, text, sizeof(text), 0), 5);
    close(fd);
    assert_int_equal(recv(peer, text, sizeof(text), 0), 0); /* nobody else holds it */
    close(peer);
}

static void test_why_it_did_not_connect_is_told(void **state)
{
    struct world *w = *state;
    uint32_t open_one, shut_one;
    struct dialling_answer a;
    int fd, channel = w->dialler.channels[1];

    look(w->dialler.channels[0], w, &open_one, &shut_one);
    ask_for(channel, 1, shut_one);
    assert_true(next_answer(channel, &a, &fd));
    assert_int_equal(a.error, ECONNREFUSED);
    assert_int_equal(fd, PASSFD_NONE);
    ask_for(channel, 2, open_one + shut_one + 1);
    assert_true(next_answer(channel, &a, &fd));
    assert_int_equal(a.ticket, 2);
    assert_int_equal(a.error, ENXIO);
}

static void test_nothing_is_connected_to_before_a_look_up(void **state)
{
    struct world *w = *state;
    struct dialling_answer a;
    int fd;

    for (uint32_t number = 0; number < 64; number++) {
        ask_for(w->dialler.channels[1], number, number);
        assert_true(next_answer(w->dialler.channels[1], &a, &fd));
        assert_int_equal(a.error, ENXIO);
    }
}

/* A host that does not answer: its queue of connections is full. */
static void test_it_gives_up_after_the_limit(void **state)
{
    struct world *w = *state;
    uint32_t open_one, shut_one;
    int channel = w->dialler.channels[1], fd, late = 0;
    struct dialling_answer a;

    assert_int_equal(listen(w->listening, 0), 0);
    look(w->dialler.channels[0], w, &open_one, &shut_one);
    for (uint32_t i = 0; i < 4; i++)
        ask(channel, (struct dialling_request){.type = DIALLING_CONNECT, .number = open_one});
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(next_answer(channel, &a, &fd));
        if (fd >= 0)
            close(fd);
        assert_true(a.error == 0 || a.error == ETIMEDOUT);
        late += a.error == ETIMEDOUT;
    }
    assert_true(late > 0);
}

/* A loop whose channel is lost would reach no upstream any more, and nobody would know. */
static void test_what_is_no_request_ends_it(void **state)
{
    static const uint8_t bad[][3] = {{0}, {3, 1, 1}, {DIALLING_CONNECT, 1, 1}};
    struct world *w = *state;
    struct dialling_answer a;
    int fd;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (i > 0) {
            tear_down(state);
            set_up(state);
            w = *state;
        }
        assert_int_equal(send(w->dialler.channels[1], bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
        assert_false(next_answer(w->dialler.channels[0], &a, &fd));
    }
}

/* More requests than a channel has room for, none of whose answers is read until the last is sent
 * or the dialler reads no more: then all answers come, in order. */
static void test_an_asker_that_does_not_read_is_not_read_from(void **state)
{
    struct world *w = *state;
    int channel = w->dialler.channels[1], fd;
    uint32_t open_one, shut_one, sent = 0, got = 0;
    struct dialling_answer a;

    while (sent < 100000) {
        const struct dialling_request r = {.type = DIALLING_CONNECT, .ticket = sent};
        struct pollfd p = {.fd = channel, .events = POLLOUT};
        struct buf out = BUF_INIT;
        ssize_t n;

        assert_int_equal(dialling_write_request(&r, &out), ERR_OK);
        n = send(channel, out.data, out.len, MSG_DONTWAIT);
        buf_fini(&out);
        if (n < 0 && poll(&p, 1, 200) == 0)
            break; /* full, and it stays so */
        sent += n > 0;
    }
    assert_true(sent > 0 && sent < 100000);
    look(w->dialler.channels[0], w, &open_one, &shut_one); /* others are served */
    for (; got < sent; got++) {
        assert_true(next_answer(channel, &a, &fd));
        assert_int_equal(a.ticket, got);
    }
    ask_for(channel, sent, open_one);
    assert_true(next_answer(channel, &a, &fd));
    assert_int_equal(a.error, 0);
    close(fd);
}

static void test_signals_for_all_processes_do_not_end_it(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE};
    struct world *w = *state;
    uint32_t open_one, shut_one;

    look(w->dialler.channels[0], w, &open_one, &shut_one); /* it has begun */
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        assert_int_equal(kill(w->dialler.pid, signals[i]), 0);
    look(w->dialler.channels[0], w, &open_one, &shut_one);
}

static void test_a_channel_that_closes_ends_it(void **state)
{
    struct world *w = *state;
    uint32_t open_one, shut_one;
    struct dialling_answer a;
    int fd;

    look(w->dialler.channels[0], w, &open_one, &shut_one);
    for (uint32_t i = 0; i < 100; i++)
        ask_for(w->dialler.channels[1], i, i % 2 == 0 ? open_one : shut_one);
    close(w->dialler.channels[1]);
    w->dialler.channels[1] = w->dialler.channels[2];
    w->dialler.n = 2;
    assert_false(next_answer(w->dialler.channels[0], &a, &fd));
}

static void test_upstreams_that_are_none_are_refused(void **state)
{
    char *upstreams[] = {(char[]){"kms.example:x"}};
    const struct conf_list list = {.v = upstreams, .n = 1};
    const struct dialler_conf conf = {.upstream = &list, .channels = 1};
    struct dialler d;
    struct errinfo ei = {0};

    (void)state;
    assert_int_equal(dialler_start(&conf, &d, &ei), ERR_CONFIG);
    assert_int_equal(d.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_connects_to_what_it_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_why_it_did_not_connect_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_connected_to_before_a_look_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_it_gives_up_after_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_request_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_asker_that_does_not_read_is_not_read_from, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_signals_for_all_processes_do_not_end_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_channel_that_closes_ends_it, set_up, tear_down),
        cmocka_unit_test(test_upstreams_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
