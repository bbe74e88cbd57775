/* job: the network process' side of a job: a socket of its own to a process that the steward starts
 * for it. Opened, cut and closed on one thread; asked on any, since asking blocks. */
#ifndef ADBAD_JOBS_JOB_H
#define ADBAD_JOBS_JOB_H

#include "jobs/packet.h"
#include "jobs/request.h"
#include "jobs/socket.h"

struct job {
    int fd; /* -1: none */
};

#define JOB_NONE ((struct job){-1})

/* Has the steward start a job. steward: its control socket. ERR_IO: the steward is gone; ERR_BUSY:
 * it is behind. */
MUST_CHECK enum err job_open(int steward, struct job *out, struct errinfo *ei);

/* A reload is two steps. The steward reads its configuration files again, and *file gets what was
 * read (settings.h, settings_unpack); on failure it says what is wrong with them. */
MUST_CHECK enum err job_read_settings(int steward, int *file, struct errinfo *ei);
/* Then it takes, before any job that is opened after this, what it read last, if that gives
 * settings of this digest (settings_digest). On failure it has not taken them and won't:
 * ERR_CONFLICT: it read something else meanwhile. */
#define JOB_DIGEST_LEN 32
MUST_CHECK enum err job_take_settings(int steward, const uint8_t digest[JOB_DIGEST_LEN],
                                      struct errinfo *ei);

/* Takes one packet's fields, of any type but PACKET_END and PACKET_FAILED. */
typedef enum err job_take_fn(void *arg, enum packet_type type, struct wire_rd *r,
                             struct errinfo *ei);

/* Sends the request, hands each packet of the answer to take, and waits until the job has ended.
 * Fails as the job failed; ERR_IO if it ended without an answer, which job_cut also has it do. */
MUST_CHECK enum err job_ask(const struct job *j, const struct job_request *request,
                            job_take_fn *take, void *arg, struct errinfo *ei);

/* A job of a kind that takes no time, from its start to its end. *file, the caller's, comes with
 * the answer; NULL: none is expected. */
MUST_CHECK enum err job_ask_soon(int steward, const struct job_request *request, int *file,
                                 struct errinfo *ei);
/* These three wait five seconds at most, whatever they wait for. ERR_TIMEOUT: the steward says
 * nothing; what it has not begun by then it leaves, what it has it may have done, and on this
 * thread they fail at once for as long again. ERR_IO: it is gone; ERR_BUSY: it is behind. */

/* Ends the job, which the steward kills, and whoever asks at once. */
void job_cut(const struct job *j);
void job_close(struct job *j);

/* ---- for both ends ---- */

/* A message on the control socket: one byte, after TAKE the digest; with it a socket, that of the
 * job or for PACKET_END or PACKET_FAILED. */
enum job_control { JOB_CONTROL_JOB, JOB_CONTROL_READ, JOB_CONTROL_TAKE };
#define JOB_CONTROL_MAX (1 + JOB_DIGEST_LEN)

#endif
