/* The asker's side of a job, with a thread in the steward's place. */
#include "support.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/passfd.h"
#include "jobs/job.h"

/* What the other side does after it has read the request. */
struct script {
    int fd;
    const struct buf *packets;
    size_t n;
    uint8_t request[64];
    ssize_t request_len;
};

static void *play(void *arg)
{
    struct script *s = arg;

    s->request_len = recv(s->fd, s->request, sizeof(s->request), 0);
    for (size_t i = 0; i < s->n; i++)
        (void)!send(s->fd, s->packets[i].data, s->packets[i].len, MSG_NOSIGNAL);
    close(s->fd);
    return NULL;
}

static enum err add_type(void *arg, enum packet_type type, struct wire_rd *r, struct errinfo *ei)
{
    unsigned *sum = arg;

    (void)r;
    if (type == PACKET_RECORD)
        return err_fail(ei, ERR_LIMIT, "enough");
    *sum = *sum * 16 + type;
    return ERR_OK;
}

static enum err ask(const struct buf *packets, size_t n, unsigned *sum, struct errinfo *ei)
{
    const struct job_request request = {.kind = JOB_LOOK};
    struct script s = {.packets = packets, .n = n};
    struct job j;
    pthread_t t;
    int pair[2];
    enum err e;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    s.fd = pair[1];
    j.fd = pair[0];
    assert_int_equal(pthread_create(&t, NULL, play, &s), 0);
    *sum = 0;
    e = job_ask(&j, &request, add_type, sum, ei);
    job_close(&j);
    assert_int_equal(j.fd, -1);
    pthread_join(t, NULL);
    assert_int_equal(s.request_len, 2);
    assert_memory_equal(s.request, "\x01\x00", 2);
    return e;
}

static uint8_t look[] = {PACKET_LOOK}, line[] = {PACKET_LOOK_LINE}, record[] = {PACKET_RECORD},
               end[] = {PACKET_END}, end_and_more[] = {PACKET_END, 0},
               failed[] = {PACKET_FAILED, ERR_BUSY, 0x42, 0xf0, 4, 0xc0, 2, 0, 'n', 'o'},
               failed_well[] = {PACKET_FAILED, ERR_OK, 0, 0, 0, 0, 0, 0};

#define P(bytes)                                                                                   \
    {                                                                                              \
        .data = bytes, .len = sizeof(bytes)                                                        \
    }

static void an_answer_is_taken_packet_by_packet(void **state)
{
    const struct buf packets[] = {P(look), P(line), P(line), P(end)};
    struct errinfo ei = {0};
    unsigned sum;

    (void)state;
    assert_ok(ask(packets, 4, &sum, &ei), &ei);
    assert_int_equal(sum, (PACKET_LOOK * 16 + PACKET_LOOK_LINE) * 16 + PACKET_LOOK_LINE);
}

static void a_job_that_fails_says_why(void **state)
{
    const struct buf packets[] = {P(look), P(failed)};
    struct errinfo ei = {0};
    unsigned sum;

    (void)state;
    assert_int_equal(ask(packets, 2, &sum, &ei), ERR_BUSY);
    assert_int_equal(ei.hresult, 0xc004f042);
    assert_string_equal(ei.text, "no");
}

static void a_job_that_ends_badly_after_its_answer_has_failed(void **state)
{
    const struct buf packets[] = {P(look), P(end), P(failed)};
    struct errinfo ei = {0};
    unsigned sum;

    (void)state;
    assert_int_equal(ask(packets, 3, &sum, &ei), ERR_BUSY);
    assert_string_equal(ei.text, "no");
}

static void an_end_without_an_answer_is_an_error(void **state)
{
    const struct buf packets[] = {P(look)};
    struct errinfo ei = {0};
    unsigned sum;

    (void)state;
    for (size_t n = 0; n < 2; n++) {
        assert_int_equal(ask(packets, n, &sum, &ei), ERR_IO);
        assert_contains(ei.text, "the steward's job \"look\" ended without an answer");
    }
}

