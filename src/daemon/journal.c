#include "daemon/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool journal_has_stderr(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;
    char end;

    return stream != NULL && sscanf(stream, "%llu:%llu%c", &dev, &ino, &end) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

enum err journal_open(const char *path, int *fd, struct errinfo *ei)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    enum err e = ERR_OK;

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    *fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return err_fail_errno(ei, errno, "open a socket for the journal");
    if (connect(*fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        e = err_fail_errno(ei, errno, "reach the journal at %s", path);
        close(*fd);
        *fd = -1;
    }
    return e;
}

/* A component is the prefix's first word: "kms" of "kms 10.0.0.7:49211". */
size_t journal_format(const struct log_line *line, char out[JOURNAL_DATAGRAM_MAX])
{
    static const int priority[] = {3, 4, 6, 7}; /* err, warning, info, debug of syslog(3) */
    int n = snprintf(out, JOURNAL_DATAGRAM_MAX,
                     "MESSAGE=%s%s%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=adbad\n", line->prefix,
                     line->prefix[0] != '\0' ? ": " : "", line->text, priority[line->level]);
    size_t len = (size_t)n;

    if (line->prefix[0] != '\0')
        len += (size_t)snprintf(out + len, JOURNAL_DATAGRAM_MAX - len, "ADBAD_COMPONENT=%.*s\n",
                                (int)strcspn(line->prefix, " "), line->prefix);
    if (line->kind != LOGK_NONE)
        len += (size_t)snprintf(out + len, JOURNAL_DATAGRAM_MAX - len,
                                "MESSAGE_ID=%s\nADBAD_KIND=%s\n", log_kind_id(line->kind),
                                log_kind_name(line->kind));
    if (line->reason != NULL)
        len += (size_t)snprintf(out + len, JOURNAL_DATAGRAM_MAX - len, "ADBAD_REASON=%.80s\n",
                                line->reason);
    return len;
}

bool journal_send(int fd, const struct log_line *line)
{
    char text[JOURNAL_DATAGRAM_MAX];
    size_t len = journal_format(line, text);

    return send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}
