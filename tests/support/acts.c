#include "acts.h"

#include "support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/sanitized.h"

/* What a process has open before it gives anything up. */
static int tcp = -1, udp = -1, fifo[2];

/* ---- the world ---- */

static void write_file(const char *folder, const char *name)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "text", 4), 4);
    close(fd);
}

const char *acts_folder(struct acts_world *w, const char *name)
{
    static char paths[16][128];
    static unsigned turn;
    char *path = paths[turn++ % 16];

    snprintf(path, sizeof(paths[0]), "%s/%s", w->folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(path, "file");
    return path;
}

void acts_set_up(struct acts_world *w)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    snprintf(w->folder, sizeof(w->folder), "/tmp/acts-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    w->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(w->listening, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(w->listening, 64), 0);
    assert_int_equal(getsockname(w->listening, (struct sockaddr *)&at, &len), 0);
    w->port = at.sin_port;
}

void acts_tear_down(struct acts_world *w)
{
    char command[128];

    close(w->listening);
    snprintf(command, sizeof(command), "rm -rf %s", w->folder);
    assert_int_equal(system(command), 0);
}

/* ---- one act ---- */

static void become_actor(const struct acts_world *w, const struct confinement *c, act_fn *act,
                         const char *path)
{
    struct errinfo ei;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), result;

    alarm(30);
    tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (tcp < 0 || udp < 0 || pipe(fifo) != 0 || dup2(null, 1) < 0)
        _exit(200);
    if (c != NULL && confine(c, &ei) != ERR_OK) {
        fprintf(stderr, "can't be confined: %s\n", ei.text);
        _exit(201);
    }
    errno = 0;
    result = act(w, path);
    _exit(result < 0 || result > 199 ? 202 : result);
}

int acts_try(const struct acts_world *w, const struct confinement *c, act_fn *act, const char *path)
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0)
        become_actor(w, c, act, path);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) < 200);
    return WEXITSTATUS(status);
}

bool acts_refused(int errnum)
{
    return errnum == EPERM || errnum == EACCES || errnum == EXDEV || errnum == ENOSYS;
}

static int result_of(long rc)
{
    return rc < 0 ? errno : 0;
}

static int opened(int fd)
{
    int rc = result_of(fd);

    if (fd >= 0)
        close(fd);
    return rc;
}

/* ---- in a folder ---- */

static const char *in(const char *folder, const char *name)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static int act_read(const struct acts_world *w, const char *file)
{
    (void)w;
    return opened(open(file, O_RDONLY | O_CLOEXEC));
}

static int act_write(const struct acts_world *w, const char *file)
{
    (void)w;
    return opened(open(file, O_WRONLY | O_CLOEXEC));
}

