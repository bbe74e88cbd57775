#include "steward/job.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/labclk.h"
#include "catalog/catalog.h"
#include "jobs/job.h"
#include "jobs/look.h"
#include "jobs/reading.h"
#include "jobs/secret.h"
#include "realm/realm.h"
#include "steward/accounts.h"
#include "steward/bounds.h"
#include "steward/directory.h"
#include "steward/files.h"
#include "steward/look.h"
#include "steward/update.h"

typedef enum err work_fn(const struct settings *s, const struct job_request *r,
                         struct packet_out *o, struct errinfo *ei);

/* ---- the directory ---- */

static enum err read_clock(const struct settings *s, int64_t *now, struct errinfo *ei)
{
    struct clk real = clk_system(), lab;
    struct labclk *l = NULL;
    enum err e;

    *now = clk_now(&real);
    if (!s->lab)
        return ERR_OK;
    e = labclk_open(s->lab_clock, real, &l, ei);
    if (e != ERR_OK)
        return e;
    lab = labclk_clk(l);
    *now = clk_now(&lab);
    labclk_free(l);
    return ERR_OK;
}

static enum err do_look(const struct settings *s, const struct job_request *r, struct packet_out *o,
                        struct errinfo *ei)
{
    struct bundle bundle = {0};
    struct catalog *catalog = NULL;
    struct looker by = {.settings = s};
    struct look seen = {0};
    enum err e = read_clock(s, &by.now, ei);

    (void)r;
    if (e == ERR_OK)
        e = bundle_load(s->realm_bundle, &bundle, ei);
    if (e == ERR_OK)
        e = catalog_load_overlays(s->catalog_dir, &catalog, ei);
    if (e == ERR_OK) {
        by.bundle = &bundle;
        by.catalog = catalog;
        look(&by, &seen);
        e = look_send(&seen, o, ei);
    }
    look_fini(&seen);
    catalog_free(catalog);
    bundle_fini(&bundle);
    return e;
}

static enum err do_accounts(const struct settings *s, const struct job_request *r,
                            struct packet_out *o, struct errinfo *ei)
{
    const struct accounts_query q = {
        .base = s->search_base, .cookie = r->cookie, .cookie_len = r->cookie_len, .list = r->list};
    struct reading_out out = {.out = o};
    struct members_reading reading = {0};
    struct dir *d = NULL;
    enum err e = directory_open(s, &d, ei);

    if (e == ERR_OK)
        e = accounts_read(d, &q, reading_note, &out, &reading, ei);
    if (e == ERR_OK)
        e = reading_send(&out, &reading, ei);
    members_reading_fini(&reading);
    dir_close(d);
    return e;
}

/* ---- DNS ---- */

/* Whether there is a relay is for the configuration to say, not for whoever asks. */
static enum publish_relay relay_of(const struct settings *s, const struct job_request *r)
{
    return s->relay_upstream.n > 0 ? r->relay : PUBLISH_RELAY_NONE;
}

static enum err do_update(const struct settings *s, const struct job_request *r,
                          struct packet_out *o, struct errinfo *ei)
{
    char *cache = settings_ticket_file(s);
    const struct round by = {.settings = s,
                             .what = r->what,
                             .relay = relay_of(s, r),
                             .down_rounds = r->down_rounds,
                             .cache = cache};
    struct update u = {0};
    enum err e;

    if (cache == NULL)
        return err_nomem(ei);
    (void)unlink(cache); /* of one that was killed */
    update_run(&by, &u);
    (void)unlink(cache);
    e = update_send(&u, o, ei);
    update_fini(&u);
    free(cache);
    return e;
}

/* ---- the clearing house ---- */

static enum err do_clearing(const struct settings *s, const struct job_request *r,
                            struct packet_out *o, struct errinfo *ei)
{
    struct bundle bundle = {0};
    struct secret secret = {0};
    enum err e;

    (void)r;
    _Static_assert(SECRET_LEN == REALM_CLEARING_LEN, "the clearing key's length");
    if (!s->clearing_serve)
        return err_fail(ei, ERR_REFUSED, "this is no clearing house ([clearing] serve)");
    e = realm_require_private(s->realm_dir, s->realm_secret, ei);
    if (e == ERR_OK)
        e = bundle_load(s->realm_bundle, &bundle, ei);
    if (e == ERR_OK)
        e = realm_clearing_read(s->realm_secret, &bundle.keys, secret.key, ei);
    if (e == ERR_OK) {
        snprintf(secret.realm, sizeof(secret.realm), "%s", bundle.id);
        e = secret_send(&secret, o, ei);
    }
    OPENSSL_cleanse(&secret, sizeof(secret));
    bundle_fini(&bundle);
    return e;
}

