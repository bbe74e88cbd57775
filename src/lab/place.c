#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lab/internal.h"

#define LONGEST_SOCKET "control.sock"

char *lab_path(const struct lab *l, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", l->dir, name) < 0)
        abort();
    return path;
}

/* Quotes and backslashes mean something in slapd.conf, control characters nothing anywhere. */
static enum err check_path(const char *path, struct errinfo *ei)
{
    const size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
    size_t len = strlen(path) + 1 + strlen(LONGEST_SOCKET);

    for (const char *p = path; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '"' || *p == '\\' || *p == '@')
            return err_fail(ei, ERR_REFUSED,
                            "lab folder %s: its name has a character that configuration files "
                            "can't express (quote, backslash, @, control); choose another",
                            path);
    if (len > max)
        return err_fail(ei, ERR_LIMIT,
                        "lab folder %s: sockets in it would have names of %zu bytes, and the "
                        "system allows %zu; choose a folder with a shorter path, such as /tmp/lab",
                        path, len, max);
    return ERR_OK;
}

/* ldapi:// with everything but unreserved characters escaped (RFC 3986 section 2.1). */
static char *socket_uri(const char *dir)
{
    struct buf out = BUF_INIT;
    char *path, *uri;

    if (asprintf(&path, "%s/ldapi", dir) < 0)
        abort();
    buf_add_str(&out, "ldapi://");
    for (const char *p = path; *p != '\0'; p++) {
        if (isalnum((unsigned char)*p) || strchr("-._~", *p) != NULL)
            buf_add(&out, p, 1);
        else
            buf_add_fmt(&out, "%%%02X", (unsigned char)*p);
    }
    uri = buf_str(&out) == NULL ? NULL : strdup(buf_str(&out));
    buf_fini(&out);
    free(path);
    return uri;
}

enum err lab_place(const char *dir, bool create, struct lab *l, struct errinfo *ei)
{
    bool made = create && mkdir(dir, 0700) == 0;
    enum err e;

    if (create && !made && errno != EEXIST)
        return err_fail_errno(ei, errno, "create lab folder %s", dir);
    l->dir = realpath(dir, NULL);
    if (l->dir == NULL)
        return err_fail_errno(ei, errno, "open lab folder %s", dir);
    e = check_path(l->dir, ei);
    if (e != ERR_OK) {
        if (made)
            rmdir(l->dir);
        return e;
    }
    l->uri = socket_uri(l->dir);
    return l->uri == NULL ? err_nomem(ei) : ERR_OK;
}

/* RFC 1123 labels, two or more. */
static bool is_domain(const char *name)
{
    size_t label = 0, labels = 1;

    if (strlen(name) > 253)
        return false;
    for (const char *p = name;; p++) {
        if (*p == '.' || *p == '\0') {
            if (label == 0 || label > 63 || p[-1] == '-')
                return false;
            if (*p == '\0')
                return labels >= 2;
            labels++;
            label = 0;
        } else if (isalnum((unsigned char)*p) || (*p == '-' && label > 0)) {
            label++;
        } else {
            return false;
        }
    }
}

enum err lab_set_domain(struct lab *l, const char *domain, struct errinfo *ei)
{
    struct buf suffix = BUF_INIT;

    if (!is_domain(domain))
        return err_fail(ei, ERR_USAGE,
                        "\"%s\" is no DNS name for a domain; give one such as lab.example", domain);
    l->domain = strdup(domain);
    if (l->domain == NULL)
        return err_nomem(ei);
    buf_add_str(&suffix, "DC=");
    for (char *p = l->domain; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
        if (*p == '.')
            buf_add_str(&suffix, ",DC=");
        else
            buf_add(&suffix, p, 1);
    }
    l->suffix = buf_str(&suffix) == NULL ? NULL : strdup(buf_str(&suffix));
    buf_fini(&suffix);
    return l->suffix == NULL ? err_nomem(ei) : ERR_OK;
}
