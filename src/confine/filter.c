#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/sanitized.h"
#include "confine/calls.h"

#if defined(__x86_64__) && defined(__LP64__)
#define ARCH    AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000U
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* Numbers that Debian 12's headers lack; from 424 on they are the same on all architectures. */
#define NR_FCHMODAT2      452
#define NR_SETXATTRAT     463
#define NR_REMOVEXATTRAT  466
#define NR_OPEN_TREE_ATTR 467
#define NR_FILE_SETATTR   469

/* What only old architectures have. */
#ifndef SYS_open
#define NO_OLD_CALLS
#endif

#ifdef ARCH

/* ---- a program, put together ---- */

struct program {
    struct sock_filter *at;
    size_t n;
    size_t block; /* where the check of a call's arguments began */
};

#define ALLOW         SECCOMP_RET_ALLOW
#define FAIL(errnum)  (SECCOMP_RET_ERRNO | ((errnum)&SECCOMP_RET_DATA))
#define OFFSET(field) ((uint32_t)offsetof(struct seccomp_data, field))
/* Little-endian, as both architectures are. */
#define LOW(arg)  (OFFSET(args) + 8 * (uint32_t)(arg))
#define HIGH(arg) (LOW(arg) + 4)

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    if (p->n < CALLS_FILTER_MAX)
        p->at[p->n] = (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = k};
    p->n++;
}

static void load(struct program *p, uint32_t offset)
{
    put(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void answer(struct program *p, uint32_t what)
{
    put(p, BPF_RET | BPF_K, what, 0, 0);
}

/* If what is loaded is k. */
static void answer_if(struct program *p, uint32_t k, uint32_t what)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
    answer(p, what);
}

/* If any of those bits is set. */
static void answer_if_set(struct program *p, uint32_t bits, uint32_t what)
{
    put(p, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    answer(p, what);
}

/* From here to its end only call nr is looked at. */
static void begin(struct program *p, long nr)
{
    p->block = p->n;
    put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 0);
}

/* What got here is answered so; other calls go on behind, their number loaded. */
static void end(struct program *p, uint32_t what)
{
    answer(p, what);
    if (p->block < CALLS_FILTER_MAX)
        p->at[p->block].jf = (uint8_t)(p->n - p->block - 1);
}

/* ---- calls whose arguments matter ---- */

/* A call all of whose arguments are refused is in a table further down. */
static void check_sending(struct program *p, const struct calls *c)
{
    static const struct {
        long nr;
        int flags;
    } rows[] = {{SYS_sendmsg, 2}, {SYS_sendmmsg, 3}, {SYS_sendto, 3}};

    if ((c->given_up & CALLS_CONNECT) == 0)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(p, rows[i].nr);
        load(p, LOW(rows[i].flags));
        answer_if_set(p, MSG_FASTOPEN, FAIL(EPERM)); /* connects, too */
        if (rows[i].nr == SYS_sendto) {
            load(p, LOW(4)); /* the address */
            put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
            answer(p, FAIL(EPERM));
            load(p, HIGH(4));
            put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
            answer(p, FAIL(EPERM));
        }
        end(p, ALLOW);
    }
}

static void check_socket(struct program *p, const struct calls *c)
{
    if (c->given_up & CALLS_SOCKET)
        return;
    begin(p, SYS_socket);
    load(p, LOW(0));
    if ((c->given_up & CALLS_UNIX) == 0)
        answer_if(p, AF_UNIX, ALLOW);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 4);
    load(p, LOW(2));
    answer_if(p, NETLINK_ROUTE, ALLOW); /* getifaddrs(3) */
    answer(p, FAIL(EPERM));
    put(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
    answer(p, FAIL(EPERM));
    load(p, LOW(1));
    put(p, BPF_ALU | BPF_AND | BPF_K, 0xf, 0, 0); /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
    answer_if(p, SOCK_STREAM, ALLOW);
    answer_if(p, SOCK_DGRAM, ALLOW);
    end(p, FAIL(EPERM));
}

#define NEW_NAMESPACES                                                                             \
    ((uint32_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |      \
                CLONE_NEWPID | CLONE_NEWNET))

/* LeakSanitizer looks for leaks from a process of its own. */
static bool forks(const struct calls *c)
{
    return (c->given_up & CALLS_FORK) == 0 || SANITIZED;
}

