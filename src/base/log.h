/* log: lines that say which decision was taken, and from what input.
 *
 * A struct log is a prefix and a destination; it travels with the connection or the component it
 * speaks for, and is a value (copy it freely). Secrets never reach a log; keys appear as
 * fingerprints only. */
#ifndef ADBAD_BASE_LOG_H
#define ADBAD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/logkind.h"

enum log_level { LOGL_ERROR, LOGL_WARN, LOGL_INFO, LOGL_DEBUG };

/* Receives one whole line without a newline. Called from one thread at a time per destination
 * unless the function says that it can do more. */
typedef void log_fn(void *arg, enum log_level level, const char *prefix, const char *text);

/* One line, with what a structured log can be searched by. */
struct log_line {
    enum log_level level;
    enum log_kind kind;
    const char *reason; /* the word that documents list ("bad-length", "clock-skew"); NULL: none */
    const char *prefix, *text;
};
typedef void log_line_fn(void *arg, const struct log_line *line);

struct log_dest {
    log_fn *fn;
    log_line_fn *line;           /* in place of fn, unless it is NULL */
    void *arg;                   /* of either */
    _Atomic(enum log_level) max; /* the most talkative level that is written */
};

struct log {
    const struct log_dest *dest; /* NULL: silent */
    char prefix[80];             /* "kms 10.0.0.7:49211", may be empty */
};

#define LOG_LINE_MAX 1280 /* a formatted line */
/* "2026-11-22T10:00:00Z level prefix: text" and a newline; returns its length as snprintf does. */
int log_format(char *out, size_t size, enum log_level level, const char *prefix, const char *text);

/* Writes that line to stderr. arg is unused. Thread-safe. */
void log_to_stderr(void *arg, enum log_level level, const char *prefix, const char *text);

/* Parses "error", "warn", "info" or "debug". */
bool log_level_parse(const char *text, enum log_level *out);
const char *log_level_name(enum log_level level);

/* A log with the same destination and a new formatted prefix. */
struct log log_child(const struct log *parent, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline bool log_enabled(const struct log *l, enum log_level level)
{
    return l != NULL && l->dest != NULL && level <= l->dest->max;
}

void log_write(const struct log *l, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A line of a kind; reason as in struct log_line. */
void log_write_as(const struct log *l, enum log_level level, enum log_kind kind, const char *reason,
                  const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Arguments are not evaluated when the level is off. */
#define log_at(l, level, ...)                                                                      \
    do {                                                                                           \
        if (log_enabled((l), (level)))                                                             \
            log_write((l), (level), __VA_ARGS__);                                                  \
    } while (0)
#define log_as(l, level, kind, reason, ...)                                                        \
    do {                                                                                           \
        if (log_enabled((l), (level)))                                                             \
            log_write_as((l), (level), (kind), (reason), __VA_ARGS__);                             \
    } while (0)
#define log_error(l, ...) log_at((l), LOGL_ERROR, __VA_ARGS__)
#define log_warn(l, ...)  log_at((l), LOGL_WARN, __VA_ARGS__)
#define log_info(l, ...)  log_at((l), LOGL_INFO, __VA_ARGS__)
#define log_debug(l, ...) log_at((l), LOGL_DEBUG, __VA_ARGS__)

#endif
