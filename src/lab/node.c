#include "lab/node.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/node_init.h"
#include "lab/tool.h"

#define STOP_MS 15000

void node_fini(struct node *n)
{
    if (n->pidfd >= 0)
        close(n->pidfd);
    free(n->dir);
    *n = (struct node)NODE_INIT;
}

/* ---- its folder ---- */

/* Secrets of the machine, and what each node has of its own. */
static bool stays_out(const char *name)
{
    static const char *const names[] = {".",       "..",          "shadow",    "shadow-",
                                        "gshadow", "gshadow-",    "ssh",       "samba",
                                        "hosts",   "krb5.keytab", "krb5.conf", "resolv.conf",
                                        "ssl",     "hostname",    "sudoers",   "sudoers.d"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static enum err copy_etc(const char *target, struct errinfo *ei)
{
    struct dirent **entries = NULL;
    int n = scandir("/etc", &entries, NULL, alphasort);
    const char **argv = calloc((size_t)(n < 0 ? 0 : n) + 6, sizeof(*argv));
    struct tool t = {.argv = argv};
    size_t count = 0;
    enum err e;

    if (argv == NULL || n < 0)
        abort();
    argv[count++] = "cp";
    argv[count++] = "-a";
    argv[count++] = "-t";
    argv[count++] = target;
    argv[count++] = "--";
    for (int i = 0; i < n; i++) {
        char *path = NULL;

        if (!stays_out(entries[i]->d_name) && asprintf(&path, "/etc/%s", entries[i]->d_name) > 0)
            argv[count++] = path;
        free(entries[i]);
    }
    e = tool_do(&t, ei);
    for (size_t i = 5; i < count; i++)
        free((char *)(uintptr_t)argv[i]);
    free(entries);
    free(argv);
    return e;
}

/* Without its private part. */
static enum err copy_ssl(const char *target, struct errinfo *ei)
{
    const char *const argv[] = {
        "cp", "-a", "-t", target, "--", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", NULL};
    const struct tool t = {.argv = argv};

    return tool_do(&t, ei);
}

static enum err make_sub(const struct node *n, const char *name, struct errinfo *ei)
{
    char *path = NULL;
    enum err e = ERR_OK;

    if (asprintf(&path, "%s%s%s", n->dir, name[0] == '\0' ? "" : "/", name) < 0)
        abort();
    /* Samba wants others to get through its own folders; nobody gets through the lab's. */
    if (mkdir(path, 0755) != 0)
        e = err_fail_errno(ei, errno, "create folder %s", path);
    free(path);
    return e;
}

enum err node_make(const struct node *n, struct errinfo *ei)
{
    static const char *const subs[] = {"", "etc", "etc/samba", "etc/ssl", "lib", "log"};
    char *etc = NULL, *ssl = NULL;
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < sizeof(subs) / sizeof(subs[0]); i++)
        e = make_sub(n, subs[i], ei);
    if (e != ERR_OK)
        return e;
    if (asprintf(&etc, "%s/etc", n->dir) < 0 || asprintf(&ssl, "%s/ssl", etc) < 0)
        abort();
    e = copy_etc(etc, ei);
    if (e == ERR_OK)
        e = copy_ssl(ssl, ei);
    free(ssl);
    free(etc);
    return e;
}

/* ---- is it running? ---- */

/* The last number of NSpid is the process's own view of itself (proc(5)). */
static bool is_first_process(const char *pid)
{
    char path[64], line[256];
    bool first = false;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "NSpid:", 6) == 0) {
            line[strcspn(line, "\n")] = '\0';
            first = strrchr(line, '\t') != NULL && strcmp(strrchr(line, '\t'), "\t1") == 0;
            break;
        }
    if (f != NULL)
        fclose(f);
    return first;
}

static bool has_etc(const char *pid, const struct stat *ours)
{
    char path[64];
    struct stat theirs;

    snprintf(path, sizeof(path), "/proc/%s/root/etc", pid);
    return stat(path, &theirs) == 0 && theirs.st_dev == ours->st_dev &&
           theirs.st_ino == ours->st_ino;
}

/* The handle is opened first, and the process behind it looked at again, so that the number can't
 * come to mean another one in between. */
static bool take(struct node *n, const char *pid, const struct stat *etc)
{
    pid_t number = (pid_t)strtol(pid, NULL, 10);
    int fd;

    if (!has_etc(pid, etc) || !is_first_process(pid))
        return false;
    fd = (int)syscall(SYS_pidfd_open, number, 0);
    if (fd >= 0 && (!has_etc(pid, etc) || !is_first_process(pid))) {
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        return false;
    n->pid = number;
    n->pidfd = fd;
    return true;
}

enum err node_find(struct node *n, struct errinfo *ei)
{
    const struct dirent *entry;
    struct stat etc;
    char *path = NULL;
    bool exists;
    DIR *proc;

    if (n->pidfd >= 0)
        close(n->pidfd);
    n->pidfd = -1;
    n->pid = 0;
    if (asprintf(&path, "%s/etc", n->dir) < 0)
        abort();
    exists = stat(path, &etc) == 0;
    free(path);
    if (!exists)
        return ERR_OK;
    proc = opendir("/proc");
    if (proc == NULL)
        return err_fail_errno(ei, errno, "read /proc");
    while (n->pid == 0 && (entry = readdir(proc)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]))
            take(n, entry->d_name, &etc);
    closedir(proc);
    return ERR_OK;
}

