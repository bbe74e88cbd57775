#include "samples.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "store/migrations.h"
#include "store/store.h"

struct seen {
    size_t n;
    struct store_activation a[16];
};

static enum err collect(void *arg, const struct store_activation *a)
{
    struct seen *seen = arg;

    assert_true(seen->n < 16);
    seen->a[seen->n++] = *a;
    return ERR_OK;
}

static struct seen all_since(struct fixture *f, int64_t since)
{
    struct seen seen = {0};

    assert_ok(store_each_activation(f->s, since, collect, &seen, &f->ei), &f->ei);
    return seen;
}

static void an_activation_comes_back_as_it_was_added(void **state)
{
    struct fixture *f = *state;
    struct store_activation want = activation(3, 1700000000);
    struct seen seen;

    open_ledger(f);
    add(f, 3, 1700000000);
    reopen_ledger(f);
    seen = all_since(f, 0);
    assert_int_equal(seen.n, 1);
    want.id = 1;
    assert_int_equal(seen.a[0].id, want.id);
    assert_int_equal(seen.a[0].when, want.when);
    assert_int_equal(seen.a[0].channel, want.channel);
    assert_string_equal(seen.a[0].peer, want.peer);
    assert_int_equal(seen.a[0].version, want.version);
    assert_true(guid_equal(&seen.a[0].application_id, &want.application_id));
    assert_true(guid_equal(&seen.a[0].activation_id, &want.activation_id));
    assert_true(guid_equal(&seen.a[0].kms_id, &want.kms_id));
    assert_true(guid_equal(&seen.a[0].client_id, &want.client_id));
    assert_true(guid_equal(&seen.a[0].previous_client_id, &want.previous_client_id));
    assert_int_equal(seen.a[0].required_count, want.required_count);
    assert_int_equal(seen.a[0].licence_status, want.licence_status);
    assert_int_equal(seen.a[0].minutes_left, want.minutes_left);
    assert_true(seen.a[0].is_virtual);
    assert_int_equal(seen.a[0].count, want.count);
    assert_string_equal(seen.a[0].workstation, want.workstation);
}

static void activations_come_in_the_order_they_were_recorded(void **state)
{
    struct fixture *f = *state;
    struct seen seen;

    open_ledger(f);
    add(f, 0, 300);
    add(f, 1, 100); /* the clock went back: the order of recording holds all the same */
    add(f, 2, 200);
    seen = all_since(f, 0);
    assert_int_equal(seen.n, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(seen.a[i].client_id.b[0], 0x40 + i);
    seen = all_since(f, 200);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.a[0].when, 300);
    assert_int_equal(seen.a[1].when, 200);
}

static void recent_activations_come_newest_first_and_bounded(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};

    open_ledger(f);
    for (unsigned i = 0; i < 5; i++)
        add(f, i, 100 + i);
    assert_ok(store_each_recent(f->s, 101, 2, collect, &seen, &f->ei), &f->ei);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.a[0].when, 104);
    assert_int_equal(seen.a[1].when, 103);
    seen.n = 0;
    assert_ok(store_each_recent(f->s, 101, 0, collect, &seen, &f->ei), &f->ei);
    assert_int_equal(seen.n, 4);
}

static void only_kms_activations_are_replayed(void **state)
{
    struct fixture *f = *state;
    struct store_activation a = activation(0, 100);

    open_ledger(f);
    a.channel = STORE_ADBA;
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_activation(f->s, &a, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    add(f, 1, 101);
    assert_int_equal(all_since(f, 0).n, 1);
}

static void a_rolled_back_activation_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct store_activation a = activation(0, 100);
    struct store_totals t;

    open_ledger(f);
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_activation(f->s, &a, &f->ei), &f->ei);
    store_rollback(f->s);
    add(f, 1, 101);
    assert_int_equal(all_since(f, 0).n, 1);
    assert_ok(store_totals(f->s, &t, &f->ei), &f->ei);
    assert_int_equal(t.answered, 1);
}

static void an_uncommitted_activation_is_gone_after_closing(void **state)
{
    struct fixture *f = *state;
    struct store_activation a = activation(0, 100);

    open_ledger(f);
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_activation(f->s, &a, &f->ei), &f->ei);
    reopen_ledger(f);
    assert_int_equal(all_since(f, 0).n, 0);
}

struct refusals {
    size_t n;
    struct store_refusal r[8];
};

