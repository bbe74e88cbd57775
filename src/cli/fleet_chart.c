/* adbaclient fleet --chart: a run as a picture. It stands by itself: no script, no font and no
 * style from elsewhere; readable on light and dark ground. Positions are integers in tenths of a
 * unit, so that the same run gives the same bytes everywhere. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fleet.h"

#define WIDTH        980
#define LEFT         84 /* of the plot */
#define PLOT_WIDTH   700
#define PLOT_HEIGHT  170
#define PANEL_HEIGHT 258
#define TOP          70
#define LINES_MAX    (2 * FLEET_HOSTS_MAX)

/* One curve: a figure of each day. */
struct line {
    char name[40];
    uint32_t (*value)(const struct fleet_day *d, uint32_t which);
    uint32_t which;
    unsigned colour; /* 0–7 */
    bool dashed;
};

struct panel {
    const char *title, *unit;
    bool stacked; /* each area stands for its own value and those before it */
    size_t n;
    struct line line[LINES_MAX];
};

/* ---- figures ---- */

static uint32_t by_ad(const struct fleet_day *d, uint32_t which)
{
    (void)which;
    return d->channel[LIC_BY_AD];
}

static uint32_t by_kms(const struct fleet_day *d, uint32_t which)
{
    (void)which;
    return d->channel[LIC_BY_KMS];
}

static uint32_t by_other(const struct fleet_day *d, uint32_t which)
{
    (void)which;
    return fleet_licensed_other(d);
}

static uint32_t not_licensed(const struct fleet_day *d, uint32_t which)
{
    (void)which;
    return d->machines - fleet_licensed(d);
}

static uint32_t kms_peak(const struct fleet_day *d, uint32_t which)
{
    (void)which;
    return d->kms_peak;
}

static uint32_t kms_mean(const struct fleet_day *d, uint32_t which)
{
    (void)which;
    return d->kms / 24;
}

static uint32_t ad_peak(const struct fleet_day *d, uint32_t which)
{
    (void)which;
    return d->ad_peak;
}

/* which: host and application in one. */
static uint32_t count_of(const struct fleet_day *d, uint32_t which)
{
    return d->host[which / FLEET_APPS].count[which % FLEET_APPS];
}

static uint32_t failures(const struct fleet_day *d, uint32_t which)
{
    return d->failed[which];
}

/* ---- panels ---- */

static void PRINTF_LIKE(5, 6)
    add_line(struct panel *p, uint32_t (*value)(const struct fleet_day *, uint32_t), uint32_t which,
             unsigned colour, const char *fmt, ...)
{
    struct line *l = &p->line[p->n++];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(l->name, sizeof(l->name), fmt, ap);
    va_end(ap);
    l->value = value;
    l->which = which;
    l->colour = colour;
}

static void panel_licensed(struct panel *p)
{
    *p = (struct panel){.title = "Clients by channel", .unit = "clients", .stacked = true};
    add_line(p, by_ad, 0, 0, "licensed by AD");
    add_line(p, by_kms, 0, 1, "licensed by KMS");
    add_line(p, by_other, 0, 2, "licensed otherwise");
    add_line(p, not_licensed, 0, 7, "not licensed");
}

static void panel_requests(struct panel *p)
{
    *p = (struct panel){.title = "Requests in an hour, day by day", .unit = "requests an hour"};
    add_line(p, ad_peak, 0, 0, "AD, fullest hour");
    add_line(p, kms_peak, 0, 1, "KMS, fullest hour");
    add_line(p, kms_mean, 0, 3, "KMS, mean");
    p->line[2].dashed = true;
}

static void panel_count(struct panel *p, const struct fleet_report *r)
{
    *p = (struct panel){.title = "Count of each KMS host", .unit = "machines remembered"};
    for (uint32_t h = 0; h < r->conf.hosts; h++) {
        add_line(p, count_of, h * FLEET_APPS + FLEET_WINDOWS, h % 7, "host %" PRIu32 ", Windows",
                 h + 1);
        if (r->reach[FLEET_OFFICE_APP].askers == 0)
            continue;
        add_line(p, count_of, h * FLEET_APPS + FLEET_OFFICE_APP, (h + 3) % 7,
                 "host %" PRIu32 ", Office", h + 1);
        p->line[p->n - 1].dashed = true;
    }
}

static void panel_refusals(struct panel *p)
{
    *p = (struct panel){.title = "Attempts without success, by code", .unit = "times a day"};
    for (unsigned i = 0; i < FLEET_CODES; i++) {
        char code[16];

        fleet_code_text((enum fleet_code)i, code);
        add_line(p, failures, i, i, "%s", code);
    }
}

