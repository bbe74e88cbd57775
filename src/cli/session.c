#include "cli/session.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"

#define PASSWORD_MAX 1024

static enum dir_mechanism mechanism_of(int setting)
{
    switch (setting) {
    case SET_MECH_SCRAM:
        return DIR_SCRAM_SHA_256;
    case SET_MECH_EXTERNAL:
        return DIR_EXTERNAL;
    default:
        return DIR_ANONYMOUS;
    }
}

static enum err read_password(const char *path, struct buf *out, struct errinfo *ei)
{
    enum err e = file_require_private(path, ei);

    if (e == ERR_OK)
        e = file_read(path, PASSWORD_MAX, out, ei);
    if (e != ERR_OK)
        return e;
    while (out->len > 0 && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->len--;
    if (out->len == 0 || memchr(out->data, 0, out->len) != NULL)
        return err_fail(ei, ERR_CONFIG, "password file %s: expected one line of text", path);
    return buf_str(out) == NULL ? err_nomem(ei) : ERR_OK;
}

enum err session_open(const struct settings *s, struct dir **out, struct errinfo *ei)
{
    struct buf password = BUF_INIT;
    struct dir_conf conf = {.uri = s->dir_uri,
                            .mechanism = mechanism_of(s->dir_mechanism),
                            .user = s->dir_user,
                            .lab_forest = s->lab_forest,
                            .timeout_ms = (int)(s->dir_timeout * 1000)};
    enum err e = ERR_OK;

    if (s->dir_uri == NULL)
        return err_fail(ei, ERR_CONFIG,
                        "no directory is configured; set [directory] uri, or make "
                        "a lab directory with: adbactl lab up");
    if (conf.mechanism == DIR_SCRAM_SHA_256) {
        e = read_password(s->dir_password_file, &password, ei);
        conf.password = (const char *)password.data;
    }
    if (e == ERR_OK)
        e = dir_open(&conf, out, ei);
    buf_wipe(&password);
    return e;
}
