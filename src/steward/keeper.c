#include "steward/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/file.h"
#include "base/passfd.h"
#include "base/process.h"
#include "base/sanitized.h"
#include "jobs/job.h"
#include "jobs/packet.h"
#include "steward/bounds.h"
#include "steward/job.h"

#define CONTROL_FD 3 /* in the keeper */
#define JOB_FD     3 /* in a job */

/* A job that runs. Its socket is kept until it is buried, so that its asker, who reads up to the
 * end, knows by then that nothing is left of it. */
struct task {
    pid_t pid; /* 0: a free place */
    int fd;
    int64_t until; /* clk_uptime_ms when it has had its time */
    bool cut;      /* its asker left: it was killed */
    bool late;     /* it was killed for its time */
};

struct keeper {
    const char *config;
    struct settings settings;
    struct settings read; /* what the files said, not taken yet */
    bool has_read;
    struct log_dest dest;
    struct log log;
    int signals; /* signalfd for SIGCHLD */
    bool confined;
    bool ticket; /* one may be left of a job that was killed */
    struct task tasks[KEEPER_JOBS_MAX];
};

/* ---- a job's process ---- */

/* A thread that a KDC's silence left behind (ldap/krb.c) may still be in libkrb5: what libraries do
 * at exit(3) would take away what it uses. What looks for leaks does so at exit(3), and only then.
 */
static void __attribute__((noreturn)) end_job(int status)
{
    if (SANITIZED)
        exit(status);
    fflush(NULL);
    _exit(status);
}

static void __attribute__((noreturn)) become_job(const struct keeper *k, int fd, pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(fd, JOB_FD) != JOB_FD)
        _exit(EXIT_FAILED);
    close_range(JOB_FD + 1, ~0U, 0);
    end_job(job_run(&k->settings, &k->log, k->confined, JOB_FD));
}

static struct task *free_place(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_JOBS_MAX; i++)
        if (k->tasks[i].pid == 0)
            return &k->tasks[i];
    return NULL;
}

/* ---- what is told ---- */

struct end {
    int socket, file; /* -1: no file */
};

/* Waits for nobody. */
static enum err send_now(void *arg, const struct buf *packet, struct errinfo *ei)
{
    const struct end *to = arg;

    return job_pass(to->socket, packet->data, packet->len, to->file, ei);
}

/* The last packet on fd, with a file unless that is -1; false: nobody is there to read it. */
static bool answer(int fd, const struct errinfo *why, int file)
{
    struct end to = {.socket = fd, .file = file};
    struct packet_out o = {.send = send_now, .arg = &to};
    enum err e =
        why->code == ERR_OK ? packet_send_end(&o, NULL) : packet_send_failed(&o, why, NULL);

    buf_fini(&o.buf);
    return e == ERR_OK;
}

/* Takes fd. */
static void refuse(const struct keeper *k, int fd, const char *reason, const struct errinfo *why)
{
    log_as(&k->log, why->code == ERR_BUSY ? LOGL_WARN : LOGL_ERROR, LOGK_STEWARD_JOB, reason, "%s",
           why->text);
    (void)answer(fd, why, -1);
    close(fd);
}

/* Takes fd. */
static void start_job(struct keeper *k, int fd)
{
    struct task *t = free_place(k);
    struct errinfo why = {0};
    pid_t self = getpid(), pid;

    if (t == NULL) {
        err_fail(&why, ERR_BUSY, "the steward's job is refused: %d run already", KEEPER_JOBS_MAX);
        refuse(k, fd, "too-many", &why);
        return;
    }
    pid = fork();
    if (pid == 0)
        become_job(k, fd, self);
    if (pid < 0) {
        err_fail_errno(&why, errno, "start the steward's job");
        refuse(k, fd, "no-process", &why);
        return;
    }
    *t = (struct task){
        .pid = pid, .fd = fd, .until = clk_uptime_ms() + k->settings.job_limit * 1000};
}

/* ---- the end of a job ---- */

static bool is_last(const struct keeper *k, const struct task *t)
{
    for (size_t i = 0; i < KEEPER_JOBS_MAX; i++)
        if (k->tasks[i].pid != 0 && &k->tasks[i] != t)
            return false;
    return true;
}

/* A job may have been killed between two lines of its own: nsupdate's ticket is not left behind.
 * There is one for all, which a job that still runs may be using. */
static void remove_ticket(struct keeper *k)
{
    char *path = settings_ticket_file(&k->settings);

    if (path != NULL)
        (void)unlink(path);
    free(path);
    k->ticket = false;
}

