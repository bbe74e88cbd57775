#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* A character more than is kept, so that none is judged by its half. */
#define WHOLE_MAX (ERR_TEXT_MAX + 4)

static const struct {
    const char *name;
    int exit_code;
} table[ERR_COUNT] = {
    [ERR_OK] = {"ok", EXIT_OK},
    [ERR_NOMEM] = {"out of memory", EXIT_FAILED},
    [ERR_USAGE] = {"wrong usage", EXIT_USAGE},
    [ERR_CONFIG] = {"configuration error", EXIT_CONFIG},
    [ERR_IO] = {"input/output error", EXIT_STORAGE},
    [ERR_FULL] = {"no space left", EXIT_STORAGE},
    [ERR_TRUNCATED] = {"truncated", EXIT_INVALID},
    [ERR_MALFORMED] = {"malformed", EXIT_INVALID},
    [ERR_LIMIT] = {"limit exceeded", EXIT_INVALID},
    [ERR_VERSION] = {"version not supported", EXIT_STORAGE},
    [ERR_NOTFOUND] = {"not found", EXIT_NOTFOUND},
    [ERR_EXISTS] = {"exists already", EXIT_CONFLICT},
    [ERR_CONFLICT] = {"changed in between", EXIT_CONFLICT},
    [ERR_DENIED] = {"permission denied", EXIT_REFUSED},
    [ERR_REFUSED] = {"refused", EXIT_REFUSED},
    [ERR_FOREIGN] = {"not of this realm", EXIT_REFUSED},
    [ERR_UNREACHABLE] = {"unreachable", EXIT_UNREACHABLE},
    [ERR_TIMEOUT] = {"timed out", EXIT_UNREACHABLE},
    [ERR_AUTH] = {"authentication failed", EXIT_REFUSED},
    [ERR_READONLY] = {"read-only", EXIT_REFUSED},
    [ERR_SCHEMA] = {"schema missing", EXIT_INVALID},
    [ERR_CRYPTO] = {"not authentic", EXIT_INVALID},
    [ERR_EXPIRED] = {"not valid at this time", EXIT_INVALID},
    [ERR_BUSY] = {"in use", EXIT_CONFLICT},
    [ERR_NOT_NOW] = {"not possible now", EXIT_FAILED},
    [ERR_INTERNAL] = {"internal error", EXIT_FAILED},
};

const char *err_name(enum err code)
{
    return (unsigned)code < ERR_COUNT ? table[code].name : "unknown error";
}

int err_exit_code(enum err code)
{
    return (unsigned)code < ERR_COUNT ? table[code].exit_code : EXIT_FAILED;
}

/* Texts go to terminals and into JSON: whole UTF-8 characters, no control codes. What a text names
 * (a path, an answer of a server) may hold anything, and may have been cut in the middle. */
static void keep(struct errinfo *ei, const char *text)
{
    utf8_copy(ei->text, sizeof(ei->text), text);
    for (char *c = ei->text; *c != '\0'; c++) {
        if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f)
            *c = '?';
    }
}

static void PRINTF_LIKE(4, 0)
    set(struct errinfo *ei, enum err code, uint32_t hresult, const char *fmt, va_list ap)
{
    char text[WHOLE_MAX]; /* the arguments may point into ei->text */

    if (ei == NULL)
        return;
    vsnprintf(text, sizeof(text), fmt, ap);
    ei->code = code;
    ei->hresult = hresult;
    keep(ei, text);
}

enum err err_fail(struct errinfo *ei, enum err code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set(ei, code, 0, fmt, ap);
    va_end(ap);
    return code;
}

enum err err_fail_hr(struct errinfo *ei, enum err code, uint32_t hresult, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set(ei, code, hresult, fmt, ap);
    va_end(ap);
    return code;
}

static enum err code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOTFOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    case ENOMEM:
        return ERR_NOMEM;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return ERR_UNREACHABLE;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case EADDRINUSE:
    case EBUSY:
        return ERR_BUSY;
    default:
        return ERR_IO;
    }
}

enum err err_fail_errno(struct errinfo *ei, int errnum, const char *fmt, ...)
{
    enum err code = code_of_errno(errnum);
    char reason[128];
    size_t len;
    va_list ap;

    va_start(ap, fmt);
    set(ei, code, 0, fmt, ap);
    va_end(ap);
    if (ei == NULL)
        return code;
    len = strlen(ei->text);
    snprintf(ei->text + len, sizeof(ei->text) - len, ": %s",
             strerror_r(errnum, reason, sizeof(reason)));
    return code;
}

enum err err_context(struct errinfo *ei, const char *fmt, ...)
{
    char text[WHOLE_MAX];
    size_t len;
    va_list ap;

    if (ei == NULL)
        return ERR_INTERNAL;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    len = strlen(text);
    snprintf(text + len, sizeof(text) - len, ": %s", ei->text);
    keep(ei, text);
    return ei->code;
}

enum err err_nomem(struct errinfo *ei)
{
    return err_fail(ei, ERR_NOMEM, "out of memory");
}
