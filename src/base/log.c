#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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

void log_to_stderr(void *arg, enum log_level level, const char *prefix, const char *text)
{
    char when[32];
    struct tm tm;
    time_t now = time(NULL);

    (void)arg;
    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (prefix[0] != '\0')
        fprintf(stderr, "%s %-5s %s: %s\n", when, names[level], prefix, text);
    else
        fprintf(stderr, "%s %-5s %s\n", when, names[level], text);
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

/* What strangers send may end up in a line: control characters must not. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

void log_write(const struct log *l, enum log_level level, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    if (!log_enabled(l, level))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    make_printable(text);
    l->dest->fn(l->dest->arg, level, l->prefix, text);
}