static void tell_end(const struct keeper *k, const struct task *t, int status)
{
    struct errinfo why = {0};

    if (t->late)
        err_fail(&why, ERR_TIMEOUT,
                 "the steward's job was ended: it was not done after %" PRId64
                 " s; if it was not stuck, raise [directory] job_limit and restart adbad",
                 k->settings.job_limit);
    else if (WIFSIGNALED(status))
        err_fail(&why, ERR_INTERNAL, "the steward's job ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        err_fail(&why, ERR_INTERNAL, "the steward's job ended with exit code %d",
                 WEXITSTATUS(status));
    log_as(&k->log, LOGL_ERROR, LOGK_STEWARD_JOB, t->late ? "late" : "ended", "process %d: %s",
           (int)t->pid, why.text);
    (void)answer(t->fd, &why, -1);
}

static void bury(struct keeper *k, struct task *t, int status)
{
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK;

    if (!good && !t->cut)
        tell_end(k, t, status);
    k->ticket = k->ticket || !good;
    if (k->ticket && is_last(k, t))
        remove_ticket(k);
    close(t->fd);
    *t = (struct task){0};
}

static void bury_ended(struct keeper *k)
{
    struct signalfd_siginfo seen;
    int status;
    pid_t pid;

    (void)!read(k->signals, &seen, sizeof(seen));
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < KEEPER_JOBS_MAX; i++)
            if (k->tasks[i].pid == pid)
                bury(k, &k->tasks[i], status);
}

static void cut(struct task *t)
{
    if (t->cut)
        return;
    t->cut = true;
    kill(t->pid, SIGKILL); /* a child of ours that is not buried yet */
}

/* Ends the jobs that have had their time: one that hangs, or is stopped, ends in no other way.
 * Returns for how many milliseconds nothing else is due, -1: none runs. */
static int cut_late(struct keeper *k)
{
    int64_t now = clk_uptime_ms(), next = INT64_MAX;

    for (size_t i = 0; i < KEEPER_JOBS_MAX; i++) {
        struct task *t = &k->tasks[i];

        if (t->pid == 0 || t->cut || t->late)
            continue;
        if (t->until <= now) {
            t->late = true;
            kill(t->pid, SIGKILL); /* as above */
        } else if (t->until < next) {
            next = t->until;
        }
    }
    return next == INT64_MAX ? -1 : (int)(next - now);
}

static void __attribute__((noreturn)) leave(struct keeper *k)
{
    int status;

    for (size_t i = 0; i < KEEPER_JOBS_MAX; i++)
        if (k->tasks[i].pid != 0) {
            cut(&k->tasks[i]);
            while (waitpid(k->tasks[i].pid, &status, 0) < 0 && errno == EINTR)
                ;
            bury(k, &k->tasks[i], status);
        }
    exit(EXIT_OK);
}

/* ---- requests ---- */

static enum err read_text(const struct keeper *k, struct settings_text *text, struct settings *next,
                          struct errinfo *ei)
{
    const struct settings_report keep = {.keep = text};
    enum err e = settings_read(k->config, &keep, next, ei);

    if (e == ERR_OK)
        e = settings_take(&k->settings, next, NULL, NULL, ei);
    return e;
}

/* The text as a file without a name; the network process may open none. */
static enum err write_text(const struct settings_text *text, int *file, struct errinfo *ei)
{
    struct buf packed = BUF_INIT;
    enum err e = ERR_OK;

    settings_text_pack(text, &packed);
    if (packed.err != ERR_OK)
        e = err_nomem(ei);
    else if (packed.len > SETTINGS_TEXT_MAX)
        e = err_fail(ei, ERR_LIMIT, "the configuration is larger than %zu bytes",
                     SETTINGS_TEXT_MAX);
    if (e == ERR_OK)
        e = file_in_memory("adbad.conf", packed.data, packed.len, file, ei);
    buf_fini(&packed);
    return e;
}

/* Reads the files and keeps what they give, until it is asked to take that. */
static void read_settings(struct keeper *k, int fd)
{
    struct settings_text text = {0};
    struct errinfo why = {0};
    int file = -1;
    enum err e;

    settings_free(&k->read);
    e = read_text(k, &text, &k->read, &why);
    if (e == ERR_OK)
        e = write_text(&text, &file, &why);
    k->has_read = e == ERR_OK;
    (void)answer(fd, &why, file);
    if (file >= 0)
        close(file);
    settings_text_free(&text);
}

static enum err check_digest(const struct keeper *k, const uint8_t *digest, struct errinfo *ei)
{
    uint8_t ours[SETTINGS_DIGEST_LEN];
    enum err e = k->has_read ? settings_digest(&k->read, ours, ei) : ERR_OK;