/* ---- entering ---- */

bool node_enter_network(const struct node *n)
{
    return setns(n->pidfd, CLONE_NEWNET) == 0;
}

bool node_enter(const struct node *n)
{
    return setns(n->pidfd, NODE_SPACES) == 0;
}

/* ---- start ---- */

static enum err ip(const struct node *in, const char *const *words, struct errinfo *ei)
{
    const char *argv[16] = {"ip"};
    struct tool t = {.argv = argv, .network = in};

    for (size_t i = 0; words[i] != NULL; i++)
        argv[i + 1] = words[i];
    return tool_do(&t, ei);
}

#define IP(in, ...) ip((in), (const char *const[]){__VA_ARGS__, NULL}, ei)

/* The other end on the hub's bridge: it goes when ours goes, though not at once. */
static enum err plug(const struct node *n, const struct node *hub, struct errinfo *ei)
{
    char port[16], pid[16];
    struct errinfo gone;
    enum err e;

    snprintf(port, sizeof(port), "to-%s", n->name);
    snprintf(pid, sizeof(pid), "%d", (int)n->pid);
    if (ip(hub, (const char *const[]){"link", "del", port, NULL}, &gone) != ERR_OK)
        gone.text[0] = '\0'; /* the usual case: there is none */
    e = IP(hub, "link", "add", port, "type", "veth", "peer", "name", "lan", "netns", pid);
    if (e == ERR_OK)
        e = IP(hub, "link", "set", port, "master", "lan", "up");
    return e;
}

static enum err connect_network(const struct node *n, const struct node *hub, struct errinfo *ei)
{
    enum err e = IP(n, "link", "set", "lo", "up");

    if (e == ERR_OK)
        e = hub != NULL ? plug(n, hub, ei) : IP(n, "link", "add", "lan", "type", "bridge");
    if (e == ERR_OK)
        e = IP(n, "addr", "add", n->address, "dev", "lan");
    if (e == ERR_OK)
        e = IP(n, "link", "set", "lan", "up");
    return e;
}

/* What the node's process says about itself: nothing and the end of the pipe if all is well. */
static enum err hear(const struct node *n, int fd, struct errinfo *ei)
{
    char text[200];
    ssize_t got, total = 0;

    while ((got = read(fd, text + total, sizeof(text) - 1 - (size_t)total)) > 0)
        total += got;
    text[total] = '\0';
    if (total > 0 && strcmp(text, NODE_READY) == 0)
        return ERR_OK;
    return err_fail(ei, ERR_NOT_NOW, "start node %s: %s", n->name,
                    total > 0 ? text : "its process ended");
}

static void give_up(struct node *n)
{
    kill(n->pid, SIGKILL); /* our own child, not yet reaped */
    waitpid(n->pid, NULL, 0);
    if (n->pidfd >= 0)
        close(n->pidfd);
    n->pid = 0;
    n->pidfd = -1;
}

enum err node_start(struct node *n, const struct node *hub, const char *const *program,
                    struct errinfo *ei)
{
    int go[2] = {-1, -1}, say[2] = {-1, -1};
    enum err e = ERR_OK;

    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(say, O_CLOEXEC) != 0) {
        e = err_fail_errno(ei, errno, "start node %s", n->name);
        goto out;
    }
    n->pid =
        (pid_t)syscall(SYS_clone, (unsigned long)(NODE_SPACES | SIGCHLD), NULL, NULL, NULL, NULL);
    if (n->pid == 0)
        node_init(n, program, go[0], say[1]);
    if (n->pid < 0) {
        n->pid = 0;
        e = err_fail_errno(ei, errno, "make the namespaces of node %s", n->name);
        goto out;
    }
    n->pidfd = (int)syscall(SYS_pidfd_open, n->pid, 0);
    close(say[1]);
    say[1] = -1;
    e = n->pidfd < 0 ? err_fail_errno(ei, errno, "start node %s", n->name)
                     : connect_network(n, hub, ei);
    if (e == ERR_OK && write(go[1], "g", 1) != 1)
        e = err_fail_errno(ei, errno, "start node %s", n->name);
    if (e == ERR_OK)
        e = hear(n, say[0], ei);
    if (e != ERR_OK)
        give_up(n);
out:
    for (int i = 0; i < 2; i++) {
        if (go[i] >= 0)
            close(go[i]);
        if (say[i] >= 0)
            close(say[i]);
    }
    return e;
}

/* ---- stop ---- */

static bool signal_and_wait(int pidfd, int sig, int timeout_ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) != 0 && errno == ESRCH)
        return true;
    return poll(&p, 1, timeout_ms) == 1;
}

enum err node_stop(struct node *n, struct errinfo *ei)
{
    if (n->pid == 0)
        return ERR_OK;
    if (!signal_and_wait(n->pidfd, SIGTERM, STOP_MS) &&
        !signal_and_wait(n->pidfd, SIGKILL, STOP_MS))
        return err_fail(ei, ERR_TIMEOUT, "stop node %s (process %d): it does not end", n->name,
                        (int)n->pid);
    waitpid(n->pid, NULL, WNOHANG); /* if it is our own child */
    close(n->pidfd);
    n->pidfd = -1;
    n->pid = 0;
    return ERR_OK;
}