static void check_clone(struct program *p, const struct calls *c)
{
    begin(p, SYS_clone);
    load(p, LOW(0));
    answer_if_set(p, NEW_NAMESPACES, FAIL(EPERM));
    if (!forks(c)) {
        put(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
        answer(p, FAIL(EPERM));
    }
    end(p, ALLOW);
}

static void check_opening(struct program *p, const struct calls *c)
{
    static const struct {
        long nr;
        int flags;
    } rows[] = {
        {SYS_openat, 2},
#ifndef NO_OLD_CALLS
        {SYS_open, 1},
#endif
    };

    if ((c->given_up & CALLS_FILES) == 0)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(p, rows[i].nr);
        load(p, LOW(rows[i].flags));
        answer_if_set(p, O_TRUNC, FAIL(EPERM));
        answer_if_set(p, O_TMPFILE & ~O_DIRECTORY, FAIL(EPERM));
        end(p, ALLOW);
    }
}

static void check_signals(struct program *p, const struct calls *c, pid_t self)
{
    if ((c->given_up & CALLS_SIGNAL) == 0)
        return;
    begin(p, SYS_tgkill);
    load(p, LOW(0));
    answer_if(p, (uint32_t)self, ALLOW);
    end(p, FAIL(EPERM));
    begin(p, SYS_kill);
    load(p, LOW(0));
    answer_if(p, (uint32_t)self, ALLOW);
    for (size_t i = 0; i < CALLS_PEERS; i++)
        if (c->may_signal[i] > 0)
            answer_if(p, (uint32_t)c->may_signal[i], ALLOW);
    end(p, FAIL(EPERM));
}

/* Input that a terminal would take for its user's. */
static void check_terminal(struct program *p)
{
    begin(p, SYS_ioctl);
    load(p, LOW(1));
    answer_if(p, TIOCSTI, FAIL(EPERM));
    answer_if(p, TIOCLINUX, FAIL(EPERM));
    end(p, ALLOW);
}

/* ---- calls that are refused whatever their arguments ---- */

struct refused {
    uint16_t nr;
    uint16_t given_up; /* CALLS_*: with any of these; 0: always */
};

#define WATCHED 0x8000 /* sanitizers make this call */

