#include "base/clk.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int64_t system_now(void *arg)
{
    (void)arg;
    return (int64_t)time(NULL);
}

struct clk clk_system(void)
{
    return (struct clk){.now = system_now};
}

int64_t clk_uptime_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t fixed_now(void *arg)
{
    return *(const int64_t *)arg;
}

struct clk clk_fixed(int64_t *now)
{
    return (struct clk){.now = fixed_now, .arg = now};
}

const char *clk_format(int64_t when, char text[CLK_TEXT_MAX])
{
    struct tm tm;
    time_t t = (time_t)when;

    if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 8099 ||
        strftime(text, CLK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(text, CLK_TEXT_MAX, "-");
    return text;
}

static const struct {
    int64_t seconds;
    char unit;
    const char *name;
} units[] = {{CLK_DAY, 'd', "d"}, {CLK_HOUR, 'h', "h"}, {CLK_MINUTE, 'm', "min"}, {1, 's', "s"}};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

const char *clk_format_duration(int64_t seconds, char text[CLK_TEXT_MAX])
{
    const char *sign = seconds < 0 ? "-" : "";
    uint64_t left = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    size_t i = 0;
    unsigned rest;

    while (i + 1 < UNIT_COUNT && left < (uint64_t)units[i].seconds)
        i++;
    rest = i + 1 < UNIT_COUNT
               ? (unsigned)(left % (uint64_t)units[i].seconds / (uint64_t)units[i + 1].seconds)
               : 0;
    left /= (uint64_t)units[i].seconds;
    if (rest > 0)
        snprintf(text, CLK_TEXT_MAX, "%s%" PRIu64 " %s %u %s", sign, left, units[i].name, rest,
                 units[i + 1].name);
    else
        snprintf(text, CLK_TEXT_MAX, "%s%" PRIu64 " %s", sign, left, units[i].name);
    return text;
}

static int64_t unit_seconds(char unit)
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].unit == unit)
            return units[i].seconds;
    }
    return 0;
}

int clk_parse_duration(const char *text, int64_t *seconds)
{
    int64_t sum = 0;

    if (*text == '\0')
        return -1;
    while (*text != '\0') {
        int64_t n = 0, part;

        if (!isdigit((unsigned char)*text))
            return -1;
        for (; isdigit((unsigned char)*text); text++) {
            if (__builtin_mul_overflow(n, INT64_C(10), &n) ||
                __builtin_add_overflow(n, (int64_t)(*text - '0'), &n))
                return -1;
        }
        if (*text == '\0' || unit_seconds(*text) == 0 ||
            __builtin_mul_overflow(n, unit_seconds(*text), &part) ||
            __builtin_add_overflow(sum, part, &sum))
            return -1;
        text++;
    }
    *seconds = sum;
    return 0;
}
