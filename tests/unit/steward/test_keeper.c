/* The steward process as a network process sees it that means it ill: what it does with what is no
 * request of ours, with too many of them, and how it ends. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sanitized.h"
#include "jobs/job.h"
#include "jobs/secret.h"
#include "steward/keeper.h"

#define DEADLINE_MS 30000

struct world {
    struct settings settings; /* no directory, no clearing house */
    struct log log;           /* silent */
    int control;
    pid_t pid;
};

static int start(void **state, int64_t job_limit)
{
    struct world *w = calloc(1, sizeof(*w));
    struct errinfo ei = {0};

    assert_non_null(w);
    w->settings.control_socket = strdup("/nonexistent/control.sock");
    w->settings.job_limit = job_limit;
    assert_ok(
        keeper_start("/nonexistent/adbad.conf", &w->settings, &w->log, &w->control, &w->pid, &ei),
        &ei);
    *state = w;
    return 0;
}

static int set_up(void **state)
{
    return start(state, 3600);
}

static int set_up_in_haste(void **state)
{
    return start(state, 1);
}

/* It ends by itself, and well, when its control socket is closed. */
static int tear_down(void **state)
{
    struct world *w = *state;
    int status;

    close(w->control);
    assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    free(w->settings.control_socket);
    free(w);
    return 0;
}

/* Everything that comes until the other side closes: the type of the last packet, 0: none. */
static unsigned last_packet(int fd, struct errinfo *said)
{
    unsigned type = 0;

    for (;;) {
        uint8_t packet[PACKET_MAX];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        struct wire_rd r;
        ssize_t got;

        assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
        got = recv(fd, packet, sizeof(packet), 0);
        if (got < 0 && errno == ECONNRESET) /* told before what is still to be read */
            continue;
        if (got <= 0)
            return type;
        r = wire_reader(packet, (size_t)got);
        type = wire_u8(&r);
        if (type == PACKET_FAILED)
            packet_error(&r, said);
    }
}

static struct job open_job(struct world *w)
{
    struct errinfo ei = {0};
    struct job j;

    assert_ok(job_open(w->control, &j, &ei), &ei);
    return j;
}

static enum err ask(struct world *w, const struct job_request *r, job_take_fn *take, void *arg,
                    struct errinfo *ei)
{
    struct job j = open_job(w);
    enum err e = job_ask(&j, r, take, arg, ei);

    job_close(&j);
    return e;
}

static void it_still_works(struct world *w)
{
    const struct job_request r = {.kind = JOB_ACCOUNTS};
    struct errinfo ei = {0};

    assert_int_equal(ask(w, &r, secret_take, NULL, &ei), ERR_CONFIG);
    assert_contains(ei.text, "no directory is configured");
}

static void the_clearing_key_is_only_for_a_clearing_house(void **state)
{
    const struct job_request r = {.kind = JOB_CLEARING};
    struct secret s = {.realm = ""}, none = {.realm = ""};
    struct errinfo ei = {0};

    assert_int_equal(ask(*state, &r, secret_take, &s, &ei), ERR_REFUSED);
    assert_memory_equal(&s, &none, sizeof(s));
    it_still_works(*state);
}

static void what_is_no_request_ends_its_job_alone(void **state)
{
    static const char *const rows[] = {"x", "\x01", "\x01\x09", "\x02", "\x01\x01\x01\xff\xff"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct errinfo said = {0};
        struct job j = open_job(*state);

        assert_int_equal(send(j.fd, rows[i], strlen(rows[i]), 0), strlen(rows[i]));
        assert_int_equal(last_packet(j.fd, &said), PACKET_FAILED);
        assert_contains(said.text, "ended with exit code 1");
        job_close(&j);
    }
    it_still_works(*state);
}

static void a_second_request_is_never_read(void **state)
{
    struct errinfo said = {0};
    struct job j = open_job(*state);

    assert_int_equal(send(j.fd, "\x01\x03", 2, 0), 2);
    (void)!send(j.fd, "\x01\x03", 2, MSG_NOSIGNAL);
    assert_int_equal(last_packet(j.fd, &said), PACKET_FAILED);
    assert_int_equal(said.code, ERR_REFUSED);
    job_close(&j);
    it_still_works(*state);
}

