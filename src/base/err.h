/* err: one enum for code to branch on, one line of text for people to read.
 *
 * A function that can fail returns enum err and takes a struct errinfo last. The text names the
 * operation, the object and the cause, and where there is one the remedy. Foreign codes (errno,
 * LDAP, SQLite, OpenSSL) are translated where the call was made; the line is logged or printed
 * once, where the error stops travelling. */
#ifndef ADBAD_BASE_ERR_H
#define ADBAD_BASE_ERR_H

#include <stdarg.h>
#include <stdint.h>

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err {
    ERR_OK = 0,
    ERR_NOMEM,       /* allocation failed */
    ERR_USAGE,       /* the caller's arguments or options */
    ERR_CONFIG,      /* the configuration file */
    ERR_IO,          /* a file, a socket or the database failed */
    ERR_FULL,        /* no space left on the device */
    ERR_TRUNCATED,   /* input ends too early */
    ERR_MALFORMED,   /* input breaks its format */
    ERR_LIMIT,       /* a bound is exceeded */
    ERR_VERSION,     /* a format, schema or protocol version that is not ours or is newer */
    ERR_NOTFOUND,    /* no such object */
    ERR_EXISTS,      /* the object is already there */
    ERR_CONFLICT,    /* it changed in between; read again */
    ERR_DENIED,      /* the system or the directory denies permission */
    ERR_REFUSED,     /* our own safety rules forbid it */
    ERR_FOREIGN,     /* made by another realm, or by nobody we know */
    ERR_UNREACHABLE, /* no answer from the other side */
    ERR_TIMEOUT,     /* a deadline passed */
    ERR_AUTH,        /* authentication failed */
    ERR_READONLY,    /* the directory replica does not take writes */
    ERR_SCHEMA,      /* the directory lacks the classes or attributes */
    ERR_CRYPTO,      /* a signature, tag or key does not hold, or the library failed */
    ERR_EXPIRED,     /* outside its time of validity */
    ERR_BUSY,        /* in use by somebody else */
    ERR_NOT_NOW,     /* not possible in the present state */
    ERR_INTERNAL,    /* our own bug */
    ERR_COUNT
};

#define ERR_TEXT_MAX 512

struct errinfo {
    enum err code;
    uint32_t hresult; /* the documented activation error, 0 if none applies */
    char text[ERR_TEXT_MAX];
};

/* Exit codes of every program (documented in docs/exit-codes.md). */
enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,        /* the operation failed for a reason below has no code of its own */
    EXIT_USAGE = 2,         /* wrong option, missing argument */
    EXIT_CONFIG = 3,        /* configuration file */
    EXIT_NOTFOUND = 4,      /* the named object does not exist */
    EXIT_REFUSED = 5,       /* permission, or a safety rule of ours */
    EXIT_UNREACHABLE = 6,   /* directory, host or daemon does not answer */
    EXIT_INVALID = 7,       /* signature, format, validity: the object is there but not good */
    EXIT_STORAGE = 8,       /* disk, database */
    EXIT_CONFLICT = 9,      /* exists already, in use, or changed in between */
    EXIT_NOT_LICENSED = 10, /* adbaclient: the attempt ended without a licence */
    EXIT_NOT_MODELLED = 11, /* adbaclient: an option of slmgr or ospp that is not simulated */
};

/* A short English name of the code ("not found"); never NULL. */
const char *err_name(enum err code);

/* The exit code that reports this error. */
int err_exit_code(enum err code);

/* Stores code and formatted text in ei (which may be NULL) and returns code.
 * Clears ei->hresult. */
enum err err_fail(struct errinfo *ei, enum err code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_fail, with the documented activation error that a client would show. */
enum err err_fail_hr(struct errinfo *ei, enum err code, uint32_t hresult, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* As err_fail for a failed system call: appends ": " and the text of errnum, and picks the code
 * from it (ENOENT, EACCES, ENOSPC, …). */
enum err err_fail_errno(struct errinfo *ei, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Prefixes the text already in ei with formatted context ("context: text"); keeps both codes.
 * Returns ei->code. */
enum err err_context(struct errinfo *ei, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The usual answer to a failed allocation. */
enum err err_nomem(struct errinfo *ei);

#endif