static enum err collect_refusal(void *arg, const struct store_refusal *r)
{
    struct refusals *seen = arg;

    assert_true(seen->n < 8);
    seen->r[seen->n++] = *r;
    return ERR_OK;
}

static void refusals_are_summed_per_minute_source_and_reason(void **state)
{
    static const struct store_refusal given[] = {
        {.when = 600, .source = "192.0.2.1", .reason = "foreign", .hresult = 0xC004F042},
        {.when = 659,
         .source = "192.0.2.1",
         .reason = "foreign",
         .hresult = 0xC004F042,
         .times = 4},
        {.when = 660, .source = "192.0.2.1", .reason = "foreign", .hresult = 0xC004F042},
        {.when = 601, .source = "192.0.2.2", .reason = "foreign", .hresult = 0xC004F042},
        {.when = 602, .source = "192.0.2.1", .reason = "clock-skew", .hresult = 0xC004F06C},
    };
    struct fixture *f = *state;
    struct refusals seen = {0};
    struct store_totals t;

    open_ledger(f);
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    for (size_t i = 0; i < 5; i++)
        assert_ok(store_add_refusal(f->s, &given[i], &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    assert_ok(store_each_refusal(f->s, 0, collect_refusal, &seen, &f->ei), &f->ei);
    assert_int_equal(seen.n, 4);
    assert_string_equal(seen.r[0].reason, "clock-skew");
    assert_int_equal(seen.r[1].times, 5);
    assert_int_equal(seen.r[1].when, 600);
    assert_int_equal(seen.r[1].hresult, 0xC004F042);
    assert_string_equal(seen.r[2].source, "192.0.2.2");
    assert_int_equal(seen.r[3].when, 660);
    assert_ok(store_totals(f->s, &t, &f->ei), &f->ei);
    assert_int_equal(t.refused, 8);
    assert_int_equal(t.answered, 0);
}

static void totals_count_by_stated_status_and_survive_reopening(void **state)
{
    struct fixture *f = *state;
    struct store_totals t;

    open_ledger(f);
    for (unsigned i = 0; i < 9; i++)
        add(f, i, 100);
    reopen_ledger(f);
    assert_ok(store_totals(f->s, &t, &f->ei), &f->ei);
    assert_int_equal(t.answered, 9);
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(t.by_status[i], i < 2 ? 2 : 1);
}

static void a_second_writer_is_refused_and_a_reader_is_not(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;
    char pid[32];

    open_ledger(f);
    add(f, 0, 100);
    assert_int_equal(store_open(f->path, &other, &f->ei), ERR_BUSY);
    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    assert_contains(f->ei.text, pid);
    assert_null(other);
    assert_ok(store_open_readonly(f->path, &other, &f->ei), &f->ei);
    store_close(other);
    add(f, 1, 101);
    assert_int_equal(all_since(f, 0).n, 2);
}

static void the_ledger_of_a_killed_writer_can_be_opened(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *s;
        struct store_activation a = activation(0, 100);

        if (store_open(f->path, &s, NULL) != ERR_OK || store_begin(s, NULL) != ERR_OK ||
            store_add_activation(s, &a, NULL) != ERR_OK || store_commit(s, NULL) != ERR_OK)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    open_ledger(f);
    assert_int_equal(all_since(f, 0).n, 1);
}

static void only_its_owner_can_read_the_ledger(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    open_ledger(f);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- files that are not ours ---- */

static void read_file(const char *path, struct buf *out)
{
    struct errinfo ei;

    assert_ok(file_read(path, 1 << 20, out, &ei), &ei);
}

/* Opening, for writing and for reading, gives want, and not a byte of the file has changed. */
static void assert_refused_untouched(struct fixture *f, enum err want)
{
    struct buf before = BUF_INIT, after = BUF_INIT;
    char name[400];

    read_file(f->path, &before);
    assert_int_equal(store_open(f->path, &f->s, &f->ei), want);
    assert_contains(f->ei.text, f->path);
    assert_int_equal(store_open_readonly(f->path, &f->s, &f->ei), want);
    assert_null(f->s);
    read_file(f->path, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    buf_fini(&before);
    buf_fini(&after);
    snprintf(name, sizeof(name), "%s.lock", f->path);
    assert_int_equal(access(name, F_OK), -1);
}

static void a_database_of_another_program_is_refused_untouched(void **state)
{
    struct fixture *f = *state;

    sql(f->path, "PRAGMA journal_mode=WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    assert_refused_untouched(f, ERR_FOREIGN);
}

static void a_text_file_is_refused_untouched(void **state)
{
    struct fixture *f = *state;

    assert_ok(file_create(f->path, "dear diary\n", 11, 0600, &f->ei), &f->ei);
    assert_refused_untouched(f, ERR_FOREIGN);
}

static enum err last_proof(void *arg, const struct store_activation *a)
{
    *(struct store_activation *)arg = *a;
    return ERR_LIMIT;
}

static void who_a_member_proved_to_be_is_kept_and_older_rows_tell_nobody(void **state)
{
    struct fixture *f = *state;
    struct store_activation a = activation(1, 100), last;

    for (int i = 0; i < 10; i++)
        sql(f->path, store_migrations[i]);
    sql(f->path, "PRAGMA user_version=10; PRAGMA application_id=0x41444241;"
                 "INSERT INTO activations SELECT 7, 50, 1, 'p', 6, zeroblob(16), zeroblob(16),"
                 " zeroblob(16), zeroblob(16), zeroblob(16), 5, 2, 0, 0, 5, 'PC07', 50;");
    open_ledger(f);
    assert_int_equal(store_each_recent(f->s, 0, 0, last_proof, &last, &f->ei), ERR_LIMIT);
    assert_true(last.id == 7 && last.channel == STORE_ADBA);
    assert_string_equal(last.principal, "");
    assert_string_equal(last.sid, "");

    a.channel = STORE_ADBA;
    snprintf(a.principal, sizeof(a.principal), "PC01$@LAB.EXAMPLE");
    snprintf(a.sid, sizeof(a.sid), "S-1-5-21-1-2-3-1104");
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_activation(f->s, &a, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    reopen_ledger(f);
    assert_int_equal(store_each_recent(f->s, 0, 0, last_proof, &last, &f->ei), ERR_LIMIT);
    assert_string_equal(last.principal, "PC01$@LAB.EXAMPLE");
    assert_string_equal(last.sid, "S-1-5-21-1-2-3-1104");
}

static void a_newer_ledger_is_refused_untouched(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    close_ledger(f);
    sql(f->path, "PRAGMA user_version=1000");
    assert_refused_untouched(f, ERR_VERSION);
}

static void copy(const char *from, const char *to)
{
    struct buf b = BUF_INIT;
    struct errinfo ei;

    read_file(from, &b);
    assert_ok(file_create(to, b.data, b.len, 0600, &ei), &ei);
    buf_fini(&b);
}

/* The newer program was killed: its version stands in the log only. */
static void a_newer_ledger_with_a_log_is_refused_untouched(void **state)
{
    struct fixture *f = *state;
    struct buf before = BUF_INIT, after = BUF_INIT;
    char live[400], log[400], live_log[420];
    sqlite3 *db;

    open_ledger(f);
    close_ledger(f);
    snprintf(live, sizeof(live), "%s/live.db", f->folder);
    snprintf(live_log, sizeof(live_log), "%s-wal", live);
    snprintf(log, sizeof(log), "%s-wal", f->path);
    assert_int_equal(rename(f->path, live), 0);
    assert_int_equal(unlink(log), 0); /* empty */
    assert_int_equal(sqlite3_open(live, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=1000", NULL, NULL, NULL), SQLITE_OK);
    copy(live, f->path);
    copy(live_log, log);
    sqlite3_close(db);

    read_file(log, &before);
    assert_refused_untouched(f, ERR_VERSION);
    read_file(log, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    buf_fini(&before);
    buf_fini(&after);
}

static void a_missing_ledger_is_not_found_when_reading(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(store_open_readonly(f->path, &f->s, &f->ei), ERR_NOTFOUND);
    assert_int_equal(access(f->path, F_OK), -1);
}

static void a_missing_folder_is_named(void **state)
{
    struct fixture *f = *state;

    snprintf(f->path, sizeof(f->path), "%s/none/ledger.db", f->folder);
    assert_int_equal(store_open(f->path, &f->s, &f->ei), ERR_NOTFOUND);
    assert_contains(f->ei.text, f->path);
}

/* ---- other connections, other hands ---- */

/* A lock on the file that keeps others from taking SQLite's for writing, as seen by another
 * process; where they lie: https://sqlite.org/src/file/src/os.h, SHARED_FIRST and SHARED_SIZE. */
static bool others_see_a_lock(const char *path)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_start = 0x40000002, .l_len = 510};
        int fd = open(path, O_RDWR | O_CLOEXEC);

        _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status == 0;
}

static void a_reader_in_the_same_process_costs_the_writer_no_lock(void **state)
{
    struct fixture *f = *state;
    struct store *reader = NULL;

    open_ledger(f);
    add(f, 0, 100);
    assert_true(others_see_a_lock(f->path));
    assert_ok(store_open_readonly(f->path, &reader, &f->ei), &f->ei);
    assert_true(others_see_a_lock(f->path));
    store_close(reader);
    assert_true(others_see_a_lock(f->path));
}

static void a_ledger_that_is_removed_while_in_use_takes_no_more(void **state)
{
    struct fixture *f = *state;
    char aside[400];

    snprintf(aside, sizeof(aside), "%s.aside", f->path);
    open_ledger(f);
    add(f, 0, 100);
    assert_int_equal(rename(f->path, aside), 0);
    assert_int_equal(store_begin(f->s, &f->ei), ERR_NOTFOUND);
    assert_contains(f->ei.text, "was removed while in use; put it back");
    assert_int_equal(store_reopen(f->s, &f->ei), ERR_NOTFOUND);
    assert_contains(f->ei.text, "was removed while in use; put it back");
    assert_int_equal(access(f->path, F_OK), -1); /* none is begun in its place */
    assert_int_equal(store_begin(f->s, &f->ei), ERR_NOT_NOW);
    assert_int_equal(rename(aside, f->path), 0);
    assert_ok(store_reopen(f->s, &f->ei), &f->ei);
    add(f, 1, 101);
    assert_int_equal(all_since(f, 0).n, 2);
}

static void another_file_in_its_place_is_told_of(void **state)
{
    struct fixture *f = *state;
    char aside[400];

    snprintf(aside, sizeof(aside), "%s.aside", f->path);
    open_ledger(f);
    assert_int_equal(rename(f->path, aside), 0);
    assert_ok(file_create(f->path, "no ledger", 9, 0600, &f->ei), &f->ei);
    assert_int_not_equal(store_reopen(f->s, &f->ei), ERR_OK);
    assert_contains(f->ei.text, "another file than the one that was open: restart adbad");
    assert_int_equal(rename(aside, f->path), 0);
    assert_ok(store_reopen(f->s, &f->ei), &f->ei);
}

/* ---- failures ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit r = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* Fills the ledger until its file may not grow. */
static enum err add_until_full(struct fixture *f, unsigned *committed)
{
    struct store_activation a = activation(1, 100);
    enum err e = ERR_OK;

    for (*committed = 0; *committed < 1000; (*committed)++) {
        e = store_begin(f->s, &f->ei);
        for (int i = 0; e == ERR_OK && i < 50; i++)
            e = store_add_activation(f->s, &a, &f->ei);
        if (e == ERR_OK)
            e = store_commit(f->s, &f->ei);
        if (e != ERR_OK)
            break;
    }
    return e;
}

static void a_full_disk_records_nothing_and_reopening_recovers(void **state)
{
    struct fixture *f = *state;
    unsigned committed, rows = 0;
    enum err e;

    open_ledger(f);
    limit_files(256 * 1024);
    e = add_until_full(f, &committed);
    assert_int_equal(e, ERR_FULL);
    assert_contains(f->ei.text, f->path);
    assert_int_equal(store_begin(f->s, &f->ei), ERR_NOT_NOW);
    limit_files(RLIM_INFINITY);
    assert_int_equal(store_begin(f->s, &f->ei), ERR_NOT_NOW);
    assert_ok(store_reopen(f->s, &f->ei), &f->ei);
    assert_ok(store_each_activation(f->s, 0, count_rows, &rows, &f->ei), &f->ei);
    assert_int_equal(rows, committed * 50);
    add(f, 1, 100);
}

/* They are looked at without opening them: to close them would let go of SQLite's own locks. */
struct inode {
    int fd;
    char path[340];
};

static struct inode inode_of(const struct fixture *f, const char *suffix)
{
    struct inode i;

    snprintf(i.path, sizeof(i.path), "%s%s", f->path, suffix);
    i.fd = open(i.path, O_PATH | O_CLOEXEC);
    assert_true(i.fd >= 0);
    return i;
}

static void assert_same_inode(const struct inode *i)
{
    struct stat was, is;

    assert_int_equal(fstat(i->fd, &was), 0);
    assert_int_equal(stat(i->path, &is), 0);
    assert_true(was.st_ino == is.st_ino && was.st_nlink == 1);
}

/* A confined process may not: neither with rows in the log nor when nobody else has it open. */
static void reopening_and_closing_make_and_remove_no_file(void **state)
{
    static const char *const names[] = {"", "-wal", "-shm"};
    struct fixture *f = *state;
    struct inode inodes[3];

    open_ledger(f);
    add(f, 0, 100);
    for (size_t i = 0; i < 3; i++)
        inodes[i] = inode_of(f, names[i]);
    assert_ok(store_reopen(f->s, &f->ei), &f->ei);
    add(f, 1, 101);
    for (size_t i = 0; i < 3; i++)
        assert_same_inode(&inodes[i]);
    close_ledger(f);
    open_ledger(f);
    add(f, 2, 102);
    for (size_t i = 0; i < 3; i++) {
        assert_same_inode(&inodes[i]);
        close(inodes[i].fd);
    }
    assert_int_equal(all_since(f, 0).n, 3);
}

static void reopening_fails_while_the_disk_is_full(void **state)
{
    struct fixture *f = *state;
    unsigned committed, rows = 0;

    open_ledger(f);
    limit_files(256 * 1024);
    assert_int_equal(add_until_full(f, &committed), ERR_FULL);
    limit_files(4096); /* what stands in the log cannot be moved either */
    assert_int_equal(store_reopen(f->s, &f->ei), ERR_FULL);
    assert_int_equal(store_each_activation(f->s, 0, count_rows, &rows, &f->ei), ERR_NOT_NOW);
    assert_int_equal(store_begin(f->s, &f->ei), ERR_NOT_NOW);
    limit_files(RLIM_INFINITY);
    assert_ok(store_reopen(f->s, &f->ei), &f->ei);
    assert_ok(store_each_activation(f->s, 0, count_rows, &rows, &f->ei), &f->ei);
    assert_int_equal(rows, committed * 50);
}

static enum err stop_at_once(void *arg, const struct store_activation *a)
{
    (void)arg;
    (void)a;
    return ERR_LIMIT;
}

static void the_error_of_a_callback_stops_the_walk(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    add(f, 0, 100);
    add(f, 1, 100);
    assert_int_equal(store_each_activation(f->s, 0, stop_at_once, NULL, &f->ei), ERR_LIMIT);
    assert_int_equal(all_since(f, 0).n, 2);
}

static void a_reader_misses_its_file(void **state)
{
    struct fixture *f = *state;
    struct store *reader;

    open_ledger(f);
    close_ledger(f);
    assert_ok(store_open_readonly(f->path, &reader, &f->ei), &f->ei);
    assert_ok(store_look(reader, &f->ei), &f->ei);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(store_look(reader, &f->ei), ERR_NOTFOUND);
    store_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_activation_comes_back_as_it_was_added),
        T(activations_come_in_the_order_they_were_recorded),
        T(recent_activations_come_newest_first_and_bounded),
        T(only_kms_activations_are_replayed),
        T(a_rolled_back_activation_is_not_there),
        T(an_uncommitted_activation_is_gone_after_closing),
        T(refusals_are_summed_per_minute_source_and_reason),
        T(totals_count_by_stated_status_and_survive_reopening),
        T(a_second_writer_is_refused_and_a_reader_is_not),
        T(the_ledger_of_a_killed_writer_can_be_opened),
        T(only_its_owner_can_read_the_ledger),
        T(a_database_of_another_program_is_refused_untouched),
        T(a_text_file_is_refused_untouched),
        T(who_a_member_proved_to_be_is_kept_and_older_rows_tell_nobody),
        T(a_newer_ledger_is_refused_untouched),
        T(a_newer_ledger_with_a_log_is_refused_untouched),
        T(a_missing_ledger_is_not_found_when_reading),
        T(a_missing_folder_is_named),
        T(a_reader_in_the_same_process_costs_the_writer_no_lock),
        T(a_ledger_that_is_removed_while_in_use_takes_no_more),
        T(another_file_in_its_place_is_told_of),
        T(a_reader_misses_its_file),
        T(a_full_disk_records_nothing_and_reopening_recovers),
        T(reopening_and_closing_make_and_remove_no_file),
        T(reopening_fails_while_the_disk_is_full),
        T(the_error_of_a_callback_stops_the_walk),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