/* Nobody is asked in DNS: there is nothing that it could be asked for. */
static void that_there_is_a_relay_is_not_for_the_asker_to_say(void **state)
{
    char *domains[] = {(char[]){"corp.example"}};
    struct world w = {.settings = {.control_socket = (char[]){"/nonexistent/control.sock"},
                                   .state_dir = (char[]){"/nonexistent"},
                                   .lab_forest = (char[]){"lab.example"},
                                   .dns_host = (char[]){"kms.corp.example"},
                                   .dns_port = 1688,
                                   .job_limit = 3600,
                                   .dns_domains = {.n = 1, .v = domains}}};
    const struct job_request r = {
        .kind = JOB_UPDATE, .what = UPDATE_PUBLISH, .relay = PUBLISH_RELAY_HEALTHY};
    struct update u = {0};
    struct errinfo ei = {0};
    int status;

    (void)state;
    assert_ok(keeper_start("/nonexistent/adbad.conf", &w.settings, &w.log, &w.control, &w.pid, &ei),
              &ei);
    assert_ok(ask(&w, &r, update_take, &u, &ei), &ei);
    assert_int_equal(u.n, 1);
    assert_int_equal(u.domains[0].result, ERR_REFUSED);
    assert_contains(u.domains[0].why.text, "no relay is configured");
    update_fini(&u);
    close(w.control);
    assert_int_equal(waitpid(w.pid, &status, 0), w.pid);
}

/* Sends n descriptors with a byte over the control socket; n may be 0. */
static void pass(int control, const int *fds, size_t n)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } with = {0};
    char bytes[100] = "";
    struct iovec io = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    struct cmsghdr *c;

    if (n > 0) {
        m.msg_control = &with;
        m.msg_controllen = CMSG_SPACE(n * sizeof(int));
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    assert_int_equal(sendmsg(control, &m, 0), sizeof(bytes));
}

/* Closed on our side, the other end tells when the keeper has let go of it too. */
static void expect_let_go(int fd)
{
    struct errinfo said = {0};

    (void)last_packet(fd, &said);
    close(fd);
}

static void descriptors_that_are_no_jobs_are_let_go(void **state)
{
    struct world *w = *state;
    FILE *file = tmpfile();
    int a[2], b[2], both[2], pipes[2], plain;

    assert_non_null(file);
    plain = fileno(file);
    pass(w->control, NULL, 0);
    pass(w->control, &plain, 1); /* nothing can be read from it as from a socket */
    assert_int_equal(pipe(pipes), 0);
    pass(w->control, &pipes[0], 1);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b), 0);
    both[0] = a[1];
    both[1] = b[1];
    pass(w->control, both, 2); /* the first may be a job that is asked nothing */
    close(a[1]);
    close(b[1]);
    shutdown(a[0], SHUT_WR);
    expect_let_go(a[0]);
    expect_let_go(b[0]);
    close(pipes[0]);
    close(pipes[1]);
    fclose(file);
    it_still_works(w);
}

static void more_jobs_than_may_be_are_refused_until_one_ends(void **state)
{
    const struct job_request r = {.kind = JOB_ACCOUNTS};
    struct world *w = *state;
    struct job jobs[KEEPER_JOBS_MAX];
    struct errinfo said = {0};
    struct job more;

    for (size_t i = 0; i < KEEPER_JOBS_MAX; i++)
        jobs[i] = open_job(w); /* waits for its request */
    more = open_job(w);
    assert_int_equal(last_packet(more.fd, &said), PACKET_FAILED);
    assert_int_equal(said.code, ERR_BUSY);
    job_close(&more);
    for (int i = 0; i < 50; i++) /* who asks before it is refused, or after, is told as well */
        assert_int_equal(ask(w, &r, secret_take, NULL, &said), ERR_BUSY);
    shutdown(jobs[0].fd, SHUT_WR); /* nothing is asked after all */
    expect_let_go(jobs[0].fd);
    it_still_works(w);
    for (size_t i = 1; i < KEEPER_JOBS_MAX; i++)
        job_close(&jobs[i]);
}