static int act_list(const struct acts_world *w, const char *folder)
{
    (void)w;
    return opened(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int act_make(const struct acts_world *w, const char *folder)
{
    (void)w;
    return opened(open(in(folder, "new"), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

static int act_rename(const struct acts_world *w, const char *folder)
{
    (void)w;
    return result_of(rename(in(folder, "new"), in(folder, "newer")));
}

static int act_remove(const struct acts_world *w, const char *folder)
{
    (void)w;
    return result_of(unlink(in(folder, "gone")));
}

static int act_mkdir(const struct acts_world *w, const char *folder)
{
    (void)w;
    return result_of(mkdir(in(folder, "below"), 0700));
}

static int act_rmdir(const struct acts_world *w, const char *folder)
{
    (void)w;
    return result_of(rmdir(in(folder, "below")));
}

static int act_symlink(const struct acts_world *w, const char *folder)
{
    (void)w;
    return result_of(symlink("file", in(folder, "link")));
}

static int act_fifo(const struct acts_world *w, const char *folder)
{
    (void)w;
    return result_of(mkfifo(in(folder, "fifo"), 0600));
}

static int act_bind_path(const struct acts_world *w, const char *folder)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)w;
    if (fd < 0)
        return errno;
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", folder);
    return result_of(bind(fd, (struct sockaddr *)&at, sizeof(at)));
}

static const struct {
    const char *name;
    act_fn *act;
    char letter; /* '-': never allowed to the confined */
    bool of_file;
} on_folders[] = {
    {"read its file", act_read, 'r', true},
    {"list it", act_list, 'r', false},
    {"write its file", act_write, 'w', true},
    {"make a file", act_make, 'm', false},
    {"rename a file", act_rename, 'm', false},
    {"remove a file", act_remove, 'u', false},
    {"make a folder", act_mkdir, 'm', false},
    {"remove a folder", act_rmdir, '-', false},
    {"make a symbolic link", act_symlink, '-', false},
    {"make a fifo", act_fifo, '-', false},
    {"make a socket", act_bind_path, '-', false},
};

static void clean(const char *folder)
{
    static const char *const names[] = {"new", "newer", "gone", "link", "fifo", "socket"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(in(folder, names[i]));
    (void)rmdir(in(folder, "below"));
}

static void prepare(const char *folder, act_fn *act)
{
    clean(folder);
    if (act == act_rename)
        write_file(folder, "new");
    if (act == act_remove)
        write_file(folder, "gone");
    if (act == act_rmdir)
        assert_int_equal(mkdir(in(folder, "below"), 0700), 0);
}

static void expect(const char *what, const char *where, int got, bool allowed)
{
    if (allowed ? got != 0 : !acts_refused(got))
        fail_msg("%s (%s): %s; it should be %s", what, where, strerror(got),
                 allowed ? "allowed" : "refused");
}

void acts_expect_folder(const struct acts_world *w, const struct confinement *c, const char *folder,
                        const char *allowed)
{
    for (size_t i = 0; i < sizeof(on_folders) / sizeof(on_folders[0]); i++) {
        char letter = on_folders[i].letter;
        char file[256];
        const char *path = on_folders[i].of_file ? file : folder;
        bool may = strchr(allowed, letter) != NULL ||
                   (letter == 'u' && strchr(allowed, 'm') != NULL) ||
                   (on_folders[i].act == act_read && strchr(allowed, 'f') != NULL);

        snprintf(file, sizeof(file), "%s/file", folder);
        prepare(folder, on_folders[i].act);
        expect(on_folders[i].name, folder, acts_try(w, NULL, on_folders[i].act, path), true);
        prepare(folder, on_folders[i].act);
        expect(on_folders[i].name, folder, acts_try(w, c, on_folders[i].act, path), may);
    }
    clean(folder);
}

/* ---- calls that a process may or may not make ---- */

int act_exec(const struct acts_world *w, const char *path)
{
    char *argv[] = {(char *)(uintptr_t)path, (char *)(uintptr_t) "-V", NULL}, *env[] = {NULL};

    (void)w;
    dup2(1, 2);
    execve(path, argv, env);
    return errno;
}

static int try_exec(const struct acts_world *w, const char *path)
{
    char *none[] = {NULL};

    (void)w;
    (void)path;
    (void)execve("/nonexistent/program", none, none);
    return errno == ENOENT ? 0 : errno;
}

static int try_fork(const struct acts_world *w, const char *path)
{
    pid_t pid = fork();

    (void)w;
    (void)path;
    if (pid == 0)
        _exit(0);
    return pid < 0 ? errno : result_of(waitpid(pid, NULL, 0));
}

static struct sockaddr_in listener(const struct acts_world *w)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = w->port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int try_connect(const struct acts_world *w, const char *path)
{
    struct sockaddr_in to = listener(w);

    (void)path;
    return result_of(connect(tcp, (struct sockaddr *)&to, sizeof(to)));
}

static int try_sendto(const struct acts_world *w, const char *path)
{
    struct sockaddr_in to = listener(w);

    (void)path;
    return result_of(sendto(udp, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
}

static int try_fastopen(const struct acts_world *w, const char *path)
{
    struct sockaddr_in to = listener(w);
    struct iovec io = {.iov_base = (void *)(uintptr_t) "x", .iov_len = 1};
    struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &io, .msg_iovlen = 1};

    (void)path;
    return result_of(sendmsg(tcp, &m, MSG_FASTOPEN));
}

static int try_listen(const struct acts_world *w, const char *path)
{
    (void)w;
    (void)path;
    return result_of(listen(tcp, 1));
}

static int try_bind(const struct acts_world *w, const char *path)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    (void)w;
    (void)path;
    return result_of(bind(tcp, (struct sockaddr *)&any, sizeof(any)));
}

static int try_socket(const struct acts_world *w, const char *path)
{
    (void)w;
    (void)path;
    return opened(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int try_kill(const struct acts_world *w, const char *path)
{
    (void)w;
    (void)path;
    return result_of(kill(getppid(), 0));
}

static int try_chmod(const struct acts_world *w, const char *path)
{
    (void)w;
    return result_of(chmod(path, 0600));
}

static int try_times(const struct acts_world *w, const char *path)
{
    (void)w;
    return result_of(utimensat(AT_FDCWD, path, NULL, 0));
}

static int try_truncate(const struct acts_world *w, const char *path)
{
    (void)w;
    (void)path;
    return result_of(truncate("/nonexistent/file", 0)) == ENOENT ? 0 : errno;
}

static int try_open_truncating(const struct acts_world *w, const char *path)
{
    (void)w;
    (void)path;
    return opened(open("/nonexistent/file", O_RDONLY | O_TRUNC | O_CLOEXEC)) == ENOENT ? 0 : errno;
}

static int try_memfd(const struct acts_world *w, const char *path)
{
    (void)w;
    (void)path;
    return opened(memfd_create("acts", MFD_CLOEXEC));
}

static const struct {
    const char *name;
    act_fn *act;
    char letter;
} calls[] = {
    {"become a program", try_exec, 'e'},
    {"make a process", try_fork, 'f'},
    {"connect", try_connect, 'c'},
    {"send to an address", try_sendto, 'c'},
    {"connect by sending", try_fastopen, 'c'},
    {"listen", try_listen, 'l'},
    {"bind", try_bind, 'b'},
    {"make a socket", try_socket, 's'},
    {"send a signal", try_kill, 'k'},
    {"change a mode", try_chmod, 'a'},
    {"change times", try_times, 'a'},
    {"truncate by name", try_truncate, 'a'},
    {"truncate by opening", try_open_truncating, 'a'},
    {"make a file in memory", try_memfd, 'a'},
};

/* ---- calls that are nobody's business: with arguments that are good for nothing ---- */

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

static const struct {
    const char *name;
    long nr, args[6];
    bool watched; /* sanitizers need it */
} nobodys[] = {
    {"ptrace", SYS_ptrace, {PTRACE_PEEKDATA, -1}, true},
    {"process_vm_readv", SYS_process_vm_readv, {-1, 0, 0, 0, 0, 0}, true},
    {"process_vm_writev", SYS_process_vm_writev, {-1, 0, 0, 0, 0, 0}, false},
    {"pidfd_getfd", SYS_pidfd_getfd, {-1, 0, 0}, false},
    {"kcmp", SYS_kcmp, {-1, -1, 0, 0, 0}, false},
    {"io_uring_setup", SYS_io_uring_setup, {0, 0}, false},
    {"io_uring_enter", SYS_io_uring_enter, {-1, 0, 0, 0}, false},
    {"bpf", SYS_bpf, {-1, 0, 0}, false},
    {"keyctl", SYS_keyctl, {-1}, false},
    {"add_key", SYS_add_key, {0, 0, 0, 0, 0}, false},
    {"unshare", SYS_unshare, {1}, false},
    {"setns", SYS_setns, {-1, 0}, false},
    {"clone into a namespace", SYS_clone, {CLONE_NEWUSER | CLONE_THREAD, 0, 0, 0, 0}, false},
    {"clone3", SYS_clone3, {0, 0}, false},
    {"openat2", SYS_openat2, {AT_FDCWD, 0, 0, 0}, false},
    {"mount", SYS_mount, {0, 0, 0, 0, 0}, false},
    {"umount", SYS_umount2, {0, 0}, false},
    {"chroot", SYS_chroot, {0}, false},
    {"move_mount", SYS_move_mount, {-1, 0, -1, 0, -1}, false},
    {"userfaultfd", SYS_userfaultfd, {UFFD_USER_MODE_ONLY | 0x40}, false},
    {"perf_event_open", SYS_perf_event_open, {0, 0, 0, 0, 0}, false},
    {"finit_module", SYS_finit_module, {-1, 0, 0}, false},
    {"open_by_handle_at", SYS_open_by_handle_at, {-1, 0, 0}, false},
    {"swapon", SYS_swapon, {0, 0}, false},
    {"clock_settime", SYS_clock_settime, {-1, 0}, false},
    {"a socket of another family", SYS_socket, {AF_PACKET, SOCK_STREAM, 0}, false},
    {"a raw socket", SYS_socket, {AF_INET, SOCK_RAW, 0}, false},
    {"a netlink socket to the firewall", SYS_socket, {AF_NETLINK, SOCK_RAW, 12}, false},
    {"input for a terminal", SYS_ioctl, {-1, TIOCSTI, 0}, false},
};
#define NOBODYS (sizeof(nobodys) / sizeof(nobodys[0]))

/* path: the row, as a text. */
static int try_nobodys(const struct acts_world *w, const char *path)
{
    const long *a = nobodys[atoi(path)].args;

    (void)w;
    return result_of(syscall(nobodys[atoi(path)].nr, a[0], a[1], a[2], a[3], a[4], a[5]));
}

static void *nothing(void *arg)
{
    return arg;
}

static int try_thread(const struct acts_world *w, const char *path)
{
    pthread_t t;
    int rc = pthread_create(&t, NULL, nothing, NULL);

    (void)w;
    (void)path;
    return rc != 0 ? rc : pthread_join(t, NULL);
}

static int try_pair(const struct acts_world *w, const char *path)
{
    int pair[2];

    (void)w;
    (void)path;
    return result_of(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
}

static int try_abort_signal(const struct acts_world *w, const char *path)
{
    (void)w;
    (void)path;
    signal(SIGUSR1, SIG_IGN);
    return raise(SIGUSR1) != 0 ? errno : result_of(kill(getpid(), 0));
}

/* An unprivileged user may be refused some of them anyway, which then shows nothing. */
static void expect_nobodys(const struct acts_world *w, const struct confinement *c)
{
    for (size_t i = 0; i < NOBODYS; i++) {
        char row[8];
        int got;

        if (nobodys[i].watched && SANITIZED)
            continue;
        snprintf(row, sizeof(row), "%zu", i);
        got = acts_try(w, NULL, try_nobodys, row);
        if ((got == EPERM || got == EACCES) && geteuid() == 0)
            fail_msg("%s: %s without a confinement", nobodys[i].name, strerror(got));
        got = acts_try(w, c, try_nobodys, row);
        if (got != EPERM && got != ENOSYS)
            fail_msg("%s: %s; it should be refused", nobodys[i].name, strerror(got));
    }
}

void acts_expect_calls(const struct acts_world *w, const struct confinement *c, const char *allowed)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        bool may =
            strchr(allowed, calls[i].letter) != NULL || (calls[i].letter == 'f' && SANITIZED);
        char file[256];

        snprintf(file, sizeof(file), "%s/file", w->folder);
        write_file(w->folder, "file");
        expect(calls[i].name, "unconfined", acts_try(w, NULL, calls[i].act, file), true);
        expect(calls[i].name, allowed, acts_try(w, c, calls[i].act, file), may);
    }
    expect_nobodys(w, c);
    expect("make a thread", "confined", acts_try(w, c, try_thread, NULL), true);
    expect("make a pair of sockets", "confined", acts_try(w, c, try_pair, NULL), true);
    expect("signal itself", "confined", acts_try(w, c, try_abort_signal, NULL), true);
}
