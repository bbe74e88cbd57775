/* Rules about paths: what is asked of which kernel, and what a rule is about. */
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acts.h"
#include "confine/paths.h"

/* Numbers of landlock(7): what each version of the interface added. */
static void each_kernel_is_asked_what_it_knows(void **state)
{
    static const struct {
        int abi;
        uint64_t all;
    } rows[] = {{1, 0x1fff}, {2, 0x3fff}, {3, 0x7fff}, {4, 0x7fff}, {5, 0xffff}, {9, 0xffff}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(paths_access(PATHS_ALL, rows[i].abi), rows[i].all);
    assert_int_equal(paths_access(PATHS_EXECUTE, 9), 1);
    assert_int_equal(paths_access(PATHS_READ, 9), 1 << 2 | 1 << 3);
    assert_int_equal(paths_access(PATHS_REMOVE, 9), 1 << 5);
    assert_int_equal(paths_access(0, 9), 0);
}

static int set_up(void **state)
{
    static struct acts_world w;

    acts_set_up(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    acts_tear_down(*state);
    return 0;
}

static void what_is_not_given_up_stays(void **state)
{
    struct acts_world *w = *state;
    struct confinement c = {.paths.given_up = PATHS_MAKE | PATHS_REMOVE};
    const char *folder = acts_folder(w, "stays");

    acts_expect_folder(w, &c, folder, "rw");
    c.paths.given_up = PATHS_ALL;
    acts_expect_folder(w, &c, folder, "");
    paths_allow(&c.paths, folder, PATHS_READ | PATHS_REMOVE);
    acts_expect_folder(w, &c, folder, "ru");
    confinement_fini(&c);
}

static void no_path_and_a_path_that_is_not_there_allow_nothing(void **state)
{
    struct acts_world *w = *state;
    struct confinement c = {.paths.given_up = PATHS_ALL};
    const char *folder = acts_folder(w, "nothing");

    paths_allow(&c.paths, NULL, PATHS_ALL);
    paths_allow_beside(&c.paths, NULL, PATHS_ALL);
    paths_allow(&c.paths, "/nonexistent/file", PATHS_ALL);
    acts_expect_folder(w, &c, folder, "");
    confinement_fini(&c);
}

static int replace_and_read(const struct acts_world *w, const char *file)
{
    char other[256];
    int fd;

    (void)w;
    snprintf(other, sizeof(other), "%s.other", file);
    fd = open(other, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || rename(other, file) != 0)
        return errno;
    close(fd);
    fd = open(file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

/* So a file that is replaced needs a rule about its folder. */
static void a_rule_is_about_the_file_and_not_its_name(void **state)
{
    struct acts_world *w = *state;
    struct confinement c = {.paths.given_up = PATHS_READ};
    const char *folder = acts_folder(w, "replaced");
    char file[256];

    snprintf(file, sizeof(file), "%s/file", folder);
    paths_allow(&c.paths, file, PATHS_READ);
    assert_int_equal(acts_try(w, &c, replace_and_read, file), EACCES);
    paths_allow_beside(&c.paths, file, PATHS_READ);
    assert_int_equal(acts_try(w, &c, replace_and_read, file), 0);
    confinement_fini(&c);
}

static void folders_of_paths(void **state)
{
    struct paths p = {0};

    (void)state;
    paths_allow_beside(&p, "/a/b", 1);
    paths_allow_beside(&p, "/a", 1);
    paths_allow_beside(&p, "a", 1);
    assert_string_equal(p.rules[0].path, "/a");
    assert_string_equal(p.rules[1].path, "/");
    assert_string_equal(p.rules[2].path, ".");
    assert_int_equal(p.n, 3);
    for (int i = 0; i < 40; i++)
        paths_allow(&p, "/many", 2);
    assert_int_equal(p.n, 43);
    assert_string_equal(p.rules[42].path, "/many");
    paths_fini(&p);
}

static int connect_and_bind(const struct acts_world *w, const char *what)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = *what == 'b' ? 0 : w->port,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = *what == 'b' ? bind(fd, (struct sockaddr *)&at, sizeof(at))
                          : connect(fd, (struct sockaddr *)&at, sizeof(at));

    return rc == 0 ? 0 : errno;
}

static void tcp_can_be_given_up(void **state)
{
    const struct confinement c = {.paths.no_connect = true, .paths.no_bind = true};
    int refused = paths_abi() >= 4 ? EACCES : 0; /* an older kernel knows no such rule */

    for (const char *what = "bc"; *what != '\0'; what++) {
        assert_int_equal(acts_try(*state, NULL, connect_and_bind, what), 0);
        assert_int_equal(acts_try(*state, &c, connect_and_bind, what), refused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kernel_is_asked_what_it_knows),
        cmocka_unit_test(what_is_not_given_up_stays),
        cmocka_unit_test(no_path_and_a_path_that_is_not_there_allow_nothing),
        cmocka_unit_test(a_rule_is_about_the_file_and_not_its_name),
        cmocka_unit_test(folders_of_paths),
        cmocka_unit_test(tcp_can_be_given_up),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