/* They wait for requests; what a stopped one does is in the integration tests. */
static void jobs_that_have_had_their_time_are_ended_and_their_askers_told(void **state)
{
    struct world *w = *state;
    struct job jobs[KEEPER_JOBS_MAX + 1];

    for (size_t i = 0; i < KEEPER_JOBS_MAX; i++)
        jobs[i] = open_job(w);
    for (size_t i = 0; i < KEEPER_JOBS_MAX + 1; i++) {
        struct errinfo said = {0};

        assert_int_equal(last_packet(jobs[i].fd, &said), PACKET_FAILED);
        assert_int_equal(said.code, ERR_TIMEOUT);
        assert_contains(said.text, "[directory] job_limit");
        job_close(&jobs[i]);
        if (i == 0)
            jobs[KEEPER_JOBS_MAX] = open_job(w); /* its place is free again */
    }
}

static int *exits; /* how often a process went through exit(3); shared with all of them */

static void count_exit(void)
{
    if (exits != NULL)
        ++*exits;
}

/* A thread that was left behind may still be in a library that exit(3) would shut down. */
static void a_job_shuts_no_library_down(void **state)
{
    int *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct errinfo said = {0};
    void *own = NULL;
    struct job j;

    (void)state;
    assert_true(shared != MAP_FAILED);
    exits = shared;
    assert_int_equal(atexit(count_exit), 0);
    set_up(&own);
    j = open_job(own);
    assert_int_equal(send(j.fd, "\x01\x03", 2, 0), 2);
    assert_int_equal(last_packet(j.fd, &said), PACKET_FAILED); /* and it is buried */
    job_close(&j);
    assert_int_equal(*exits, SANITIZED ? 1 : 0);
    tear_down(&own);
    assert_int_equal(*exits, SANITIZED ? 2 : 1); /* the keeper, which has no thread */
    exits = NULL;
    munmap(shared, sizeof(*shared));
}

static void it_ends_with_jobs_under_way(void **state)
{
    struct world *w = *state;
    struct errinfo said = {0};
    struct job j = open_job(w);

    shutdown(w->control, SHUT_RDWR);
    assert_int_equal(last_packet(j.fd, &said), 0);
    job_close(&j);
}

/* ---- other settings ---- */

#define PUBLISH_IN(domains)                                                                        \
    "[store]\nstate_dir = /nonexistent\n[control]\nsocket = /nonexistent/control.sock\n"           \
    "[directory]\nlab_forest = lab.example\n[dns]\nhost = kms.corp.example\nport = 1688\n"         \
    "domains = " domains "\n"