/* ---- scales ---- */

/* 1, 2 or 5 times a power of ten, such that at most n steps reach the greatest value. */
static uint64_t nice_step(uint64_t greatest, uint64_t n)
{
    static const uint64_t factors[] = {1, 2, 5};

    for (uint64_t ten = 1;; ten *= 10) {
        for (size_t i = 0; i < 3; i++) {
            if (factors[i] * ten * n >= greatest)
                return factors[i] * ten;
        }
    }
}

static uint64_t greatest(const struct fleet_report *r, const struct panel *p)
{
    uint64_t most = 1;

    for (uint32_t d = 0; d < r->conf.days; d++) {
        uint64_t sum = 0;

        for (size_t i = 0; i < p->n; i++) {
            uint64_t v = p->line[i].value(&r->day[d], p->line[i].which);

            sum = p->stacked ? sum + v : v;
            most = sum > most ? sum : most;
        }
    }
    return most;
}

/* "12.3" */
static void add_tenths(struct buf *b, uint64_t tenths)
{
    buf_add_fmt(b, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

static uint64_t x_of_minute(const struct fleet_report *r, uint64_t minute)
{
    uint64_t end = (uint64_t)r->conf.days * FLEET_DAY;

    return LEFT * 10 + (minute > end ? end : minute) * PLOT_WIDTH * 10 / end;
}

/* The end of day d (from 0), where its figures belong. */
static uint64_t x_of_day(const struct fleet_report *r, uint32_t d)
{
    return x_of_minute(r, (d + UINT64_C(1)) * FLEET_DAY);
}

static uint64_t y_of(uint64_t value, uint64_t top)
{
    return PLOT_HEIGHT * 10 - value * PLOT_HEIGHT * 10 / top;
}

/* ---- drawing ---- */

static void draw_grid(struct buf *b, const struct fleet_report *r, const struct panel *p,
                      uint64_t top, uint64_t step)
{
    uint32_t days = (uint32_t)nice_step(r->conf.days, 10);

    for (uint64_t v = 0; v <= top; v += step) {
        buf_add_fmt(b, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"", LEFT, LEFT + PLOT_WIDTH);
        add_tenths(b, y_of(v, top));
        buf_add_str(b, "\" y2=\"");
        add_tenths(b, y_of(v, top));
        buf_add_fmt(b, "\"/><text class=\"tick\" text-anchor=\"end\" x=\"%d\" y=\"", LEFT - 6);
        add_tenths(b, y_of(v, top) + 40);
        buf_add_fmt(b, "\">%" PRIu64 "</text>\n", v);
    }
    for (uint32_t d = 0; d <= r->conf.days; d += days) {
        buf_add_str(b, "<text class=\"tick\" text-anchor=\"middle\" x=\"");
        add_tenths(b, x_of_minute(r, (uint64_t)d * FLEET_DAY));
        buf_add_fmt(b, "\" y=\"%d\">%" PRIu32 "</text>\n", PLOT_HEIGHT + 16, d);
    }
    buf_add_fmt(b,
                "<text class=\"axis\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">days</text>\n"
                "<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(16,%d) "
                "rotate(-90)\">%s</text>\n",
                LEFT + PLOT_WIDTH / 2, PLOT_HEIGHT + 32, PLOT_HEIGHT / 2, p->unit);
}

static void draw_outages(struct buf *b, const struct fleet_report *r)
{
    static const char *const parts[FLEET_PARTS] = {"DC", "objects", "KMS"};
    uint64_t before = 0;
    bool inside = false; /* where the words would cover those of the outage before */

    for (size_t i = 0; i < r->conf.outage_count; i++) {
        const struct fleet_outage *o = &r->conf.outage[i];
        uint64_t x = x_of_minute(r, o->from);

        inside = !inside && i > 0 && x < before + 800 && before < x + 800;
        before = x;

        buf_add_str(b, "<rect class=\"outage\" x=\"");
        add_tenths(b, x);
        buf_add_str(b, "\" y=\"0\" width=\"");
        add_tenths(b, x_of_minute(r, o->until) - x);
        buf_add_fmt(b, "\" height=\"%d\"/><text class=\"tick\" x=\"", PLOT_HEIGHT);
        add_tenths(b, x + 20);
        buf_add_fmt(b, "\" y=\"%d\">%s", inside ? 11 : -3, parts[o->part]);
        if (o->host != 0)
            buf_add_fmt(b, " %" PRIu32, o->host);
        buf_add_str(b, " away</text>\n");
    }
}

static void add_point(struct buf *b, char how, uint64_t x, uint64_t y)
{
    buf_add_fmt(b, "%c", how);
    add_tenths(b, x);
    buf_add_str(b, ",");
    add_tenths(b, y);
}

static void draw_line(struct buf *b, const struct fleet_report *r, const struct line *l,
                      uint64_t top)
{
    buf_add_fmt(b, "<path class=\"line s%u%s\" d=\"", l->colour, l->dashed ? " dashed" : "");
    for (uint32_t d = 0; d < r->conf.days; d++) {
        uint64_t y = y_of(l->value(&r->day[d], l->which), top);

        if (d == 0) /* a run of one day is a short stroke */
            add_point(b, 'M', LEFT * 10, y);
        add_point(b, 'L', x_of_day(r, d), y);
    }
    buf_add_fmt(b, "\"><title>%s</title></path>\n", l->name);
}

static uint64_t stacked_value(const struct panel *p, size_t upto, const struct fleet_day *d)
{
    uint64_t sum = 0;

    for (size_t i = 0; i <= upto; i++)
        sum += p->line[i].value(d, p->line[i].which);
    return sum;
}

/* From the axis up to the sum of this line and those before it; drawn from the last to the
 * first, so that each covers what is not its own. */
static void draw_area(struct buf *b, const struct fleet_report *r, const struct panel *p, size_t i,
                      uint64_t top)
{
    const struct line *l = &p->line[i];

    buf_add_fmt(b, "<path class=\"area s%u\" d=\"", l->colour);
    add_point(b, 'M', LEFT * 10, PLOT_HEIGHT * 10);
    for (uint32_t d = 0; d < r->conf.days; d++)
        add_point(b, 'L', x_of_day(r, d), y_of(stacked_value(p, i, &r->day[d]), top));
    add_point(b, 'L', x_of_day(r, r->conf.days - 1), PLOT_HEIGHT * 10);
    buf_add_fmt(b, "Z\"><title>%s</title></path>\n", l->name);
}

static void draw_legend(struct buf *b, const struct panel *p)
{
    int x = LEFT + PLOT_WIDTH + 16;
    int step = p->n > 10 ? 12 : 18; /* 16 lines at most */

    for (size_t i = 0; i < p->n; i++) {
        const struct line *l = &p->line[i];
        int y = 8 + (int)i * step;

        if (p->stacked)
            buf_add_fmt(b,
                        "<rect class=\"area s%u\" x=\"%d\" y=\"%d\" width=\"18\" height=\"10\"/>",
                        l->colour, x, y - 5);
        else
            buf_add_fmt(b, "<path class=\"line s%u%s\" d=\"M%d,%dh18\"/>", l->colour,
                        l->dashed ? " dashed" : "", x, y);
        buf_add_fmt(b, "<text class=\"legend\" x=\"%d\" y=\"%d\">%s</text>\n", x + 24, y + 4,
                    l->name);
    }
}

static void draw_panel(struct buf *b, const struct fleet_report *r, const struct panel *p,
                       int index)
{
    uint64_t most = greatest(r, p), step = nice_step(most, 5);
    uint64_t top = (most + step - 1) / step * step;

    buf_add_fmt(b,
                "<g transform=\"translate(0,%d)\">\n<text class=\"title\" x=\"%d\" "
                "y=\"-18\">%s</text>\n",
                TOP + 30 + index * PANEL_HEIGHT, LEFT, p->title);
    for (size_t i = p->n; p->stacked && i > 0; i--)
        draw_area(b, r, p, i - 1, top);
    draw_outages(b, r);
    draw_grid(b, r, p, top, step);
    for (size_t i = 0; !p->stacked && i < p->n; i++)
        draw_line(b, r, &p->line[i], top);
    draw_legend(b, p);
    buf_add_str(b, "</g>\n");
}

/* ---- the whole ---- */

/* Eight colours that people with colour blindness tell apart (after Okabe and Ito), darker on
 * light ground. */
static const char style[] =
    "<style>\n"
    ".fleet{--ground:#ffffff;--ink:#1f2328;--soft:#59636e;--grid:#d1d9e0;--band:#8c959f;"
    "--c0:#0063a8;--c1:#d9730d;--c2:#00805c;--c3:#b0487f;--c4:#8a6d00;--c5:#2b8cbe;--c6:#6f42c1;"
    "--c7:#b9c0c8}\n"
    "@media (prefers-color-scheme:dark){.fleet{--ground:#0d1117;--ink:#e6edf3;--soft:#9198a1;"
    "--grid:#30363d;--band:#6e7681;--c0:#4aa3e0;--c1:#f0a04b;--c2:#3fb68b;--c3:#e08bb5;"
    "--c4:#e3c53d;--c5:#8fd0f0;--c6:#b392f0;--c7:#565d66}}\n"
    ".fleet text{font-family:system-ui,sans-serif;fill:var(--ink)}\n"
    ".ground{fill:var(--ground)}.head{font-size:18px;font-weight:600}\n"
    ".title{font-size:14px;font-weight:600}.fleet .tick{font-size:11px;fill:var(--soft)}\n"
    ".fleet .axis{font-size:12px;fill:var(--soft)}.legend{font-size:12px}\n"
    ".grid{stroke:var(--grid);stroke-width:1}.outage{fill:var(--band);fill-opacity:.25}\n"
    ".line{fill:none;stroke:var(--c);stroke-width:1.6}.dashed{stroke-dasharray:5 3}\n"
    ".area{fill:var(--c)}\n"
    ".s0{--c:var(--c0)}.s1{--c:var(--c1)}.s2{--c:var(--c2)}.s3{--c:var(--c3)}\n"
    ".s4{--c:var(--c4)}.s5{--c:var(--c5)}.s6{--c:var(--c6)}.s7{--c:var(--c7)}\n"
    "</style>\n";

static void draw_svg(const struct fleet_report *r, struct buf *b)
{
    int height = TOP + 4 * PANEL_HEIGHT;
    struct panel panel[4];

    panel_licensed(&panel[0]);
    panel_requests(&panel[1]);
    panel_count(&panel[2], r);
    panel_refusals(&panel[3]);
    buf_add_fmt(b,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"fleet\" role=\"img\" "
                "viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n",
                WIDTH, height, WIDTH, height);
    buf_add_fmt(b,
                "<title>A fleet of %" PRIu32 " clients over %" PRIu32 " days</title>\n%s"
                "<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n",
                r->conf.clients, r->conf.days, style, WIDTH, height);
    buf_add_fmt(b,
                "<text class=\"head\" x=\"%d\" y=\"30\">A fleet of %" PRIu32
                " clients over %" PRIu32 " days, KMS hosts: %" PRIu32 ", seed %" PRIu64 "</text>\n",
                LEFT, r->conf.clients, r->conf.days, r->conf.hosts, r->conf.seed);
    for (int i = 0; i < 4; i++)
        draw_panel(b, r, &panel[i], i);
    buf_add_str(b, "</svg>\n");
}

static void add_escaped(struct buf *b, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '&')
            buf_add_str(b, "&amp;");
        else if (text[i] == '<')
            buf_add_str(b, "&lt;");
        else
            buf_add(b, text + i, 1);
    }
}

