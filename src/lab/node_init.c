#include "lab/node_init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define END_MS  12000
#define POLL_MS 20

static void __attribute__((noreturn)) give_up(int say, const char *what)
{
    dprintf(say, "%s: %s", what, strerror(errno));
    _exit(1);
}

/* ---- setting up ---- */

/* Locks and sockets of the program that started us must not live on in here. */
static void keep_only(int a, int b)
{
    int low = a < b ? a : b, high = a < b ? b : a;

    if (low > 3)
        close_range(3, (unsigned)low - 1, 0);
    if (high > low + 1)
        close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    close_range((unsigned)high + 1, ~0u, 0);
}

static void bind_over(const struct node *n, const char *sub, const char *target, int say)
{
    char *source = NULL;

    if (asprintf(&source, "%s/%s", n->dir, sub) < 0)
        abort();
    if (mount(source, target, NULL, MS_BIND, NULL) != 0)
        give_up(say, target);
    free(source);
}

static void mount_all(const struct node *n, int say)
{
    static const char *const empty[] = {"/run", "/var/cache/samba"};

    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        give_up(say, "make mounts private");
    bind_over(n, "lib", "/var/lib/samba", say);
    bind_over(n, "log", "/var/log/samba", say);
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
        if (mount("adbad", empty[i], "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0)
            give_up(say, empty[i]);
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        give_up(say, "/proc");
    bind_over(n, "etc", "/etc", say); /* last: by this we are known */
}

/* Standard streams that lead nowhere: the terminal is not ours. */
static void detach(int say)
{
    int null = open("/dev/null", O_RDWR);

    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || chdir("/") != 0)
        give_up(say, "/dev/null");
    if (null > 2)
        close(null);
    umask(022);
}

static pid_t start(const char *const *program, int say)
{
    int log = open("/var/log/samba/out", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char *const env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C.UTF-8",
                         (char *)"HOME=/root", NULL};
    sigset_t none;
    pid_t pid = log < 0 ? -1 : fork();

    if (pid < 0)
        give_up(say, program[0]);
    if (pid > 0) {
        close(log);
        return pid;
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    dup2(log, 1);
    dup2(log, 2);
    execvpe(program[0], (char *const *)(uintptr_t)program, env);
    dprintf(2, "%s: %s\n", program[0], strerror(errno));
    _exit(127);
}

/* ---- staying ---- */

/* Takes in the dead, as process 1 has to; true if program was among them. */
static bool reap(pid_t program)
{
    bool ended = false;
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        ended = ended || pid == program;
    return ended;
}

/* What is left after that, the kernel kills as we end. */
static void __attribute__((noreturn)) end_all(const sigset_t *set)
{
    struct timespec step = {.tv_nsec = POLL_MS * 1000000};

    kill(-1, SIGTERM);
    kill(-1, SIGCONT);
    for (int ms = 0; ms < END_MS && kill(-1, 0) == 0; ms += POLL_MS) {
        reap(0);
        sigtimedwait(set, NULL, &step);
    }
    _exit(0);
}

void node_init(const struct node *n, const char *const *program, int go, int say)
{
    pid_t child = 0;
    sigset_t set;
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* until we are recognisable */
    prctl(PR_SET_NAME, "adbad-lab-node");
    keep_only(go, say);
    setsid();
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    if (read(go, &byte, 1) != 1)
        _exit(1);
    if (sethostname(n->name, strlen(n->name)) != 0)
        give_up(say, "set the host name");
    mount_all(n, say);
    detach(say);
    if (program != NULL)
        child = start(program, say);
    prctl(PR_SET_PDEATHSIG, 0);
    dprintf(say, NODE_READY);
    close(say);
    close(go);
    for (;;) {
        int sig = sigwaitinfo(&set, NULL);

        if (sig == SIGTERM)
            end_all(&set);
        if (reap(child))
            end_all(&set);
    }
}