static void write_conf(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static char conf_folder[] = "/tmp/test_keeper.XXXXXX";
static char conf_file[sizeof(conf_folder) + 16];

static int set_up_with_file(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct errinfo ei = {0};

    assert_non_null(w);
    strcpy(strrchr(conf_folder, '.'), ".XXXXXX");
    assert_non_null(mkdtemp(conf_folder));
    snprintf(conf_file, sizeof(conf_file), "%s/adbad.conf", conf_folder);
    write_conf(conf_file, PUBLISH_IN("corp.example"));
    assert_ok(settings_load(conf_file, &w->settings, &ei), &ei);
    assert_ok(keeper_start(conf_file, &w->settings, &w->log, &w->control, &w->pid, &ei), &ei);
    *state = w;
    return 0;
}

static int tear_down_with_file(void **state)
{
    struct world *w = *state;
    int status;

    close(w->control);
    assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    settings_free(&w->settings);
    free(w);
    unlink(conf_file);
    rmdir(conf_folder);
    return 0;
}

/* None of them is of the forest, so nobody is asked in DNS. */
static size_t domains_it_works_by(struct world *w)
{
    const struct job_request r = {.kind = JOB_UPDATE, .what = UPDATE_PUBLISH};
    struct update u = {0};
    struct errinfo ei = {0};
    size_t n;

    assert_ok(ask(w, &r, update_take, &u, &ei), &ei);
    n = u.n;
    update_fini(&u);
    return n;
}

/* As a network process does it. */
static enum err read_settings(const struct world *w, uint8_t digest[SETTINGS_DIGEST_LEN],
                              struct errinfo *ei)
{
    struct buf packed = BUF_INIT;
    struct settings_text text;
    struct settings now;
    int file;
    enum err e = job_read_settings(w->control, &file, ei);

    if (e != ERR_OK) {
        assert_int_equal(file, -1);
        return e;
    }
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_ok(file_read_from(file, "it", SETTINGS_TEXT_MAX, &packed, ei), ei);
    close(file);
    assert_ok(settings_text_unpack(&packed, &text, ei), ei);
    assert_ok(settings_load_text(conf_file, &text, &now, ei), ei);
    assert_ok(settings_take(&w->settings, &now, NULL, NULL, ei), ei);
    assert_ok(settings_digest(&now, digest, ei), ei);
    settings_free(&now);
    settings_text_free(&text);
    buf_fini(&packed);
    return ERR_OK;
}

static void both_take_what_it_read(void **state)
{
    struct world *w = *state;
    uint8_t digest[SETTINGS_DIGEST_LEN];
    struct errinfo ei = {0};

    assert_int_equal(domains_it_works_by(w), 1);
    write_conf(conf_file, PUBLISH_IN("corp.example, other.example"));
    assert_ok(read_settings(w, digest, &ei), &ei);
    write_conf(conf_file, PUBLISH_IN("corp.example, other.example, third.example"));
    assert_int_equal(domains_it_works_by(w), 1); /* read is not taken */
    assert_ok(job_take_settings(w->control, digest, &ei), &ei);
    assert_int_equal(domains_it_works_by(w), 2);
    assert_int_equal(job_take_settings(w->control, digest, &ei), ERR_CONFLICT); /* once */
    assert_int_equal(domains_it_works_by(w), 2);
}

static void nothing_is_taken_but_what_was_read_last(void **state)
{
    struct world *w = *state;
    uint8_t digest[SETTINGS_DIGEST_LEN], other[SETTINGS_DIGEST_LEN];
    struct settings none = {0};
    struct errinfo ei = {0};

    assert_ok(settings_digest(&none, other, &ei), &ei);
    assert_int_equal(job_take_settings(w->control, other, &ei), ERR_CONFLICT);
    write_conf(conf_file, PUBLISH_IN("corp.example, other.example"));
    assert_ok(read_settings(w, digest, &ei), &ei);
    assert_int_equal(job_take_settings(w->control, other, &ei), ERR_CONFLICT);
    assert_contains(ei.text, "reload again");
    write_conf(conf_file, "[dns]\ncolour = red\n");
    assert_int_equal(read_settings(w, other, &ei), ERR_CONFIG);
    assert_contains(ei.text, "colour");
    assert_int_equal(job_take_settings(w->control, digest, &ei), ERR_CONFLICT);
    assert_int_equal(domains_it_works_by(w), 1);
}

static void what_it_could_not_tell_is_not_taken(void **state)
{
    struct world *w = *state;
    uint8_t digest[SETTINGS_DIGEST_LEN];
    struct errinfo ei = {0};

    write_conf(conf_file, PUBLISH_IN("corp.example, other.example"));
    assert_ok(read_settings(w, digest, &ei), &ei);
    kill(w->pid, SIGSTOP);
    assert_int_equal(job_take_settings(w->control, digest, &ei), ERR_TIMEOUT);
    kill(w->pid, SIGCONT);
    assert_int_equal(domains_it_works_by(w), 1);
}

/* ---- what the network process may not write or open ---- */

struct lab {
    struct world w;
    char folder[40];
};

/* TEST-NET-1 (RFC 5737) is nobody's; a free port of loopback is anybody's. */
static const char *const web_listen[] = {"192.0.2.1:1", "127.0.0.1:0"};

static void set_up_lab(struct lab *l, bool lab_mode)
{
    struct settings *s = &l->w.settings;
    struct errinfo ei = {0};
    char path[80];

    *l = (struct lab){.folder = "/tmp/test_keeper.XXXXXX"};
    assert_non_null(mkdtemp(l->folder));
    *s = (struct settings){.lab = lab_mode, .job_limit = 3600};
    s->web_listen = (struct conf_list){2, (char **)(uintptr_t)web_listen};
    s->state_dir = strdup(l->folder);
    assert_true(asprintf(&s->control_socket, "%s/control.sock", l->folder) > 0);
    snprintf(path, sizeof(path), "%s.tickets", s->control_socket);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(asprintf(&s->lab_clock, "%s/clock", l->folder) > 0);
    assert_true(asprintf(&s->log_file, "%s/adbad.log", l->folder) > 0);
    assert_true(asprintf(&s->kms_keytab, "%s/keytab", l->folder) > 0);
    assert_ok(keeper_start("/nonexistent/adbad.conf", s, &l->w.log, &l->w.control, &l->w.pid, &ei),
              &ei);
}

static void tear_down_lab(struct lab *l)
{
    static const char *const names[] = {"clock", "clock.lock", "adbad.log", "overrides.json",
                                        "keytab"};
    struct settings *s = &l->w.settings;
    char path[80];
    int status;

    close(l->w.control);
    assert_int_equal(waitpid(l->w.pid, &status, 0), l->w.pid);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", l->folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s.tickets", s->control_socket);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(l->folder), 0); /* nothing else was left */
    free(s->state_dir);
    free(s->control_socket);
    free(s->lab_clock);
    free(s->log_file);
    free(s->kms_keytab);
}