    _Static_assert(SETTINGS_DIGEST_LEN == JOB_DIGEST_LEN, "the digest's length");
    if (e == ERR_OK && (!k->has_read || memcmp(ours, digest, sizeof(ours)) != 0))
        e = err_fail(ei, ERR_CONFLICT, "this is not what was read last; reload again");
    return e;
}

/* Nobody's word is taken for what the files say. Settings are swapped only once it could be told:
 * an asker who has given up finds them as they were. A failure is for the asker to log. */
static void take_settings(struct keeper *k, const uint8_t *digest, int fd)
{
    struct errinfo why = {0};
    struct settings old = k->settings;
    enum err e = check_digest(k, digest, &why);

    if (!answer(fd, &why, -1) || e != ERR_OK)
        return;
    k->settings = k->read;
    k->read = (struct settings){0};
    k->has_read = false;
    k->dest.max = (enum log_level)k->settings.log_level;
    settings_free(&old);
}

struct message {
    uint8_t bytes[JOB_CONTROL_MAX];
    ssize_t len;
    int fd; /* PASSFD_NONE, PASSFD_LOST: none came with it */
};

/* What was asked; len is -1 if nothing. False: the network process is gone. */
static bool receive(struct message *in)
{
    in->len = passfd_receive(CONTROL_FD, in->bytes, sizeof(in->bytes), &in->fd, MSG_DONTWAIT);
    if (in->len <= 0)
        return in->len < 0 && errno == EAGAIN;
    return true;
}

static void serve(struct keeper *k)
{
    struct message in = {0};

    if (!receive(&in))
        leave(k);
    if (in.fd < 0)
        return;
    if (in.bytes[0] == JOB_CONTROL_JOB) {
        start_job(k, in.fd);
        return;
    }
    if (in.bytes[0] == JOB_CONTROL_READ)
        read_settings(k, in.fd);
    if (in.bytes[0] == JOB_CONTROL_TAKE && in.len == sizeof(in.bytes))
        take_settings(k, in.bytes + 1, in.fd);
    close(in.fd);
}

static void wait_for_more(struct keeper *k)
{
    struct pollfd p[2 + KEEPER_JOBS_MAX] = {{.fd = CONTROL_FD, .events = POLLIN},
                                            {.fd = k->signals, .events = POLLIN}};

    int wait_ms = cut_late(k);

    /* Nothing is asked of a job's socket but what comes unasked: that the asker left. */
    for (size_t i = 0; i < KEEPER_JOBS_MAX; i++)
        p[2 + i].fd = k->tasks[i].pid != 0 && !k->tasks[i].cut ? k->tasks[i].fd : -1;
    if (poll(p, sizeof(p) / sizeof(p[0]), wait_ms) < 0)
        return;
    for (size_t i = 0; i < KEEPER_JOBS_MAX; i++)
        if (p[2 + i].revents != 0)
            cut(&k->tasks[i]);
    if (p[1].revents != 0)
        bury_ended(k);
    if (p[0].revents != 0)
        serve(k);
}

static void give_up(struct keeper *k)
{
    struct confinement c;
    struct errinfo why;

    bounds_keeper(&k->settings, &c);
    k->confined = confine(&c, &why) == ERR_OK;
    confinement_fini(&c);
    if (!k->confined)
        log_as(&k->log, LOGL_WARN, LOGK_CONFINEMENT, NULL,
               "the steward's processes keep rights that they do not need: %s", why.text);
}

static void __attribute__((noreturn))
keep(const char *config, const struct settings *s, const struct log *log, int control)
{
    struct keeper k = {.config = config, .settings = *s, .log = *log};
    sigset_t child;

    if (log->dest != NULL) {
        k.dest = *log->dest;
        k.log = log_child(&(struct log){.dest = &k.dest}, "steward");
    }
    process_begin("adbad-steward");
    if (dup2(control, CONTROL_FD) != CONTROL_FD)
        _exit(EXIT_FAILED);
    close_range(CONTROL_FD + 1, ~0U, 0);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    k.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (k.signals < 0)
        _exit(EXIT_FAILED);
    give_up(&k);
    for (;;)
        wait_for_more(&k);
}

enum err keeper_start(const char *config, const struct settings *s, const struct log *log,
                      int *control, pid_t *pid, struct errinfo *ei)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return err_fail_errno(ei, errno, "start the steward process");
    fflush(NULL); /* once, not once by each process */
    *pid = fork();
    if (*pid == 0)
        keep(config, s, log, pair[1]);
    close(pair[1]);
    if (*pid < 0) {
        close(pair[0]);
        return err_fail_errno(ei, errno, "start the steward process");
    }
    *control = pair[0];
    return ERR_OK;
}
