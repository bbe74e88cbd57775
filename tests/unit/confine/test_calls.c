/* The filter as a program, run by an interpreter of its own: every jump lands, every call is
 * answered, and other architectures' numbers get nowhere. What the kernel makes of it:
 * tests/unit/steward/test_bounds.c. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/sanitized.h"
#include "confine/calls.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#else
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#define SELF        1234
#define ALL         0xff
#define FINE        SECCOMP_RET_ALLOW
#define NOT(errnum) (SECCOMP_RET_ERRNO | (errnum))

/* What the kernel's interpreter does with the instructions that we use (Linux,
 * Documentation/networking/filter.rst). */
static uint32_t run(const struct sock_filter *f, size_t n, const struct seccomp_data *d)
{
    uint32_t a = 0;

    for (size_t i = 0; i < n; i++) {
        switch (f[i].code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(f[i].k % 4 == 0 && f[i].k + 4 <= sizeof(*d));
            memcpy(&a, (const char *)d + f[i].k, 4);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= f[i].k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            i += a == f[i].k ? f[i].jt : f[i].jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            i += a >= f[i].k ? f[i].jt : f[i].jf;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            i += (a & f[i].k) != 0 ? f[i].jt : f[i].jf;
            break;
        case BPF_RET | BPF_K:
            return f[i].k;
        default:
            fail_msg("instruction %zu has the code %#x", i, f[i].code);
        }
    }
    fail_msg("the program runs past its end");
    return 0;
}

static uint32_t judge(unsigned given_up, long nr, uint64_t a0, uint64_t a1, uint64_t a2,
                      uint64_t a3, uint64_t a4)
{
    const struct calls c = {.given_up = given_up, .may_signal = {77, 0}};
    const struct seccomp_data d = {
        .nr = (int)nr, .arch = OUR_ARCH, .args = {a0, a1, a2, a3, a4, 0}};
    struct sock_filter f[CALLS_FILTER_MAX];
    size_t n = calls_filter(&c, SELF, f);

    assert_true(n > 0);
    return run(f, n, &d);
}

static void every_number_gets_an_answer(void **state)
{
    (void)state;
    for (unsigned given_up = 0; given_up <= ALL; given_up += 5)
        for (int nr = 0; nr < 600; nr++) {
            uint32_t told = judge(given_up, nr, 0, 0, 0, 0, 0);

            assert_true(told == FINE || told == NOT(EPERM) || told == NOT(ENOSYS));
        }
}

static void numbers_of_other_architectures_are_unknown(void **state)
{
    const struct calls c = {0};
    struct sock_filter f[CALLS_FILTER_MAX];
    size_t n = calls_filter(&c, SELF, f);
    struct seccomp_data d = {.nr = SYS_getpid, .arch = AUDIT_ARCH_I386};

    (void)state;
    assert_int_equal(run(f, n, &d), NOT(ENOSYS));
    d.arch = OUR_ARCH;
    assert_int_equal(run(f, n, &d), FINE);
#if defined(__x86_64__)
    d.nr = 0x40000000 | SYS_getpid; /* x32 */
    assert_int_equal(run(f, n, &d), NOT(ENOSYS));
#endif
}

/* What every process of ours does all day. */
static void the_usual_calls_are_free(void **state)
{
    static const long usual[] = {SYS_read,        SYS_write,      SYS_close,       SYS_fstat,
                                 SYS_mmap,        SYS_munmap,     SYS_mprotect,    SYS_accept4,
                                 SYS_epoll_pwait, SYS_epoll_ctl,  SYS_futex,       SYS_fsync,
                                 SYS_fdatasync,   SYS_pread64,    SYS_pwrite64,    SYS_recvfrom,
                                 SYS_recvmsg,     SYS_unlinkat,   SYS_ftruncate,   SYS_fcntl,
                                 SYS_getrandom,   SYS_exit_group, SYS_waitid,      SYS_wait4,
                                 SYS_socketpair,  SYS_setsockopt, SYS_getsockname, SYS_writev,
                                 SYS_brk,         SYS_flock,      SYS_setpriority, SYS_pidfd_open,
                                 SYS_eventfd2,    SYS_nanosleep,  SYS_mremap,      SYS_prlimit64};

    (void)state;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        assert_int_equal(judge(ALL, usual[i], 0, 0, 0, 0, 0), FINE);
}

struct row {
    unsigned given_up;
    long nr;
    uint64_t args[5];
    uint32_t told;
};