static void what_was_set_is_on_disk_when_it_says_so(void **state)
{
    const struct job_request r = {
        .kind = JOB_OVERRIDES,
        .overrides = {.port = 1700, .activation = 15, .renewal = 43200, .low_priority = true}};
    struct job_request bad = r;
    struct overrides kept;
    struct errinfo ei = {0};
    struct lab l;

    (void)state;
    set_up_lab(&l, false);
    assert_ok(job_ask_soon(l.w.control, &r, NULL, &ei), &ei);
    assert_ok(overrides_load(l.folder, &kept, &ei), &ei);
    assert_int_equal(kept.port, 1700);
    assert_int_equal(kept.activation, 15);
    assert_int_equal(kept.renewal, 43200);
    assert_true(kept.low_priority && !kept.no_dns_publishing);
    bad.overrides.renewal = 43201;
    assert_int_equal(job_ask_soon(l.w.control, &bad, NULL, &ei), ERR_INTERNAL);
    assert_ok(overrides_load(l.folder, &kept, &ei), &ei);
    assert_int_equal(kept.renewal, 43200);
    tear_down_lab(&l);
}

static void the_clock_is_moved_in_lab_mode_only(void **state)
{
    const struct job_request r = {.kind = JOB_CLOCK, .seconds = 3600};
    struct errinfo ei = {0};
    struct lab l;
    char text[32] = "", path[80];
    FILE *f;

    (void)state;
    set_up_lab(&l, false);
    assert_int_equal(job_ask_soon(l.w.control, &r, NULL, &ei), ERR_REFUSED);
    tear_down_lab(&l);
    set_up_lab(&l, true);
    assert_ok(job_ask_soon(l.w.control, &r, NULL, &ei), &ei);
    assert_ok(job_ask_soon(l.w.control, &r, NULL, &ei), &ei);
    snprintf(path, sizeof(path), "%s/clock", l.folder);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    fclose(f);
    assert_string_equal(text, "offset 7200\n");
    tear_down_lab(&l);
}

static void the_log_comes_open_for_appending(void **state)
{
    const struct job_request r = {.kind = JOB_LOG};
    struct errinfo ei = {0};
    struct lab l;
    char path[80];
    struct stat named, got;
    int fd;

    (void)state;
    set_up_lab(&l, false);
    assert_ok(job_ask_soon(l.w.control, &r, &fd, &ei), &ei);
    snprintf(path, sizeof(path), "%s/adbad.log", l.folder);
    assert_int_equal(stat(path, &named), 0);
    assert_int_equal(fstat(fd, &got), 0);
    assert_true(named.st_ino == got.st_ino && named.st_dev == got.st_dev);
    assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(job_ask_soon(l.w.control, &r, &fd, &ei), ERR_OK);
    assert_int_equal(fd, -1);
    assert_contains(ei.text, "[log] file");
    assert_int_equal(rmdir(path), 0);
    tear_down_lab(&l);
}