static void add_words(const struct fleet_report *r, struct buf *b)
{
    buf_add_str(b, "<h2>What this says</h2>\n<ul>\n");
    for (int i = 0; i < FLEET_TOPICS; i++) {
        struct buf says = BUF_INIT;
        const char *text;

        fleet_says(r, (enum fleet_topic)i, &says);
        text = buf_str(&says);
        if (text == NULL)
            b->err = ERR_NOMEM;
        while (text != NULL && *text != '\0') {
            size_t len = strcspn(text, "\n");

            buf_add_str(b, "<li>");
            add_escaped(b, text, len);
            buf_add_str(b, "</li>\n");
            text += len + (text[len] == '\n');
        }
        buf_fini(&says);
    }
    buf_add_str(b, "</ul>\n");
}

enum err fleet_chart_name(const char *path, bool *html, struct errinfo *ei)
{
    const char *dot = strrchr(path, '.');

    *html = dot != NULL && strcmp(dot, ".html") == 0;
    if (*html || (dot != NULL && strcmp(dot, ".svg") == 0))
        return ERR_OK;
    return err_fail(ei, ERR_USAGE, "--chart takes FILE.svg or FILE.html, not \"%s\"", path);
}

/* The page is XML as well as HTML: every element is closed. */
void fleet_chart(const struct fleet_report *r, bool html, struct buf *out)
{
    if (!html) {
        draw_svg(r, out);
        return;
    }
    buf_add_str(out,
                "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
                "<head><meta charset=\"utf-8\"/><title>A fleet's days</title>\n"
                "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
                "<style>body{font-family:system-ui,sans-serif;max-width:980px;margin:1em auto;"
                "padding:0 1em}svg{max-width:100%;height:auto}li{margin:.4em 0}</style></head>\n"
                "<body>\n");
    draw_svg(r, out);
    add_words(r, out);
    buf_add_str(out, "</body>\n</html>\n");
}
