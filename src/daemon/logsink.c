#include "daemon/logsink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/folders.h"
#include "daemon/journal.h"

static void to_stderr(const struct log_line *line)
{
    log_to_stderr(NULL, line->level, line->prefix, line->text);
}

/* One write, appended: lines of two threads, or of two processes, do not mix. */
static void to_file(void *arg, const struct log_line *line)
{
    struct logsink *k = arg;
    char text[LOG_LINE_MAX];
    int n = log_format(text, sizeof(text), line->level, line->prefix, line->text);
    bool ours = getpid() == k->owner;
    int fd = k->file;

    if ((!ours && file_open_log(k->path, &fd, NULL) != ERR_OK) || write(fd, text, (size_t)n) != n)
        to_stderr(line);
    if (!ours && fd >= 0)
        close(fd);
}

/* From a process of ours that has closed what it inherited. */
static bool journal_takes(const struct log_line *line)
{
    struct errinfo ei;
    bool taken;
    int fd;

    if (journal_open(JOURNAL_SOCKET, &fd, &ei) != ERR_OK)
        return false;
    taken = journal_send(fd, line);
    close(fd);
    return taken;
}

static void tell_lost(struct logsink *k)
{
    unsigned long long n = atomic_exchange(&k->lost, 0);
    char text[80];
    struct log_line line = {
        .level = LOGL_WARN, .kind = LOGK_MORE, .reason = "journal", .prefix = "", .text = text};

    snprintf(text, sizeof(text), "%llu lines before this one did not get into the journal", n);
    if (n > 0 && !journal_send(k->journal, &line))
        atomic_fetch_add(&k->lost, n);
}

/* A journal that is full or away must not hold up what the log tells about. */
static void to_journal(void *arg, const struct log_line *line)
{
    struct logsink *k = arg;

    if (getpid() != k->owner) {
        if (!journal_takes(line))
            to_stderr(line);
    } else if (!journal_send(k->journal, line)) {
        atomic_fetch_add(&k->lost, 1);
    } else if (atomic_load_explicit(&k->lost, memory_order_relaxed) > 0) {
        tell_lost(k);
    }
}

static bool wants_file(const struct settings *s)
{
    return s->log_target == SET_LOG_AUTO && s->log_file != NULL;
}

enum err logsink_check(const struct settings *s, struct errinfo *ei)
{
    enum err e = ERR_OK;
    int fd;

    if (wants_file(s)) {
        e = file_could_open_log(s->log_file, ei);
        return e == ERR_OK ? e : folders_explain("[log] file", s->log_file, "LogsDirectory", ei);
    }
    if (s->log_target == SET_LOG_JOURNAL) {
        e = journal_open(JOURNAL_SOCKET, &fd, ei);
        if (e == ERR_OK)
            close(fd);
    }
    return e;
}

enum err logsink_open(struct logsink *k, const struct settings *s, struct log_dest *dest,
                      struct errinfo *ei)
{
    bool journal = s->log_target == SET_LOG_JOURNAL ||
                   (s->log_target == SET_LOG_AUTO && s->log_file == NULL && journal_has_stderr());
    enum err e = ERR_OK;

    *k = (struct logsink){.journal = -1, .file = -1, .owner = getpid()};
    *dest = (struct log_dest){.fn = log_to_stderr, .arg = k, .max = (enum log_level)s->log_level};
    if (journal) {
        e = journal_open(JOURNAL_SOCKET, &k->journal, ei);
        if (e == ERR_OK)
            dest->line = to_journal;
        else if (s->log_target == SET_LOG_AUTO)
            e = ERR_OK; /* its stream takes plain lines */
    } else if (wants_file(s)) {
        k->path = strdup(s->log_file);
        e = k->path == NULL ? err_nomem(ei) : file_open_log(k->path, &k->file, ei);
        if (e == ERR_OK)
            dest->line = to_file;
    }
    if (e != ERR_OK)
        logsink_close(k, dest);
    return e;
}

void logsink_close(struct logsink *k, struct log_dest *dest)
{
    dest->line = NULL;
    if (k->journal >= 0)
        close(k->journal);
    if (k->file >= 0)
        close(k->file);
    free(k->path);
    *k = (struct logsink){.journal = -1, .file = -1};
}

bool logsink_is_file(const struct logsink *k)
{
    return k->file >= 0;
}

enum err logsink_take(struct logsink *k, int fd, struct errinfo *ei)
{
    /* In one step: another thread writes to the old file or to the new one. */
    enum err e =
        dup3(fd, k->file, O_CLOEXEC) >= 0 ? ERR_OK : err_fail_errno(ei, errno, "take the new log");

    close(fd);
    return e;
}
