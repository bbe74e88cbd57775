/* Messages with and without a descriptor, also where the receiver has no place for one; and what a
 * process keeps of its descriptors (base/process.h). */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/passfd.h"
#include "base/process.h"

static int connect_them(void **state)
{
    static int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    *state = pair;
    return 0;
}

static int close_them(void **state)
{
    const int *pair = *state;

    close(pair[0]);
    close(pair[1]);
    return 0;
}

static void test_a_descriptor_arrives_with_its_message(void **state)
{
    const int *pair = *state;
    struct stat sent, received;
    char text[8];
    int file = open("/dev/null", O_RDONLY), fd;

    assert_int_equal(passfd_send(pair[0], "one", 3, file, 0), 3);
    assert_int_equal(passfd_send(pair[0], "other", 5, PASSFD_NONE, 0), 5);
    assert_int_equal(passfd_receive(pair[1], text, sizeof(text), &fd, 0), 3);
    assert_memory_equal(text, "one", 3);
    assert_int_not_equal(fd, file);
    assert_int_equal(fstat(file, &sent), 0);
    assert_int_equal(fstat(fd, &received), 0);
    assert_int_equal(sent.st_rdev, received.st_rdev);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    close(file);
    assert_int_equal(passfd_receive(pair[1], text, sizeof(text), &fd, 0), 5);
    assert_int_equal(fd, PASSFD_NONE);
    assert_int_equal(passfd_receive(pair[1], text, sizeof(text), &fd, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

/* The message itself is there, and what comes after it. */
static void test_a_descriptor_without_a_place_is_lost(void **state)
{
    const int *pair = *state;
    struct rlimit was, none;
    char text[8];
    int next = open("/dev/null", O_RDONLY), fd;

    assert_int_equal(passfd_send(pair[0], "one", 3, next, 0), 3);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(passfd_receive(pair[1], text, sizeof(text), &fd, 0), 3);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(fd, PASSFD_LOST);
    assert_int_equal(passfd_send(pair[0], "two", 3, 0, 0), 3);
    assert_int_equal(passfd_receive(pair[1], text, sizeof(text), &fd, 0), 3);
    assert_true(fd > 2);
    close(fd);
}

static void test_the_other_end_that_is_closed_is_no_signal(void **state)
{
    const int *pair = *state;
    int fd;
    char text[8];

    shutdown(pair[1], SHUT_RDWR);
    assert_int_equal(passfd_send(pair[0], "one", 3, PASSFD_NONE, 0), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(passfd_receive(pair[0], text, sizeof(text), &fd, 0), 0);
}

/* In a child: of 3 … 9, which are all open, it keeps some. */
static void test_a_process_keeps_what_it_names(void **state)
{
    static const int kept[] = {4, 5, 8};
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        unsigned open_now = 0;

        for (int fd = 3; fd < 10; fd++)
            dup2(0, fd);
        process_keep(kept, 3);
        for (int fd = 0; fd < 10; fd++)
            if (fcntl(fd, F_GETFD) >= 0)
                open_now |= 1u << fd;
        _exit(open_now == (1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 5 | 1u << 8) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_descriptor_arrives_with_its_message, connect_them,
                                        close_them),
        cmocka_unit_test_setup_teardown(test_a_descriptor_without_a_place_is_lost, connect_them,
                                        close_them),
        cmocka_unit_test_setup_teardown(test_the_other_end_that_is_closed_is_no_signal,
                                        connect_them, close_them),
        cmocka_unit_test(test_a_process_keeps_what_it_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
