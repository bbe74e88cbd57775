#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support.h"

static char folder[256], path[300];

static int setup(void **state)
{
    (void)state;
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static unsigned files_in_folder(void)
{
    unsigned n = 0;
    DIR *d = opendir(folder);

    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void replacing_leaves_one_whole_file_with_its_mode(void **state)
{
    struct errinfo ei = {0};
    struct buf b = BUF_INIT;
    struct stat st;

    (void)state;
    assert_ok(file_write_atomic(path, "old", 3, 0644, &ei), &ei);
    assert_ok(file_write_atomic(path, "newer", 5, 0600, &ei), &ei);
    assert_ok(file_read(path, 5, &b, &ei), &ei);
    assert_string_equal(buf_str(&b), "newer");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(files_in_folder(), 1);
    buf_fini(&b);
}

static void create_refuses_what_exists(void **state)
{
    struct errinfo ei = {0};
    struct buf b = BUF_INIT;

    (void)state;
    assert_ok(file_create(path, "first", 5, 0600, &ei), &ei);
    assert_int_equal(file_create(path, "second", 6, 0600, &ei), ERR_EXISTS);
    assert_ok(file_read(path, 100, &b, &ei), &ei);
    assert_string_equal(buf_str(&b), "first");
    assert_int_equal(files_in_folder(), 1);
    buf_fini(&b);
}

static void reading_is_bounded(void **state)
{
    struct errinfo ei = {0};
    struct buf b = BUF_INIT;

    (void)state;
    assert_ok(file_create(path, "12345", 5, 0600, &ei), &ei);
    assert_int_equal(file_read(path, 4, &b, &ei), ERR_LIMIT);
    assert_int_equal(file_read("/nonexistent/file", 4, &b, &ei), ERR_NOTFOUND);
    buf_fini(&b);
}

static void loose_modes_are_refused_with_the_remedy(void **state)
{
    struct errinfo ei = {0};

    (void)state;
    assert_ok(file_create(path, "x", 1, 0600, &ei), &ei);
    assert_ok(file_require_private(path, &ei), &ei);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(file_require_private(path, &ei), ERR_REFUSED);
    assert_contains(ei.text, "chmod 0600");
    assert_int_equal(chmod(folder, 0701), 0);
    assert_int_equal(file_require_private(folder, &ei), ERR_REFUSED);
    assert_contains(ei.text, "chmod 0700");
}

static void a_secret_is_not_read_from_a_file_with_loose_modes(void **state)
{
    struct errinfo ei = {0};
    struct buf b = BUF_INIT;

    (void)state;
    assert_ok(file_create(path, "secret", 6, 0600, &ei), &ei);
    assert_ok(file_read_private(path, 6, &b, &ei), &ei);
    assert_string_equal(buf_str(&b), "secret");
    buf_clear(&b);
    assert_int_equal(file_read_private(path, 5, &b, &ei), ERR_LIMIT);
    buf_clear(&b);
    assert_int_equal(chmod(path, 0604), 0);
    assert_int_equal(file_read_private(path, 6, &b, &ei), ERR_REFUSED);
    assert_contains(ei.text, "chmod 0600");
    assert_int_equal(b.len, 0);
    assert_int_equal(file_read_private("/nonexistent/file", 6, &b, &ei), ERR_NOTFOUND);
    buf_wipe(&b);
}

/* Whoever has it needs no right to the file, and sees nothing of what becomes of it. */
static void a_copy_of_a_secret_stays_what_was_copied(void **state)
{
    struct errinfo ei = {0};
    struct buf b = BUF_INIT;
    struct stat named, copy;
    int fd;

    (void)state;
    assert_ok(file_create(path, "secret", 6, 0600, &ei), &ei);
    assert_ok(file_copy_private(path, 6, &fd, &ei), &ei);
    assert_int_equal(stat(path, &named), 0);
    assert_int_equal(fstat(fd, &copy), 0);
    assert_false(named.st_dev == copy.st_dev && named.st_ino == copy.st_ino);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_ok(file_write_atomic(path, "another", 7, 0600, &ei), &ei);
    assert_ok(file_read_from(fd, "the copy", 6, &b, &ei), &ei);
    assert_string_equal(buf_str(&b), "secret");
    assert_int_equal(close(fd), 0);
    assert_int_equal(file_copy_private(path, 6, &fd, &ei), ERR_LIMIT);
    assert_int_equal(fd, -1);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(file_copy_private(path, 7, &fd, &ei), ERR_REFUSED);
    assert_int_equal(fd, -1);
    assert_int_equal(file_copy_private("/nonexistent/file", 6, &fd, &ei), ERR_NOTFOUND);
    buf_wipe(&b);
}

static void a_folder_is_what_stands_before_the_last_name(void **state)
{
    static const char *const rows[][2] = {{"/a/b", "/a"}, {"/a/b//", "/a"}, {"/a", "/"},
                                          {"/", "/"},     {"a/b", "a"},     {"a", "."},
                                          {"a//b", "a"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *got = file_folder_of(rows[i][0]);

        assert_string_equal(got, rows[i][1]);
        free(got);
    }
}

/* Whatever is foretold, the system then says the same. */
static void what_could_be_made_is_what_can_be_made(void **state)
{
    static const struct {
        const char *name;
        bool outside;
    } places[] = {{"new", false},    {"new/", false},   {"file", false},
                  {"file/x", false}, {"none/x", false}, {"/proc/adbad", true}};
    char place[320];
    (void)state;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct errinfo could = {0}, can = {0};
        enum err e;
        int fd = -1;

        assert_ok(file_write_atomic(path, "", 0, 0600, &can), &can);
        snprintf(place, sizeof(place), "%s%s%s", places[i].outside ? "" : folder,
                 places[i].outside ? "" : "/", places[i].name);
        e = file_could_open_log(place, &could);
        assert_int_equal(e, file_open_log(place, &fd, &can));
        if (e != ERR_OK)
            assert_string_equal(could.text, can.text);
        if (fd >= 0)
            close(fd);
        assert_true(unlink(place) == 0 || e != ERR_OK);
        assert_ok(file_write_atomic(path, "", 0, 0600, &can), &can);
        if (strcmp(places[i].name, "file") == 0)
            continue; /* file_make_folder leaves what is there as it is */
        e = file_could_make_folder(place, &could);
        assert_int_equal(access(place, F_OK), -1);
        assert_int_equal(e, file_make_folder(place, 0700, &can));
        if (e != ERR_OK)
            assert_string_equal(could.text, can.text);
        else
            assert_ok(file_could_make_folder(place, &could), &could);
        assert_true(rmdir(place) == 0 || e != ERR_OK);
    }
    assert_int_equal(file_could_make_folder(path, NULL), ERR_NOTFOUND); /* a file is there */
    assert_int_equal(file_could_make(path, NULL), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replacing_leaves_one_whole_file_with_its_mode, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(create_refuses_what_exists, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(loose_modes_are_refused_with_the_remedy, setup, teardown),
        cmocka_unit_test_setup_teardown(a_secret_is_not_read_from_a_file_with_loose_modes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_copy_of_a_secret_stays_what_was_copied, setup, teardown),
        cmocka_unit_test(a_folder_is_what_stands_before_the_last_name),
        cmocka_unit_test_setup_teardown(what_could_be_made_is_what_can_be_made, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
