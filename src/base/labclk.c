#include "base/labclk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/owner.h"

/* 9999-12-31T23:59:59Z: sums of times stay far from overflow, and every time has a text. */
#define SETTING_MAX INT64_C(253402300799)

struct setting {
    bool fixed;
    int64_t value;
};

struct labclk {
    char *path;
    struct clk real;
    struct setting last; /* the last line that was read whole */
};

static enum err setting_read(const char *path, struct setting *out, struct errinfo *ei)
{
    char line[64], word[16];
    int64_t value;
    int end = 0;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        *out = (struct setting){0};
        return ERR_OK;
    }
    if (fd < 0)
        return err_fail_errno(ei, errno, "open lab clock %s", path);
    n = read(fd, line, sizeof(line) - 1);
    close(fd);
    if (n < 0)
        return err_fail_errno(ei, errno, "read lab clock %s", path);
    line[n] = '\0';
    if (sscanf(line, "%15s %" SCNd64 " %n", word, &value, &end) != 2 || line[end] != '\0' ||
        (strcmp(word, "offset") != 0 && strcmp(word, "fixed") != 0) || value > SETTING_MAX ||
        value < -SETTING_MAX)
        return err_fail(ei, ERR_MALFORMED,
                        "lab clock %s: expected \"offset SECONDS\" or \"fixed SECONDS\"; "
                        "delete the file to return to real time",
                        path);
    *out = (struct setting){.fixed = word[0] == 'f', .value = value};
    return ERR_OK;
}

static int64_t setting_now(const struct labclk *l, const struct setting *s)
{
    return s->fixed ? s->value : clk_now(&l->real) + s->value;
}

static int64_t labclk_now(void *arg)
{
    struct labclk *l = arg;
    struct setting s;

    if (setting_read(l->path, &s, NULL) == ERR_OK)
        l->last = s;
    return setting_now(l, &l->last);
}

enum err labclk_open(const char *path, struct clk real, struct labclk **out, struct errinfo *ei)
{
    struct setting s;
    struct labclk *l;
    enum err e = setting_read(path, &s, ei);

    if (e != ERR_OK)
        return e;
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return err_nomem(ei);
    l->path = strdup(path);
    if (l->path == NULL) {
        free(l);
        return err_nomem(ei);
    }
    l->real = real;
    l->last = s;
    *out = l;
    return ERR_OK;
}

void labclk_free(struct labclk *l)
{
    if (l == NULL)
        return;
    free(l->path);
    free(l);
}

struct clk labclk_clk(struct labclk *l)
{
    return (struct clk){.now = labclk_now, .arg = l};
}

static enum err setting_write(const char *path, const struct setting *s, struct errinfo *ei)
{
    char line[64];
    int n =
        snprintf(line, sizeof(line), "%s %" PRId64 "\n", s->fixed ? "fixed" : "offset", s->value);

    return file_write_atomic(path, line, (size_t)n, 0644, ei);
}

static enum err lock_beside(const char *path, int *fd, struct errinfo *ei)
{
    char name[4096];

    if ((size_t)snprintf(name, sizeof(name), "%s.lock", path) >= sizeof(name))
        return err_fail(ei, ERR_LIMIT, "lab clock path %s is too long", path);
    *fd = open(name, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (*fd < 0)
        return err_fail_errno(ei, errno, "open lab clock lock %s", name);
    if (flock(*fd, LOCK_EX) != 0) {
        int errnum = errno;

        close(*fd);
        return err_fail_errno(ei, errnum, "lock %s", name);
    }
    return ERR_OK;
}

/* The service's user may change names in its folder: root acts there as that user, so that a link
 * leads no further, and what it makes is the service's. */
static enum err begin(const char *path, struct owner_turn *was, int *lock, struct errinfo *ei)
{
    enum err e = owner_begin_beside(path, was, ei);

    if (e != ERR_OK)
        return e;
    e = lock_beside(path, lock, ei);
    if (e != ERR_OK)
        owner_end(was);
    return e;
}

static void end(struct owner_turn *was, int lock)
{
    close(lock);
    owner_end(was);
}

enum err labclk_advance(struct labclk *l, int64_t seconds, int64_t *now, struct errinfo *ei)
{
    struct owner_turn was;
    struct setting s;
    enum err e;
    int lock;

    if (seconds < 0)
        return err_fail(ei, ERR_REFUSED, "the lab clock only goes forward");
    e = begin(l->path, &was, &lock, ei);
    if (e != ERR_OK)
        return e;
    e = setting_read(l->path, &s, ei);
    if (e == ERR_OK &&
        (__builtin_add_overflow(s.value, seconds, &s.value) || s.value > SETTING_MAX))
        e = err_fail(ei, ERR_LIMIT, "advance lab clock %s: beyond the end of time", l->path);
    if (e == ERR_OK)
        e = setting_write(l->path, &s, ei);
    if (e == ERR_OK) {
        l->last = s;
        if (now != NULL)
            *now = setting_now(l, &s);
    }
    end(&was, lock);
    return e;
}

/* when NULL: the present lab time. */
static enum err freeze(struct labclk *l, const int64_t *when, struct errinfo *ei)
{
    struct owner_turn was;
    struct setting s = {0};
    int lock;
    enum err e = begin(l->path, &was, &lock, ei);

    if (e != ERR_OK)
        return e;
    e = setting_read(l->path, &s, ei);
    if (e == ERR_OK && when != NULL && *when < setting_now(l, &s))
        e = err_fail(ei, ERR_REFUSED, "the lab clock only goes forward");
    if (e == ERR_OK && when != NULL && *when > SETTING_MAX)
        e = err_fail(ei, ERR_LIMIT, "freeze lab clock %s: beyond the end of time", l->path);
    if (e == ERR_OK) {
        s = (struct setting){.fixed = true, .value = when != NULL ? *when : setting_now(l, &s)};
        e = setting_write(l->path, &s, ei);
    }
    if (e == ERR_OK)
        l->last = s;
    end(&was, lock);
    return e;
}

enum err labclk_freeze(struct labclk *l, int64_t when, struct errinfo *ei)
{
    return freeze(l, &when, ei);
}

enum err labclk_freeze_now(struct labclk *l, struct errinfo *ei)
{
    return freeze(l, NULL, ei);
}
