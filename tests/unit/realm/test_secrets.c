#include "realm/secrets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "support.h"

#define SLUG "volume-license-for-windows-server-2022"

static const char *const endings[] = {SECRETS_KEY, SECRETS_CONFIRM, SECRETS_CID};
#define ENDINGS 3

struct place {
    char folder[256];
    char state[300], secrets[300];
};

static int setup(void **state)
{
    static struct place p;
    char path[400];
    struct errinfo ei;

    test_folder(p.folder);
    snprintf(p.state, sizeof(p.state), "%s/state", p.folder);
    snprintf(p.secrets, sizeof(p.secrets), "%s/state.private", p.folder);
    snprintf(path, sizeof(path), "%s/hostkeys", p.state);
    assert_ok(file_make_folder(p.state, 0700, &ei), &ei);
    assert_ok(file_make_folder(path, 0700, &ei), &ei);
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    test_folder_remove(p->folder);
    return 0;
}

static const char *name(const char *folder, const char *ending)
{
    static char path[2][SECRETS_PATH_MAX];
    static unsigned turn;

    turn = 1 - turn;
    snprintf(path[turn], SECRETS_PATH_MAX, "%s/hostkeys/" SLUG "%s", folder, ending);
    return path[turn];
}

static bool there(const char *folder, const char *ending)
{
    return access(name(folder, ending), F_OK) == 0;
}

/* As an earlier version left it. */
static void put_former(const struct place *p, const char *ending, const char *text)
{
    struct errinfo ei;

    assert_ok(file_write_atomic(name(p->state, ending), text, strlen(text), 0600, &ei), &ei);
}

static void put(const struct place *p, const char *ending, const char *text)
{
    struct errinfo ei;

    assert_ok(secrets_write(p->state, p->secrets, SLUG, ending, text, strlen(text), &ei), &ei);
}

static void assert_read(const struct place *p, const char *ending, const char *text)
{
    char path[SECRETS_PATH_MAX];
    struct buf b = BUF_INIT;
    struct errinfo ei;

    assert_ok(secrets_read(p->state, p->secrets, SLUG, ending, &b, path, &ei), &ei);
    assert_string_equal(buf_str(&b), text);
    buf_wipe(&b);
}

