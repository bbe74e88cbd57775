#include "web/exposition.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *suffix_of(enum expo_type type)
{
    return type == EXPO_COUNTER ? "_total" : type == EXPO_INFO ? "_info" : "";
}

/* The classic format knows no info. */
static const char *type_name(const struct expo *x)
{
    static const char *const names[] = {[EXPO_GAUGE] = "gauge",
                                        [EXPO_COUNTER] = "counter",
                                        [EXPO_INFO] = "info",
                                        [EXPO_HISTOGRAM] = "histogram",
                                        [EXPO_SUMMARY] = "summary"};

    return x->type == EXPO_INFO && !x->openmetrics ? "gauge" : names[x->type];
}

static void add_escaped(struct buf *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buf_add_str(out, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            buf_add_fmt(out, "\\%c", *text);
        else
            buf_add(out, text, 1);
    }
}

/* Whole numbers stand as such: counts are read by people too. */
static void add_number(struct buf *out, double v)
{
    if (isnan(v))
        buf_add_str(out, "NaN");
    else if (isinf(v))
        buf_add_str(out, v > 0 ? "+Inf" : "-Inf");
    else if (v == floor(v) && fabs(v) < 1e15)
        buf_add_fmt(out, "%.0f", v);
    else
        buf_add_fmt(out, "%.9g", v);
}

void expo_family(struct expo *x, enum expo_type type, const char *name, const char *unit,
                 const char *help)
{
    const char *suffix = x->openmetrics ? "" : suffix_of(type);

    x->type = type;
    x->name = name;
    buf_add_fmt(x->out, "# TYPE %s%s %s\n", name, suffix, type_name(x));
    if (x->openmetrics && unit != NULL)
        buf_add_fmt(x->out, "# UNIT %s %s\n", name, unit);
    buf_add_fmt(x->out, "# HELP %s%s ", name, suffix);
    add_escaped(x->out, help, x->openmetrics);
    buf_add_str(x->out, "\n");
}

void expo_sample(struct expo *x, double value, ...)
{
    const char *name, *separator = "{";
    va_list labels;

    buf_add_fmt(x->out, "%s%s", x->name, suffix_of(x->type));
    va_start(labels, value);
    while ((name = va_arg(labels, const char *)) != NULL) {
        buf_add_fmt(x->out, "%s%s=\"", separator, name);
        add_escaped(x->out, va_arg(labels, const char *), true);
        buf_add_str(x->out, "\"");
        separator = ",";
    }
    va_end(labels);
    buf_add_str(x->out, *separator == ',' ? "} " : " ");
    add_number(x->out, value);
    buf_add_str(x->out, "\n");
}

static void add_plain(struct expo *x, const char *suffix, double value)
{
    buf_add_fmt(x->out, "%s%s ", x->name, suffix);
    add_number(x->out, value);
    buf_add_str(x->out, "\n");
}

/* One that writes meanwhile may be seen in a bucket and not yet in the sum. */
void expo_timing(struct expo *x, const struct timing *t)
{
    uint64_t count = 0;

    for (size_t i = 0; i < TIMING_BOUNDS; i++) {
        double bound = (double)timing_bounds_us[i] / 1e6;

        count += counter_read(&t->buckets[i]);
        buf_add_fmt(x->out,
                    bound == floor(bound) ? "%s_bucket{le=\"%.1f\"} " : "%s_bucket{le=\"%g\"} ",
                    x->name, bound);
        add_number(x->out, (double)count);
        buf_add_str(x->out, "\n");
    }
    count += counter_read(&t->buckets[TIMING_BOUNDS]);
    buf_add_fmt(x->out, "%s_bucket{le=\"+Inf\"} ", x->name);
    add_number(x->out, (double)count);
    buf_add_str(x->out, "\n");
    add_plain(x, "_sum", (double)counter_read(&t->sum_us) / 1e6);
    add_plain(x, "_count", (double)count);
}

void expo_summary(struct expo *x, double sum, double count)
{
    add_plain(x, "_sum", sum);
    add_plain(x, "_count", count);
}

void expo_end(struct expo *x)
{
    if (x->openmetrics)
        buf_add_str(x->out, "# EOF\n");
}