static const struct refused refused[] = {
    {SYS_process_vm_readv, WATCHED},
    {SYS_ptrace, WATCHED},
    {SYS_personality, WATCHED},
    {SYS_process_vm_writev, 0},
    {SYS_process_madvise, 0},
    {SYS_pidfd_getfd, 0},
    {SYS_kcmp, 0},
    {SYS_userfaultfd, 0},
    {SYS_perf_event_open, 0},
    {SYS_bpf, 0},
    {SYS_io_uring_setup, 0},
    {SYS_io_uring_enter, 0},
    {SYS_io_uring_register, 0},
    {SYS_add_key, 0},
    {SYS_request_key, 0},
    {SYS_keyctl, 0},
    {SYS_unshare, 0},
    {SYS_setns, 0},
    {SYS_mount, 0},
    {SYS_umount2, 0},
    {SYS_pivot_root, 0},
    {SYS_chroot, 0},
    {SYS_open_tree, 0},
    {SYS_move_mount, 0},
    {SYS_fsopen, 0},
    {SYS_fsconfig, 0},
    {SYS_fsmount, 0},
    {SYS_fspick, 0},
    {SYS_mount_setattr, 0},
    {NR_OPEN_TREE_ATTR, 0},
    {SYS_open_by_handle_at, 0},
    {SYS_fanotify_init, 0},
    {SYS_quotactl, 0},
    {SYS_quotactl_fd, 0},
    {SYS_init_module, 0},
    {SYS_finit_module, 0},
    {SYS_delete_module, 0},
    {SYS_kexec_load, 0},
    {SYS_kexec_file_load, 0},
    {SYS_reboot, 0},
    {SYS_swapon, 0},
    {SYS_swapoff, 0},
    {SYS_acct, 0},
    {SYS_settimeofday, 0},
    {SYS_clock_settime, 0},
    {SYS_clock_adjtime, 0},
    {SYS_adjtimex, 0},
    {SYS_sethostname, 0},
    {SYS_setdomainname, 0},
    {SYS_syslog, 0},
    {SYS_vhangup, 0},
    {SYS_migrate_pages, 0},
    {SYS_move_pages, 0},
    {SYS_execve, CALLS_EXEC},
    {SYS_execveat, CALLS_EXEC},
    {SYS_connect, CALLS_CONNECT},
    {SYS_bind, CALLS_BIND},
    {SYS_listen, CALLS_LISTEN},
    {SYS_socket, CALLS_SOCKET},
    {SYS_tkill, CALLS_SIGNAL},
    {SYS_rt_sigqueueinfo, CALLS_SIGNAL},
    {SYS_rt_tgsigqueueinfo, CALLS_SIGNAL},
    {SYS_pidfd_send_signal, CALLS_SIGNAL},
    {SYS_fchmod, CALLS_FILES},
    {SYS_fchmodat, CALLS_FILES},
    {NR_FCHMODAT2, CALLS_FILES},
    {SYS_fchown, CALLS_FILES},
    {SYS_fchownat, CALLS_FILES},
    {SYS_utimensat, CALLS_FILES},
    {SYS_setxattr, CALLS_FILES},
    {SYS_lsetxattr, CALLS_FILES},
    {SYS_fsetxattr, CALLS_FILES},
    {SYS_removexattr, CALLS_FILES},
    {SYS_lremovexattr, CALLS_FILES},
    {SYS_fremovexattr, CALLS_FILES},
    {NR_SETXATTRAT, CALLS_FILES},
    {NR_REMOVEXATTRAT, CALLS_FILES},
    {NR_FILE_SETATTR, CALLS_FILES},
    {SYS_truncate, CALLS_FILES},
    {SYS_mknodat, CALLS_FILES},
    {SYS_mkdirat, CALLS_FILES},
    {SYS_linkat, CALLS_FILES},
    {SYS_symlinkat, CALLS_FILES},
    {SYS_renameat2, CALLS_FILES},
    {SYS_memfd_create, CALLS_FILES},
    {SYS_memfd_secret, CALLS_FILES},
#ifdef SYS_renameat
    {SYS_renameat, CALLS_FILES},
#endif
#ifndef NO_OLD_CALLS
    {SYS_fork, CALLS_FORK},
    {SYS_vfork, CALLS_FORK},
    {SYS_chmod, CALLS_FILES},
    {SYS_chown, CALLS_FILES},
    {SYS_lchown, CALLS_FILES},
    {SYS_utime, CALLS_FILES},
    {SYS_utimes, CALLS_FILES},
    {SYS_futimesat, CALLS_FILES},
    {SYS_mknod, CALLS_FILES},
    {SYS_mkdir, CALLS_FILES},
    {SYS_link, CALLS_FILES},
    {SYS_symlink, CALLS_FILES},
    {SYS_rename, CALLS_FILES},
    {SYS_creat, CALLS_FILES},
    {SYS_iopl, 0},
    {SYS_ioperm, 0},
    {SYS_modify_ldt, 0},
    {SYS_uselib, 0},
#endif
};

static bool is_refused(const struct refused *r, const struct calls *c)
{
    if (r->given_up == WATCHED)
        return !SANITIZED;
    if (r->given_up == CALLS_FORK)
        return !forks(c);
    return r->given_up == 0 || (r->given_up & c->given_up) != 0;
}

/* Those with checks first: where all of a call's ways lead to ALLOW, the kernel remembers that and
 * runs no filter. */
size_t calls_filter(const struct calls *c, pid_t self, struct sock_filter *out)
{
    struct program p = {.at = out};

    load(&p, OFFSET(arch));
    put(&p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
    answer(&p, FAIL(ENOSYS));
    load(&p, OFFSET(nr));
#ifdef X32_BIT
    put(&p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    answer(&p, FAIL(ENOSYS));
#endif
    check_sending(&p, c);
    check_opening(&p, c);
    check_terminal(&p);
    check_socket(&p, c);
    check_clone(&p, c);
    check_signals(&p, c, self);
    answer_if(&p, SYS_clone3, FAIL(ENOSYS));
    answer_if(&p, SYS_openat2, FAIL(ENOSYS));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (is_refused(&refused[i], c))
            answer_if(&p, refused[i].nr, FAIL(EPERM));
    answer(&p, ALLOW);
    return p.n <= CALLS_FILTER_MAX ? p.n : 0;
}

#else

size_t calls_filter(const struct calls *c, pid_t self, struct sock_filter *out)
{
    (void)c;
    (void)self;
    (void)out;
    return 0;
}

#endif
