/* What happened, in words. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "client/words.h"
#include "scenario/story.h"

const char *trace_when(const struct story *s, char text[32])
{
    int64_t t = s->site->now - s->site->start;

    snprintf(text, 32, "day %lld %02lld:%02lld", (long long)(t / CLK_DAY),
             (long long)(t % CLK_DAY / CLK_HOUR), (long long)(t % CLK_HOUR / CLK_MINUTE));
    return text;
}

static void add_code(const struct story *s, uint32_t code, struct buf *out)
{
    const struct cat_error *row = catalog_error(s->conf->catalog, code);

    if (code == 0)
        buf_add_str(out, "granted");
    else
        buf_add_fmt(out, "0x%08X%s%s", code, row != NULL && *row->name ? " " : "",
                    row != NULL ? row->name : "");
}

static void add_attempt(const struct story *s, const struct machine_product *p, struct buf *out)
{
    const struct machine_attempt *a = &p->last;

    if (a->before[0] != '\0')
        buf_add_fmt(out, "    before: %s\n", a->before);
    for (size_t i = 0; i < a->tries; i++) {
        const struct machine_try *t = &a->try[i];

        buf_add_fmt(out, "    %-4s %s%s", lic_channel_name(t->channel), t->target,
                    t->target[0] != '\0' ? ": " : "");
        add_code(s, t->hresult, out);
        buf_add_fmt(out, "\n         %s\n", t->text);
    }
    if (a->follows[0] != '\0')
        buf_add_fmt(out, "    then: %s\n", a->follows);
}

void trace_explain(const struct story *s, const struct site_station *st,
                   const struct machine_product *p, struct buf *out)
{
    char state[256], when[32], at[CLK_TEXT_MAX];

    words_state(p, state, sizeof(state));
    buf_add_fmt(out, "  %s, %s %s, on %s: %s\n", st->m.name, p->lic.product->product,
                p->lic.product->edition, trace_when(s, when), state);
    if (p->last.when == 0) {
        buf_add_str(out, "  it has not asked anybody yet\n");
        return;
    }
    buf_add_fmt(out, "  its last attempt (%s, %s by its clock):\n", p->last.trigger,
                clk_format(p->last.when, at));
    add_attempt(s, p, out);
}

/* The events that came with an attempt, as the machine logs them. */
static void trace_events(struct story *s, struct site_station *st)
{
    const char *text = buf_str(&st->m.events);

    if (text == NULL)
        return;
    for (const char *p = text + st->seen; *p != '\0';) {
        size_t len = strcspn(p, "\n");

        fprintf(s->conf->trace, "    event %.*s\n", (int)len, p);
        p += len + (p[len] == '\n');
    }
    st->seen = st->m.events.len;
}

void trace_attempt(void *arg, const struct site_station *st, const struct machine_product *p)
{
    struct story *s = arg;
    struct buf out = BUF_INIT;
    char when[32];

    for (size_t i = 0; i < p->last.tries; i++)
        story_code(s, p->last.try[i].hresult);
    story_code(s, p->last.result);
    story_code(s, p->lic.reason);
    if (s->conf->trace == NULL)
        return;
    buf_add_fmt(&out, "%-14s %s, %s %s (%s)\n", trace_when(s, when), st->m.name,
                p->lic.product->product, p->lic.product->edition, p->last.trigger);
    add_attempt(s, p, &out);
    fputs(buf_str(&out) != NULL ? buf_str(&out) : "", s->conf->trace);
    buf_fini(&out);
    trace_events(s, site_station(s->site, st->m.name));
}