/* ---- a job ---- */

/* One of them. What works sends its answer but the end; what only does something is answered by the
 * end alone, with which what opens sends what it opened. */
static const struct {
    const char *process; /* what ps calls it */
    work_fn *work;
    enum err (*act)(const struct settings *s, const struct job_request *r, struct errinfo *ei);
    enum err (*open)(const struct settings *s, const struct job_request *r, int *fd,
                     struct errinfo *ei);
} kinds[JOB_KINDS] = {
    [JOB_LOOK] = {"adbad-look", .work = do_look},
    [JOB_ACCOUNTS] = {"adbad-accounts", .work = do_accounts},
    [JOB_UPDATE] = {"adbad-update", .work = do_update},
    [JOB_CLEARING] = {"adbad-clearing", .work = do_clearing},
    [JOB_OVERRIDES] = {"adbad-overrides", .act = files_keep},
    [JOB_CLOCK] = {"adbad-clock", .act = files_advance_clock},
    [JOB_LOG] = {"adbad-log", .open = files_open_log},
    [JOB_KEYTAB] = {"adbad-keytab", .open = files_copy_keytab},
    [JOB_LISTEN] = {"adbad-listen", .open = files_listen},
};

struct end {
    int socket, file; /* -1: no file */
};

static enum err send_packet(void *arg, const struct buf *packet, struct errinfo *ei)
{
    struct end *to = arg;

    return to->file < 0 ? job_send(&to->socket, packet, ei)
                        : job_pass(to->socket, packet->data, packet->len, to->file, ei);
}

/* An answer that can't be sent has nobody to tell it to. */
static int answer(const struct settings *s, const struct job_request *r, int fd)
{
    struct end to = {.socket = fd, .file = -1};
    struct packet_out o = {.send = send_packet, .arg = &to};
    struct errinfo ei = {0};
    enum err e;

    if (kinds[r->kind].act != NULL)
        e = kinds[r->kind].act(s, r, &ei);
    else if (kinds[r->kind].open != NULL)
        e = kinds[r->kind].open(s, r, &to.file, &ei);
    else
        e = kinds[r->kind].work(s, r, &o, &ei);
    e = e == ERR_OK ? packet_send_end(&o, &ei) : packet_send_failed(&o, &ei, NULL);
    buf_wipe(&o.buf);
    return e == ERR_OK ? EXIT_OK : EXIT_FAILED;
}

/* Nothing is done for who was told already that it was not. */
static bool asker_left(int fd)
{
    struct pollfd p = {.fd = fd};

    return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
}

/* A job gives up more than its keeper, to whom its own rights are enough; where that has none to
 * give up, it is the keeper that says so. */
static enum err give_up(const struct settings *s, enum job_kind kind, bool confined,
                        struct errinfo *ei)
{
    struct confinement c;
    enum err e;

    bounds_job(kind, s, &c);
    e = confine(&c, ei);
    confinement_fini(&c);
    return confined ? e : ERR_OK;
}

int job_run(const struct settings *s, const struct log *log, bool confined, int fd)
{
    struct buf packet = BUF_INIT;
    struct job_request r;
    struct errinfo ei = {0};
    enum err e = job_receive(fd, &packet, NULL, &ei);
    bool asked = e == ERR_OK && packet.len > 0 && !asker_left(fd);
    int status = EXIT_OK;

    if (asked)
        e = request_read(packet.data, packet.len, &r, &ei);
    if (e == ERR_OK && asked)
        e = give_up(s, r.kind, confined, &ei);
    if (e != ERR_OK) {
        log_as(log, LOGL_ERROR, LOGK_STEWARD_JOB, "failed", "%s", ei.text);
        status = EXIT_FAILED;
    } else if (asked) {
        prctl(PR_SET_NAME, kinds[r.kind].process);
        status = answer(s, &r, fd);
    }
    buf_fini(&packet);
    return status;
}
