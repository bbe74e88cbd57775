#include "jobs/job.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/passfd.h"

#define SOON_MS 5000 /* for what takes the steward no time, in all */

/* ---- the network process' side ---- */

/* A message to the steward, with one end of a new socket; *out is the other. */
static enum err pass_socket(int steward, const uint8_t *message, size_t len, struct job *out,
                            struct errinfo *ei)
{
    int pair[2];
    enum err e;

    *out = JOB_NONE;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return err_fail_errno(ei, errno, "make a socket for a job of the steward");
    e = job_pass(steward, message, len, pair[1], ei);
    if (e != ERR_OK)
        err_context(ei, "ask the steward process");
    close(pair[1]);
    if (e == ERR_OK)
        out->fd = pair[0];
    else
        close(pair[0]);
    return e;
}

enum err job_open(int steward, struct job *out, struct errinfo *ei)
{
    static const uint8_t message[] = {JOB_CONTROL_JOB};

    return pass_socket(steward, message, sizeof(message), out, ei);
}

/* The socket of a steward that was given up, and when it is asked again (clk_uptime_ms). Who asks
 * waits on a loop, on which nobody else is served meanwhile; each for itself. */
static _Thread_local struct {
    ino_t socket;
    int64_t until;
} given_up;

static ino_t number_of(int socket)
{
    struct stat st;

    return fstat(socket, &st) == 0 ? st.st_ino : 0;
}

static void give_up(int steward)
{
    given_up.socket = number_of(steward);
    given_up.until = clk_uptime_ms() + SOON_MS;
}

static enum err check_given_up(int steward, struct errinfo *ei)
{
    if (clk_uptime_ms() >= given_up.until || given_up.socket != number_of(steward))
        return ERR_OK;
    return err_fail(ei, ERR_TIMEOUT,
                    "the steward process did not answer a moment ago, so it is not asked now; "
                    "try again in some seconds");
}

static enum err no_answer(enum err e, struct errinfo *ei)
{
    return e == ERR_TIMEOUT ? err_fail(ei, e, "the steward process does not answer; try again")
                            : err_fail(ei, e, "the steward process ended without an answer");
}

