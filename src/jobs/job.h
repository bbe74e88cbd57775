/* job: the network process' side of a job: a socket of its own to a process that the steward starts
 * for it. Opened, cut and closed on one thread; asked on any, since asking blocks. */
#ifndef ADBAD_JOBS_JOB_H
#define ADBAD_JOBS_JOB_H

#include "jobs/packet.h"
#include "jobs/request.h"

struct job {
    int fd; /* -1: none */
};

#define JOB_NONE ((struct job){-1})

/* Has the steward start a job. steward: its control socket. ERR_IO: the steward is gone; ERR_BUSY:
 * it is behind. */
MUST_CHECK enum err job_open(int steward, struct job *out, struct errinfo *ei);

/* Has the steward read its configuration again, before any job that is opened after this, and waits
 * (some seconds at most) for what it says of it. The steward takes nothing but settings of that
 * digest (settings_digest). On failure it has not taken them and won't: ERR_CONFLICT: it read
 * others; ERR_TIMEOUT: it says nothing; ERR_IO, ERR_BUSY: as above; else why it can't take what it
 * read. */
#define JOB_DIGEST_LEN 32
MUST_CHECK enum err job_reload(int steward, const uint8_t digest[JOB_DIGEST_LEN],
                               struct errinfo *ei);

/* Takes one packet's fields, of any type but PACKET_END and PACKET_FAILED. */
typedef enum err job_take_fn(void *arg, enum packet_type type, struct wire_rd *r,
                             struct errinfo *ei);

/* Sends the request, hands each packet of the answer to take, and waits until the job has ended.
 * Fails as the job failed; ERR_IO if it ended without an answer, which job_cut also has it do. */
MUST_CHECK enum err job_ask(const struct job *j, const struct job_request *request,
                            job_take_fn *take, void *arg, struct errinfo *ei);

/* Ends the job, which the steward kills, and whoever asks at once. */
void job_cut(const struct job *j);
void job_close(struct job *j);

/* ---- for both ends ---- */

/* A message on the control socket: one byte, after RELOAD the digest; with it a socket, that of the
 * job or for PACKET_END or PACKET_FAILED. */
enum job_control { JOB_CONTROL_JOB, JOB_CONTROL_RELOAD };
#define JOB_CONTROL_MAX (1 + JOB_DIGEST_LEN)

/* A packet_send_fn over a socket; arg: int *. */
MUST_CHECK enum err job_send(void *fd, const struct buf *packet, struct errinfo *ei);
/* The next packet, in place of what buf holds; empty: the other side has closed. */
MUST_CHECK enum err job_receive(int fd, struct buf *packet, struct errinfo *ei);

#endif