static void the_keytab_comes_as_a_copy_if_it_is_ours_alone(void **state)
{
    const struct job_request r = {.kind = JOB_KEYTAB};
    struct errinfo ei = {0};
    struct buf got = BUF_INIT;
    struct lab l;
    int fd;

    (void)state;
    set_up_lab(&l, false);
    assert_int_equal(job_ask_soon(l.w.control, &r, &fd, &ei), ERR_NOTFOUND);
    assert_contains(ei.text, l.w.settings.kms_keytab);
    assert_int_equal(fd, -1);
    assert_ok(file_create(l.w.settings.kms_keytab, "keys", 4, 0600, &ei), &ei);
    assert_ok(job_ask_soon(l.w.control, &r, &fd, &ei), &ei);
    assert_ok(file_read_from(fd, "the copy", 4, &got, &ei), &ei);
    assert_string_equal(buf_str(&got), "keys");
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    assert_int_equal(chmod(l.w.settings.kms_keytab, 0640), 0);
    assert_int_equal(job_ask_soon(l.w.control, &r, &fd, &ei), ERR_REFUSED);
    assert_contains(ei.text, "chmod 0600");
    buf_fini(&got);
    tear_down_lab(&l);
}

static void without_a_keytab_none_is_read(void **state)
{
    const struct job_request r = {.kind = JOB_KEYTAB};
    struct world *w = *state;
    struct errinfo ei = {0};
    int fd;

    assert_int_equal(job_ask_soon(w->control, &r, &fd, &ei), ERR_REFUSED);
    assert_int_equal(fd, -1);
}

static void a_socket_comes_that_listens(void **state)
{
    struct job_request r = {.kind = JOB_LISTEN, .address = 1};
    struct sockaddr_in a;
    socklen_t len = sizeof(int);
    struct errinfo ei = {0};
    struct lab l;
    int fd, listens = 0;

    (void)state;
    set_up_lab(&l, false);
    assert_ok(job_ask_soon(l.w.control, &r, &fd, &ei), &ei);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len), 0);
    assert_int_equal(listens, 1);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    len = sizeof(a);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(a.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    close(fd);
    r.address = 0;
    assert_int_equal(job_ask_soon(l.w.control, &r, &fd, &ei), ERR_CONFIG);
    assert_contains(ei.text, "[web] listen");
    r.address = 2; /* there are two */
    assert_int_equal(job_ask_soon(l.w.control, &r, &fd, &ei), ERR_REFUSED);
    assert_int_equal(fd, -1);
    tear_down_lab(&l);
}

static void without_a_log_file_none_is_opened(void **state)
{
    const struct job_request r = {.kind = JOB_LOG};
    struct world *w = *state;
    struct errinfo ei = {0};
    int fd;

    assert_int_equal(job_ask_soon(w->control, &r, &fd, &ei), ERR_REFUSED);
    assert_int_equal(fd, -1);
}

/* It was told that nothing was done: the steward stood still. */
static void what_its_asker_gave_up_is_not_begun(void **state)
{
    const struct job_request r = {.kind = JOB_OVERRIDES, .overrides = {.port = 1700}};
    struct overrides kept;
    struct errinfo ei = {0};
    struct lab l;

    (void)state;
    set_up_lab(&l, false);
    kill(l.w.pid, SIGSTOP);
    assert_int_equal(job_ask_soon(l.w.control, &r, NULL, &ei), ERR_TIMEOUT);
    assert_contains(ei.text, "does not answer");
    assert_contains(ei.text, "look before you ask again");
    kill(l.w.pid, SIGCONT);
    it_still_works(&l.w); /* by now it had its turn */
    assert_ok(overrides_load(l.folder, &kept, &ei), &ei);
    assert_int_equal(kept.port, 0);
    tear_down_lab(&l);
}