/* Until the time (clk_uptime_ms); false: it says nothing. */
static bool await_word(int fd, int64_t until)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left;
    int ready;

    do {
        left = until - clk_uptime_ms();
        ready = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* Whoever is late finds the socket shut: what is not here by then is never sent, and what could be
 * sent is here. */
static enum err await_answer(int fd, int64_t until, struct buf *packet, int *passed,
                             struct errinfo *ei)
{
    bool ready = await_word(fd, until);
    enum err e;

    if (!ready)
        (void)shutdown(fd, SHUT_RDWR);
    e = job_receive(fd, packet, passed, ei);
    return e == ERR_OK && packet->len == 0 ? no_answer(ready ? ERR_IO : ERR_TIMEOUT, ei) : e;
}

static enum err read_verdict(const struct buf *packet, struct errinfo *ei)
{
    struct wire_rd r = wire_reader(packet->data, packet->len);
    struct errinfo said = {0};
    unsigned type = wire_u8(&r);
    enum err e;

    if (type == PACKET_FAILED)
        packet_error(&r, &said);
    e = packet_read(&r, ei);
    if (e != ERR_OK || type == PACKET_END)
        return e;
    if (said.code == ERR_OK)
        return err_fail(ei, ERR_MALFORMED, "steward: neither taken nor refused");
    if (ei != NULL)
        *ei = said;
    return said.code;
}

static enum err ended_early(const struct job_request *r, struct errinfo *ei)
{
    return err_fail(ei, ERR_IO, "the steward's job \"%s\" ended without an answer",
                    job_kind_name(r->kind));
}

static enum err send_request(const struct job *j, const struct job_request *request,
                             struct buf *packet, struct errinfo *ei)
{
    int fd = j->fd;
    enum err e = request_write(request, packet);

    if (e != ERR_OK)
        return err_fail(ei, e, "ask the steward: a request that is too long");
    /* Who closed already may have said why; whoever did not finds nothing asked, and closes. */
    if (job_send(&fd, packet, NULL) != ERR_OK)
        (void)shutdown(fd, SHUT_WR);
    return ERR_OK;
}

/* Until the last packet; whether the job says that it failed is then in *said. */
static enum err read_answer(const struct job *j, const struct job_request *request,
                            struct buf *packet, job_take_fn *take, void *arg, struct errinfo *said,
                            struct errinfo *ei)
{
    for (;;) {
        enum err e = job_receive(j->fd, packet, NULL, ei);
        struct wire_rd r;
        unsigned type;

        if (e != ERR_OK)
            return e;
        if (packet->len == 0)
            return ended_early(request, ei);
        r = wire_reader(packet->data, packet->len);
        type = wire_u8(&r);
        if (type == PACKET_END)
            return packet_read(&r, ei);
        if (type == PACKET_FAILED) {
            packet_error(&r, said);
            e = packet_read(&r, ei);
            if (e == ERR_OK && said->code == ERR_OK)
                e = err_fail(ei, ERR_MALFORMED, "steward: a failure without an error");
            return e;
        }
        e = take(arg, (enum packet_type)type, &r, ei);
        if (e != ERR_OK)
            return e;
    }
}

/* The steward closes when it has buried the job, and tells before that if it did not end well. */
static enum err await_end(const struct job *j, struct buf *packet, struct errinfo *said,
                          struct errinfo *ei)
{
    enum err e = job_receive(j->fd, packet, NULL, ei);

    if (e == ERR_OK && packet->len > 0) {
        struct wire_rd r = wire_reader(packet->data, packet->len);

        if (wire_u8(&r) != PACKET_FAILED)
            return err_fail(ei, ERR_MALFORMED, "steward: a packet after the last");
        packet_error(&r, said);
        e = packet_read(&r, ei);
    }
    return e;
}

enum err job_ask(const struct job *j, const struct job_request *request, job_take_fn *take,
                 void *arg, struct errinfo *ei)
{
    struct buf packet = BUF_INIT;
    struct errinfo said = {0}, local;
    enum err e;

    if (ei == NULL)
        ei = &local;
    e = send_request(j, request, &packet, ei);
    if (e == ERR_OK)
        e = read_answer(j, request, &packet, take, arg, &said, ei);
    if (e == ERR_OK && said.code == ERR_OK)
        e = await_end(j, &packet, &said, ei);
    if (e == ERR_OK && said.code != ERR_OK) {
        *ei = said;
        e = said.code;
    }
    buf_wipe(&packet);
    return e;
}

/* ---- what is answered at once, perhaps with a file ---- */

static enum err expect_file(int file, struct errinfo *ei)
{
    if (file == PASSFD_LOST)
        return err_fail_errno(ei, EMFILE, "take a file from the steward");
    return file >= 0 ? ERR_OK : err_fail(ei, ERR_MALFORMED, "steward: an answer without its file");
}

/* What came with an answer that is none; passes e on. */
static enum err drop_file(int *file, enum err e)
{
    if (*file >= 0)
        close(*file);
    *file = PASSFD_NONE;
    return e;
}

/* A message whose answer is one packet, and a descriptor with it unless passed is NULL. */
static enum err exchange(int steward, const uint8_t *message, size_t len, int *passed,
                         struct errinfo *ei)
{
    struct buf packet = BUF_INIT;
    struct job j = JOB_NONE;
    int64_t until = clk_uptime_ms() + SOON_MS;
    enum err e = check_given_up(steward, ei);

    if (e == ERR_OK)
        e = pass_socket(steward, message, len, &j, ei);
    if (e == ERR_OK && (e = await_answer(j.fd, until, &packet, passed, ei)) == ERR_TIMEOUT)
        give_up(steward);
    if (e == ERR_OK)
        e = read_verdict(&packet, ei);
    job_close(&j);
    buf_fini(&packet);
    return e;
}

enum err job_read_settings(int steward, int *file, struct errinfo *ei)
{
    static const uint8_t message[] = {JOB_CONTROL_READ};
    enum err e;

    *file = PASSFD_NONE;
    e = exchange(steward, message, sizeof(message), file, ei);
    return e == ERR_OK ? expect_file(*file, ei) : drop_file(file, e);
}

enum err job_take_settings(int steward, const uint8_t digest[JOB_DIGEST_LEN], struct errinfo *ei)
{
    uint8_t message[JOB_CONTROL_MAX] = {JOB_CONTROL_TAKE};

    memcpy(message + 1, digest, JOB_DIGEST_LEN);
    return exchange(steward, message, sizeof(message), NULL, ei);
}

/* The answer is all that matters; but who left at once would have the job killed. */
static void await_burial(int steward, int fd, int64_t until, struct buf *packet)
{
    if (await_word(fd, until))
        (void)!job_receive(fd, packet, NULL, NULL);
    else
        give_up(steward);
}

/* A job that had begun may have done its work by the time that it is killed. */
static enum err await_act(int steward, int fd, int64_t until, struct buf *packet, int *file,
                          struct errinfo *ei)
{
    enum err e = await_answer(fd, until, packet, file, ei);

    if (e != ERR_TIMEOUT)
        return e;
    give_up(steward);
    return err_fail(ei, e,
                    "the steward process does not answer, and may have done what it was asked or "
                    "not; look before you ask again");
}

enum err job_ask_soon(int steward, const struct job_request *request, int *file, struct errinfo *ei)
{
    struct buf packet = BUF_INIT;
    struct job j = JOB_NONE;
    int64_t until = clk_uptime_ms() + SOON_MS;
    enum err e = check_given_up(steward, ei);

    if (file != NULL)
        *file = PASSFD_NONE;
    if (e == ERR_OK)
        e = job_open(steward, &j, ei);
    if (e == ERR_OK)
        e = send_request(&j, request, &packet, ei);
    if (e == ERR_OK)
        e = await_act(steward, j.fd, until, &packet, file, ei);
    if (e == ERR_OK) {
        e = read_verdict(&packet, ei);
        await_burial(steward, j.fd, until, &packet);
    }
    job_close(&j);
    buf_fini(&packet);
    if (file == NULL)
        return e;
    return e == ERR_OK ? expect_file(*file, ei) : drop_file(file, e);
}

/* ---- its end ---- */

void job_cut(const struct job *j)
{
    if (j->fd >= 0)
        (void)shutdown(j->fd, SHUT_RDWR);
}

void job_close(struct job *j)
{
    if (j->fd >= 0)
        close(j->fd);
    *j = JOB_NONE;
}