static void arguments_matter(void **state)
{
    static const struct row rows[] = {
        {CALLS_CONNECT, SYS_sendto, {9, 1, 1, 0, 0}, FINE},
        {CALLS_CONNECT, SYS_sendto, {9, 1, 1, MSG_NOSIGNAL, 0}, FINE},
        {CALLS_CONNECT, SYS_sendto, {9, 1, 1, 0, 0x1000}, NOT(EPERM)},
        {CALLS_CONNECT, SYS_sendto, {9, 1, 1, 0, UINT64_C(1) << 32}, NOT(EPERM)},
        {CALLS_CONNECT, SYS_sendto, {9, 1, 1, MSG_FASTOPEN, 0}, NOT(EPERM)},
        {CALLS_CONNECT, SYS_sendmsg, {9, 1, MSG_FASTOPEN | MSG_NOSIGNAL}, NOT(EPERM)},
        {CALLS_CONNECT, SYS_sendmsg, {9, 1, MSG_NOSIGNAL}, FINE},
        {CALLS_CONNECT, SYS_sendmmsg, {9, 1, 1, MSG_FASTOPEN}, NOT(EPERM)},
        {CALLS_CONNECT, SYS_sendmmsg, {9, 1, 1, 0}, FINE},
        {0, SYS_sendto, {9, 1, 1, MSG_FASTOPEN, 0x1000}, FINE},
        {0, SYS_socket, {AF_INET, SOCK_STREAM | SOCK_NONBLOCK}, FINE},
        {0, SYS_socket, {AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC}, FINE},
        {0, SYS_socket, {AF_UNIX, SOCK_SEQPACKET}, FINE},
        {CALLS_UNIX, SYS_socket, {AF_UNIX, SOCK_STREAM}, NOT(EPERM)},
        {CALLS_UNIX, SYS_socket, {AF_INET, SOCK_STREAM}, FINE},
        {0, SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE}, FINE},
        {0, SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER}, NOT(EPERM)},
        {0, SYS_socket, {AF_INET, SOCK_RAW}, NOT(EPERM)},
        {0, SYS_socket, {AF_INET6, SOCK_SEQPACKET}, NOT(EPERM)},
        {0, SYS_socket, {AF_PACKET, SOCK_DGRAM}, NOT(EPERM)},
        {0, SYS_socket, {AF_ALG, SOCK_SEQPACKET}, NOT(EPERM)},
        {CALLS_SOCKET, SYS_socket, {AF_INET, SOCK_STREAM}, NOT(EPERM)},
        {CALLS_FORK, SYS_clone, {CLONE_VM | CLONE_SIGHAND | CLONE_THREAD}, FINE},
        {0, SYS_clone, {CLONE_VM | CLONE_NEWUSER | CLONE_THREAD}, NOT(EPERM)},
        {0, SYS_clone, {17}, FINE},
        {0, SYS_clone3, {0}, NOT(ENOSYS)},
        {CALLS_FILES, SYS_openat, {(uint64_t)AT_FDCWD, 1, O_RDWR | O_CREAT}, FINE},
        {CALLS_FILES, SYS_openat, {(uint64_t)AT_FDCWD, 1, O_RDONLY | O_DIRECTORY}, FINE},
        {CALLS_FILES, SYS_openat, {(uint64_t)AT_FDCWD, 1, O_RDONLY | O_TRUNC}, NOT(EPERM)},
        {CALLS_FILES, SYS_openat, {(uint64_t)AT_FDCWD, 1, O_RDWR | O_TMPFILE}, NOT(EPERM)},
        {0, SYS_openat, {(uint64_t)AT_FDCWD, 1, O_RDWR | O_TRUNC}, FINE},
        {CALLS_SIGNAL, SYS_kill, {SELF, 15}, FINE},
        {CALLS_SIGNAL, SYS_kill, {77, 9}, FINE},
        {CALLS_SIGNAL, SYS_kill, {78, 9}, NOT(EPERM)},
        {CALLS_SIGNAL, SYS_kill, {0, 9}, NOT(EPERM)},
        {CALLS_SIGNAL, SYS_kill, {(uint64_t)-1, 9}, NOT(EPERM)},
        {CALLS_SIGNAL, SYS_kill, {(uint64_t)-77, 9}, NOT(EPERM)},
        {CALLS_SIGNAL, SYS_tgkill, {SELF, 5, 6}, FINE},
        {CALLS_SIGNAL, SYS_tgkill, {77, 5, 6}, NOT(EPERM)},
        {0, SYS_kill, {78, 9}, FINE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        uint32_t told =
            judge(r->given_up, r->nr, r->args[0], r->args[1], r->args[2], r->args[3], r->args[4]);

        if (told != r->told)
            fail_msg("row %zu: %#x", i, told);
    }
    if (!SANITIZED)
        assert_int_equal(judge(CALLS_FORK, SYS_clone, 17, 0, 0, 0, 0), NOT(EPERM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_gets_an_answer),
        cmocka_unit_test(numbers_of_other_architectures_are_unknown),
        cmocka_unit_test(the_usual_calls_are_free),
        cmocka_unit_test(arguments_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