static void what_is_written_is_private_and_outside_the_state_folder(void **state)
{
    struct place *p = *state;
    struct errinfo ei;
    struct stat st;
    char path[400];

    put(p, SECRETS_KEY, "one");
    put(p, SECRETS_KEY, "two");
    assert_read(p, SECRETS_KEY, "two");
    assert_false(there(p->state, SECRETS_KEY));
    assert_int_equal(stat(p->secrets, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    snprintf(path, sizeof(path), "%s/hostkeys", p->secrets);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(name(p->secrets, SECRETS_KEY), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_ok(secrets_remove(p->secrets, SLUG, &ei), &ei);
    assert_ok(secrets_remove(p->secrets, SLUG, &ei), &ei);
    assert_false(there(p->secrets, SECRETS_KEY));
}

static void what_is_nowhere_is_not_found(void **state)
{
    struct place *p = *state;
    char path[SECRETS_PATH_MAX];
    struct buf b = BUF_INIT;
    struct errinfo ei;

    assert_int_equal(secrets_read(p->state, p->secrets, SLUG, SECRETS_KEY, &b, path, &ei),
                     ERR_NOTFOUND);
    assert_contains(ei.text, p->secrets);
    assert_int_equal(b.len, 0);
}

static void an_earlier_versions_files_are_read_and_then_moved(void **state)
{
    struct place *p = *state;
    struct errinfo ei;

    for (int i = 0; i < ENDINGS; i++)
        put_former(p, endings[i], endings[i]);
    put_former(p, ".json", "{}");
    for (int i = 0; i < ENDINGS; i++)
        assert_read(p, endings[i], endings[i]);
    assert_ok(secrets_open(p->state, p->secrets, &ei), &ei);
    for (int i = 0; i < ENDINGS; i++) {
        assert_false(there(p->state, endings[i]));
        assert_true(there(p->secrets, endings[i]));
        assert_read(p, endings[i], endings[i]);
    }
    assert_true(there(p->state, ".json"));
    assert_false(there(p->secrets, ".json"));
}

/* Each file not moved, copied and not removed, or moved: whatever a crash left. */
static void moving_goes_on_after_a_crash(void **state)
{
    struct place *p = *state;
    struct errinfo ei;

    for (int left = 0; left < 3 * 3 * 3; left++) {
        for (int i = 0, rest = left; i < ENDINGS; i++, rest /= 3) {
            if (rest % 3 <= 1)
                put_former(p, endings[i], endings[i]);
            if (rest % 3 >= 1)
                put(p, endings[i], endings[i]);
        }
        for (int i = 0; i < ENDINGS; i++)
            assert_read(p, endings[i], endings[i]);
        assert_ok(secrets_open(p->state, p->secrets, &ei), &ei);
        for (int i = 0; i < ENDINGS; i++) {
            assert_false(there(p->state, endings[i]));
            assert_read(p, endings[i], endings[i]);
        }
        assert_ok(secrets_remove(p->secrets, SLUG, &ei), &ei);
    }
}

static void of_two_keys_none_is_thrown_away(void **state)
{
    struct place *p = *state;
    struct errinfo ei;

    put_former(p, SECRETS_KEY, "one");
    put(p, SECRETS_KEY, "two");
    assert_int_equal(secrets_open(p->state, p->secrets, &ei), ERR_CONFLICT);
    assert_contains(ei.text, name(p->state, SECRETS_KEY));
    assert_contains(ei.text, name(p->secrets, SECRETS_KEY));
    assert_true(there(p->state, SECRETS_KEY));
    assert_read(p, SECRETS_KEY, "two");
}

static void of_two_confirmation_ids_the_older_goes(void **state)
{
    struct place *p = *state;
    struct errinfo ei;

    put_former(p, SECRETS_CID, "one");
    put(p, SECRETS_CID, "two");
    assert_ok(secrets_open(p->state, p->secrets, &ei), &ei);
    assert_false(there(p->state, SECRETS_CID));
    assert_read(p, SECRETS_CID, "two");
}

static void a_former_file_that_others_can_read_is_not_moved(void **state)
{
    struct place *p = *state;
    struct errinfo ei;

    put_former(p, SECRETS_KEY, "one");
    assert_int_equal(chmod(name(p->state, SECRETS_KEY), 0640), 0);
    assert_int_equal(secrets_open(p->state, p->secrets, &ei), ERR_REFUSED);
    assert_contains(ei.text, "chmod 0600");
    assert_true(there(p->state, SECRETS_KEY));
}

static void a_folder_that_others_can_enter_is_refused(void **state)
{
    static const char *const names[] = {"", "/hostkeys"};
    struct place *p = *state;
    char path[SECRETS_PATH_MAX], folder[400];
    struct buf b = BUF_INIT;
    struct errinfo ei;

    assert_ok(secrets_check(p->secrets, &ei), &ei); /* not there yet */
    put(p, SECRETS_KEY, "one");
    assert_ok(secrets_check(p->secrets, &ei), &ei);
    for (int i = 0; i < 2; i++) {
        snprintf(folder, sizeof(folder), "%s%s", p->secrets, names[i]);
        assert_int_equal(chmod(folder, 0710), 0);
        assert_int_equal(secrets_check(p->secrets, &ei), ERR_REFUSED);
        assert_contains(ei.text, "chmod 0700");
        assert_int_equal(secrets_open(p->state, p->secrets, &ei), ERR_REFUSED);
        assert_int_equal(secrets_read(p->state, p->secrets, SLUG, SECRETS_KEY, &b, path, &ei),
                         ERR_REFUSED);
        assert_int_equal(b.len, 0);
        assert_int_equal(secrets_write(p->state, p->secrets, SLUG, SECRETS_KEY, "", 0, &ei),
                         ERR_REFUSED);
        assert_int_equal(chmod(folder, 0700), 0);
    }
}

static void a_folder_that_cannot_be_made_is_told_with_the_remedy(void **state)
{
    struct place *p = *state;
    struct errinfo ei;
    char path[400];

    snprintf(path, sizeof(path), "%s/nowhere/secrets", p->folder);
    assert_int_equal(secrets_open(p->state, path, &ei), ERR_NOTFOUND);
    assert_contains(ei.text, path);
    assert_contains(ei.text, "[store] secrets_dir");
}

/* adbad starts while somebody installs a key, all of them the first of the new version. */
static void several_move_one_after_the_other(void **state)
{
    enum { MOVERS = 4, ROUNDS = 10 };
    struct place *p = *state;
    struct errinfo ei;

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ENDINGS; i++)
            put_former(p, endings[i], endings[i]);
        for (int i = 0; i < MOVERS; i++)
            if (fork() == 0)
                _exit(secrets_open(p->state, p->secrets, NULL) == ERR_OK ? 0 : 1);
        for (int i = 0; i < MOVERS; i++) {
            int status;

            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
        }
        for (int i = 0; i < ENDINGS; i++) {
            assert_false(there(p->state, endings[i]));
            assert_read(p, endings[i], endings[i]);
        }
        assert_ok(secrets_remove(p->secrets, SLUG, &ei), &ei);
    }
}

/* ---- where the state folder's owner is not to be trusted ---- */

/* Another's secret, outside of both folders. */
static void put_elsewhere(const struct place *p, char folder[400], char path[450])
{
    struct errinfo ei;

    snprintf(folder, 400, "%s/elsewhere", p->folder);
    snprintf(path, 450, "%s/" SLUG SECRETS_KEY, folder);
    assert_ok(file_make_folder(folder, 0700, &ei), &ei);
    assert_ok(file_write_atomic(path, "theirs", 6, 0600, &ei), &ei);
}

/* As root: the service's user. Root's rights in its folders are what links could borrow. */
static bool give_to_a_service(const struct place *p)
{
    const uid_t nobody = 65534;
    char path[400];

    if (geteuid() != 0)
        return false;
    snprintf(path, sizeof(path), "%s/hostkeys", p->state);
    assert_int_equal(chown(path, nobody, nobody), 0);
    assert_int_equal(chown(p->state, nobody, nobody), 0);
    assert_int_equal(chmod(p->folder, 0711), 0);
    return true;
}

static void a_linked_file_is_neither_moved_nor_read(void **state)
{
    struct place *p = *state;
    char folder[400], theirs[450], path[SECRETS_PATH_MAX];
    struct buf b = BUF_INIT;
    struct errinfo ei;

    put_elsewhere(p, folder, theirs);
    give_to_a_service(p);
    for (int hard = 0; hard < 2; hard++) {
        const char *at = name(p->state, SECRETS_KEY);

        assert_int_equal(hard ? link(theirs, at) : symlink(theirs, at), 0);
        assert_ok(secrets_open(p->state, p->secrets, &ei), &ei);
        assert_false(there(p->secrets, SECRETS_KEY));
        assert_int_equal(secrets_read(p->state, p->secrets, SLUG, SECRETS_KEY, &b, path, &ei),
                         ERR_REFUSED);
        assert_contains(ei.text, at);
        assert_int_equal(b.len, 0);
        assert_int_equal(unlink(at), 0);
    }
    assert_int_equal(access(theirs, F_OK), 0);
}

static void a_linked_folder_is_left_alone(void **state)
{
    struct place *p = *state;
    char folder[400], theirs[450], path[400];
    struct errinfo ei;

    put_elsewhere(p, folder, theirs);
    give_to_a_service(p);
    snprintf(path, sizeof(path), "%s/hostkeys", p->state);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink(folder, path), 0);
    assert_int_equal(secrets_open(p->state, p->secrets, &ei), ERR_REFUSED);
    assert_contains(ei.text, path);
    assert_false(there(p->secrets, SECRETS_KEY));
    assert_int_equal(access(theirs, F_OK), 0);
}