static void what_breaks_the_order_is_refused(void **state)
{
    const struct buf rows[][2] = {{P(end), P(look)},
                                  {P(end_and_more), P(end)},
                                  {P(failed_well), P(end)},
                                  {P(record), P(end)}};
    static const enum err want[] = {ERR_MALFORMED, ERR_MALFORMED, ERR_MALFORMED, ERR_LIMIT};
    unsigned sum;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct errinfo ei = {0};

        assert_int_equal(ask(rows[i], 2, &sum, &ei), want[i]);
        assert_true(ei.text[0] != '\0');
    }
}

static void *cut_it(void *job)
{
    job_cut(job);
    return NULL;
}

static void a_job_that_is_cut_is_over_for_its_asker(void **state)
{
    const struct job_request request = {.kind = JOB_LOOK};
    struct errinfo ei = {0};
    unsigned sum = 0;
    struct job j;
    pthread_t t;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    j.fd = pair[0]; /* nobody reads the other end */
    assert_int_equal(pthread_create(&t, NULL, cut_it, &j), 0);
    assert_int_equal(job_ask(&j, &request, add_type, &sum, &ei), ERR_IO);
    pthread_join(t, NULL);
    job_close(&j);
    job_cut(&j); /* none: nothing */
    close(pair[1]);
}

static void opening_passes_the_other_end(void **state)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    struct iovec io = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    struct errinfo ei = {0};
    struct job j;
    int pair[2], fd;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_ok(job_open(pair[0], &j, &ei), &ei);
    assert_int_equal(recvmsg(pair[1], &m, 0), 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
    assert_int_equal(send(fd, "x", 1, 0), 1);
    assert_int_equal(recv(j.fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    close(fd);
    job_close(&j);
    close(pair[1]);
    assert_int_equal(job_open(pair[0], &j, &ei), ERR_IO);
    assert_contains(ei.text, "the steward process: it is gone");
    assert_int_equal(j.fd, -1);
    close(pair[0]);
}

static void a_steward_that_reads_nothing_is_busy(void **state)
{
    struct job jobs[1024];
    struct errinfo ei = {0};
    size_t n = 0;
    int pair[2];
    enum err e;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    do
        e = job_open(pair[0], &jobs[n++], &ei);
    while (e == ERR_OK && n < 1024);
    assert_int_equal(e, ERR_BUSY);
    while (n-- > 0)
        job_close(&jobs[n]);
    close(pair[0]);
    close(pair[1]);
}

/* Answers one job at once and keeps it, as a steward that is stopped then. */
static void *answer_and_keep(void *arg)
{
    int control = *(int *)arg, fd;
    uint8_t bytes[64];

    passfd_receive(control, bytes, sizeof(bytes), &fd, 0);
    (void)!recv(fd, bytes, sizeof(bytes), 0);
    (void)!send(fd, end, sizeof(end), MSG_NOSIGNAL);
    *(int *)arg = fd;
    return NULL;
}

static void a_steward_that_buries_no_job_is_not_asked_again_at_once(void **state)
{
    const struct job_request request = {.kind = JOB_CLOCK};
    struct errinfo ei = {0};
    pthread_t t;
    int pair[2], kept;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    kept = pair[1];
    assert_int_equal(pthread_create(&t, NULL, answer_and_keep, &kept), 0);
    assert_ok(job_ask_soon(pair[0], &request, NULL, &ei), &ei);
    pthread_join(t, NULL);
    for (int i = 0; i < 20; i++)
        assert_int_equal(job_ask_soon(pair[0], &request, NULL, &ei), ERR_TIMEOUT);
    assert_contains(ei.text, "did not answer a moment ago");
    close(kept);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_taken_packet_by_packet),
        cmocka_unit_test(a_job_that_fails_says_why),
        cmocka_unit_test(a_job_that_ends_badly_after_its_answer_has_failed),
        cmocka_unit_test(an_end_without_an_answer_is_an_error),
        cmocka_unit_test(what_breaks_the_order_is_refused),
        cmocka_unit_test(a_job_that_is_cut_is_over_for_its_asker),
        cmocka_unit_test(opening_passes_the_other_end),
        cmocka_unit_test(a_steward_that_reads_nothing_is_busy),
        cmocka_unit_test(a_steward_that_buries_no_job_is_not_asked_again_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
