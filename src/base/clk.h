/* clk: time as an argument. Protocol and policy code never asks the system. */
#ifndef ADBAD_BASE_CLK_H
#define ADBAD_BASE_CLK_H

#include <stddef.h>
#include <stdint.h>

#define CLK_MINUTE INT64_C(60)
#define CLK_HOUR   (60 * CLK_MINUTE)
#define CLK_DAY    (24 * CLK_HOUR)

/* Seconds since 1970-01-01T00:00:00Z. */
struct clk {
    int64_t (*now)(void *arg);
    void *arg;
};

static inline int64_t clk_now(const struct clk *c)
{
    return c->now(c->arg);
}

/* The system's real time; for programs' main() only. */
struct clk clk_system(void);

/* Milliseconds of a clock that nobody sets, for deadlines. */
int64_t clk_uptime_ms(void);

/* A clock that stands at *now until somebody changes it; for tests and simulations. */
struct clk clk_fixed(int64_t *now);

#define CLK_TEXT_MAX 48

/* Writes "2026-11-22T10:00:00Z" and returns text. A time outside years 0000–9999 gives "-". */
const char *clk_format(int64_t when, char text[CLK_TEXT_MAX]);

/* Writes a duration as its two largest units: "179 d 22 h", "2 h", "90 s". Returns text. */
const char *clk_format_duration(int64_t seconds, char text[CLK_TEXT_MAX]);

/* Parses "90s", "120m", "2h", "7d", and sums such as "7d12h". Returns 0, or -1 if it is not a
 * duration or does not fit. A bare number is not a duration: the unit is never guessed. */
int clk_parse_duration(const char *text, int64_t *seconds);

#endif