/* Whoever asks blocks the loop that the service manager's watchdog looks at. */
static void a_steward_that_was_given_up_costs_no_second_wait(void **state)
{
    const struct job_request r = {.kind = JOB_OVERRIDES, .overrides = {.port = 1700}};
    uint8_t digest[SETTINGS_DIGEST_LEN] = {0};
    struct errinfo ei = {0};
    struct lab l, other;
    int fd;

    (void)state;
    set_up_lab(&other, false);
    set_up_lab(&l, false);
    kill(l.w.pid, SIGSTOP);
    assert_int_equal(job_take_settings(l.w.control, digest, &ei), ERR_TIMEOUT);
    assert_int_equal(job_ask_soon(l.w.control, &r, NULL, &ei), ERR_TIMEOUT);
    assert_contains(ei.text, "a moment ago");
    assert_int_equal(job_read_settings(l.w.control, &fd, &ei), ERR_TIMEOUT);
    assert_contains(ei.text, "a moment ago");
    assert_int_equal(fd, -1);
    assert_ok(job_ask_soon(other.w.control, &r, NULL, &ei), &ei); /* that one works */
    kill(l.w.pid, SIGCONT);
    tear_down_lab(&l);
    tear_down_lab(&other);
}

static void ticket_of(const struct lab *l, char path[80])
{
    snprintf(path, 80, "%s/control.sock.tickets/ccache", l->folder);
}

static void await_gone(const char *path)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000000};

    for (int waited = 0; access(path, F_OK) == 0; waited += 5) {
        assert_true(waited < DEADLINE_MS);
        nanosleep(&pause, NULL);
    }
}

static void the_ticket_goes_with_the_last_job_after_one_was_killed(void **state)
{
    struct errinfo ei = {0}, said = {0};
    char path[80];
    struct lab l;
    struct job updates, dies;

    (void)state;
    set_up_lab(&l, false);
    ticket_of(&l, path);
    assert_ok(file_write_atomic(path, "ticket", 6, 0600, &ei), &ei);
    updates = open_job(&l.w);
    dies = open_job(&l.w);
    assert_int_equal(send(dies.fd, "x", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(last_packet(dies.fd, &said), PACKET_FAILED);
    job_close(&dies);
    assert_int_equal(access(path, F_OK), 0); /* the other job's, perhaps */
    job_close(&updates);
    await_gone(path);
    tear_down_lab(&l);
}

int main(void)
{
#define TEST_WITH_FILE(f) cmocka_unit_test_setup_teardown(f, set_up_with_file, tear_down_with_file)
#define TEST(f)           cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_clearing_key_is_only_for_a_clearing_house),
        TEST(what_is_no_request_ends_its_job_alone),
        cmocka_unit_test(that_there_is_a_relay_is_not_for_the_asker_to_say),
        TEST(a_second_request_is_never_read),
        TEST(descriptors_that_are_no_jobs_are_let_go),
        TEST(more_jobs_than_may_be_are_refused_until_one_ends),
        cmocka_unit_test_setup_teardown(
            jobs_that_have_had_their_time_are_ended_and_their_askers_told, set_up_in_haste,
            tear_down),
        cmocka_unit_test(a_job_shuts_no_library_down),
        TEST_WITH_FILE(both_take_what_it_read),
        TEST_WITH_FILE(nothing_is_taken_but_what_was_read_last),
        TEST_WITH_FILE(what_it_could_not_tell_is_not_taken),
        cmocka_unit_test(what_was_set_is_on_disk_when_it_says_so),
        cmocka_unit_test(the_clock_is_moved_in_lab_mode_only),
        cmocka_unit_test(the_log_comes_open_for_appending),
        cmocka_unit_test(the_keytab_comes_as_a_copy_if_it_is_ours_alone),
        TEST(without_a_keytab_none_is_read),
        cmocka_unit_test(a_socket_comes_that_listens),
        TEST(without_a_log_file_none_is_opened),
        cmocka_unit_test(what_its_asker_gave_up_is_not_begun),
        cmocka_unit_test(a_steward_that_was_given_up_costs_no_second_wait),
        cmocka_unit_test(the_ticket_goes_with_the_last_job_after_one_was_killed),
        TEST(it_ends_with_jobs_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