/* What root does in the service's folders, the service could have done. */
static void root_writes_and_removes_with_the_owners_rights(void **state)
{
    struct place *p = *state;
    char folder[400], theirs[450], path[400];
    struct buf b = BUF_INIT;
    struct errinfo ei;
    bool root;

    put_elsewhere(p, folder, theirs);
    root = give_to_a_service(p);
    put(p, SECRETS_CID, "one");
    assert_int_equal(unlink(name(p->secrets, SECRETS_CID)), 0);
    snprintf(path, sizeof(path), "%s/hostkeys", p->secrets);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink(folder, path), 0);
    assert_int_equal(
        secrets_write(p->state, p->secrets, SLUG, SECRETS_KEY, "ours", 4, &ei) == ERR_OK, !root);
    assert_int_equal(secrets_remove(p->secrets, SLUG, &ei) == ERR_OK, !root);
    assert_int_equal(access(theirs, F_OK) == 0, root);
    if (root) {
        assert_int_equal(geteuid(), 0);
        assert_ok(file_read_private(theirs, 100, &b, &ei), &ei);
        assert_string_equal(buf_str(&b), "theirs");
    }
    buf_wipe(&b);
}

static void a_lock_that_is_never_let_go_is_told(void **state)
{
    struct place *p = *state;
    struct errinfo ei;
    int fd;

    put(p, SECRETS_KEY, "one");
    fd = open(p->secrets, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(secrets_open(p->state, p->secrets, &ei), ERR_BUSY);
    assert_contains(ei.text, p->secrets);
    close(fd);
    assert_ok(secrets_open(p->state, p->secrets, &ei), &ei);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_private_and_outside_the_state_folder),
        TEST(what_is_nowhere_is_not_found),
        TEST(an_earlier_versions_files_are_read_and_then_moved),
        TEST(moving_goes_on_after_a_crash),
        TEST(of_two_keys_none_is_thrown_away),
        TEST(of_two_confirmation_ids_the_older_goes),
        TEST(a_former_file_that_others_can_read_is_not_moved),
        TEST(a_folder_that_others_can_enter_is_refused),
        TEST(a_folder_that_cannot_be_made_is_told_with_the_remedy),
        TEST(several_move_one_after_the_other),
        TEST(a_linked_file_is_neither_moved_nor_read),
        TEST(a_linked_folder_is_left_alone),
        TEST(root_writes_and_removes_with_the_owners_rights),
        TEST(a_lock_that_is_never_let_go_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
