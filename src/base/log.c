#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"

static const char *const names[] = {"error", "warn", "info", "debug"};

const char *log_level_name(enum log_level level)
{
    return names[level];
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

int log_format(char *out, size_t size, enum log_level level, const char *prefix, const char *text)
{
    char when[32];
    struct tm tm;
    time_t now = time(NULL);

    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return snprintf(out, size, "%s %-5s %s%s%s\n", when, names[level], prefix,
                    prefix[0] != '\0' ? ": " : "", text);
}

void log_to_stderr(void *arg, enum log_level level, const char *prefix, const char *text)
{
    char line[LOG_LINE_MAX];

    (void)arg;
    log_format(line, sizeof(line), level, prefix, text);
    fputs(line, stderr);
}

struct log log_child(const struct log *parent, const char *fmt, ...)
{
    struct log l = {.dest = parent->dest};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(l.prefix, sizeof(l.prefix), fmt, ap);
    va_end(ap);
    return l;
}

/* What strangers send may end up in a line: control characters, those above ASCII too, and what is
 * no UTF-8 must not. */
static void make_printable(char *text)
{
    while (*text != '\0') {
        const char *next = text;
        uint32_t c = 0;
        bool good = utf8_next(&next, &c) && c >= 0x20 && (c < 0x7f || c > 0x9f);
        size_t n = next == text ? 1 : (size_t)(next - text);

        if (!good)
            memset(text, '?', n);
        text += n;
    }
}

static void PRINTF_LIKE(3, 0)
    write_line(const struct log *l, struct log_line *line, const char *fmt, va_list ap)
{
    char text[1024];

    vsnprintf(text, sizeof(text), fmt, ap);
    make_printable(text);
    line->prefix = l->prefix;
    line->text = text;
    if (l->dest->line != NULL)
        l->dest->line(l->dest->arg, line);
    else
        l->dest->fn(l->dest->arg, line->level, line->prefix, text);
}

void log_write(const struct log *l, enum log_level level, const char *fmt, ...)
{
    struct log_line line = {.level = level};
    va_list ap;

    if (!log_enabled(l, level))
        return;
    va_start(ap, fmt);
    write_line(l, &line, fmt, ap);
    va_end(ap);
}

void log_write_as(const struct log *l, enum log_level level, enum log_kind kind, const char *reason,
                  const char *fmt, ...)
{
    struct log_line line = {.level = level, .kind = kind, .reason = reason};
    va_list ap;

    if (!log_enabled(l, level))
        return;
    va_start(ap, fmt);
    write_line(l, &line, fmt, ap);
    va_end(ap);
}
