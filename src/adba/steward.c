/* What the steward decides. */
#include "adba/steward.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "base/utf8.h"

/* Clocks of two stewards may differ by this much; above it somebody has to look. */
#define CLOCK_DIFFERENCE CLK_DAY

const char *steward_what_name(enum steward_what what)
{
    static const char *const names[] = {
        [STEWARD_LEAVE] = "leave",   [STEWARD_CREATE] = "create", [STEWARD_RENEW] = "renew",
        [STEWARD_REPAIR] = "repair", [STEWARD_STUCK] = "stuck",
    };

    return names[what];
}

struct plan {
    const struct steward_view *v;
    const struct steward_wish *wishes;
    struct steward_step *steps;
    size_t n;
    bool *told; /* of each object: a step is about it */
    bool failed;
    struct steward_step nowhere; /* written to when memory ran out */
};

static void cut(char *out, size_t size, const char *text)
{
    utf8_copy(out, size, text == NULL ? "" : text);
}

/* Whole characters only: the text goes into JSON. */
static void PRINTF_LIKE(2, 3) say(struct steward_step *s, const char *fmt, ...)
{
    char text[2 * STEWARD_WHY_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    utf8_copy(s->why, sizeof(s->why), text);
}

static struct steward_step *step(struct plan *p, enum steward_what what, size_t wish, size_t object)
{
    struct steward_step *grown = realloc(p->steps, (p->n + 1) * sizeof(*grown));
    struct steward_step *s;

    if (grown == NULL) {
        p->failed = true;
        return &p->nowhere;
    }
    p->steps = grown;
    s = &grown[p->n++];
    *s = (struct steward_step){.what = what, .wish = wish, .object = object};
    if (object != STEWARD_NONE) {
        p->told[object] = true;
        cut(s->name, sizeof(s->name), p->v->objects[object].name);
        cut(s->group, sizeof(s->group), p->v->objects[object].group);
    }
    if (wish != STEWARD_NONE) {
        cut(s->group, sizeof(s->group), p->wishes[wish].group);
        if (object == STEWARD_NONE)
            cut(s->name, sizeof(s->name), p->wishes[wish].name);
    }
    return s;
}

/* ---- one wish ---- */

static bool serves(const struct steward_object *o, const struct steward_wish *w)
{
    return o->ours && o->group != NULL && strcasecmp(o->group, w->group) == 0;
}

/* The same for every steward, in whatever order the directory answers: the one that a steward
 * would create, then the longest valid, then by name. */
static bool better(const struct steward_object *a, const struct steward_object *b,
                   const struct steward_wish *w)
{
    bool a_named = strcasecmp(a->name, w->name) == 0, b_named = strcasecmp(b->name, w->name) == 0;

    if (a_named != b_named)
        return a_named;
    if (a->not_after != b->not_after)
        return a->not_after > b->not_after;
    return strcasecmp(a->dn, b->dn) < 0;
}

static size_t pick(const struct plan *p, const struct steward_wish *w)
{
    size_t best = STEWARD_NONE;

    for (size_t i = 0; i < p->v->n; i++) {
        const struct steward_object *o = &p->v->objects[i];

        if (serves(o, w) && (best == STEWARD_NONE || better(o, &p->v->objects[best], w)))
            best = i;
    }
    return best;
}

static size_t name_taken(const struct plan *p, const struct steward_wish *w)
{
    for (size_t i = 0; i < p->v->n; i++)
        if (strcasecmp(p->v->objects[i].name, w->name) == 0)
            return i;
    return STEWARD_NONE;
}

static void want_new(struct plan *p, size_t wish)
{
    const struct steward_wish *w = &p->wishes[wish];
    size_t taken = name_taken(p, w);
    struct steward_step *s;

    if (taken != STEWARD_NONE) {
        s = step(p, STEWARD_STUCK, wish, taken);
        say(s,
            "the name is taken by an object that this realm did not sign for it (%s: %s); "
            "it is left alone, take it away by hand",
            ao_verdict_name(p->v->objects[taken].verdict), p->v->objects[taken].verdict_why);
    } else if (w->key == NULL) {
        s = step(p, STEWARD_STUCK, wish, STEWARD_NONE);
        say(s, "there is none, and %s", w->why_no_key);
    } else {
        s = step(p, STEWARD_CREATE, wish, STEWARD_NONE);
        cut(s->why, sizeof(s->why), "the directory has no object of this realm for the group");
    }
}

/* Whether two thirds of the licence's time are over, or it is no good any more; why says which. */
static bool is_due(const struct steward_object *o, int64_t now, char why[STEWARD_WHY_MAX])
{
    char from[CLK_TEXT_MAX], to[CLK_TEXT_MAX];
    int64_t life = o->not_after - o->not_before;

    if (o->verdict == AO_EXPIRED && now > o->not_after && o->not_after != 0) {
        snprintf(why, STEWARD_WHY_MAX, "its licence ended on %s", clk_format(o->not_after, to));
        return true;
    }
    if (o->verdict != AO_GOOD) {
        snprintf(why, STEWARD_WHY_MAX, "%s: %s", ao_verdict_name(o->verdict), o->verdict_why);
        return true;
    }
    if (now - o->not_before < life - life / 3) {
        snprintf(why, STEWARD_WHY_MAX, "good until %s", clk_format(o->not_after, to));
        return false;
    }
    snprintf(why, STEWARD_WHY_MAX, "two thirds of its time, %s to %s, are over",
             clk_format(o->not_before, from), clk_format(o->not_after, to));
    return true;
}

/* A licence from the future: signing another with an earlier start would begin a fight. */
static bool is_early(struct plan *p, size_t wish, size_t object)
{
    const struct steward_object *o = &p->v->objects[object];
    bool little = o->not_before - p->v->now <= CLOCK_DIFFERENCE;
    char text[CLK_TEXT_MAX];
    struct steward_step *s;

    if (o->not_before <= p->v->now)
        return false;
    s = step(p, little ? STEWARD_LEAVE : STEWARD_STUCK, wish, object);
    say(s, "its licence begins on %s, later than now%s", clk_format(o->not_before, text),
        little ? "" : "; compare this host's clock with that of whoever signed it");
    return true;
}

static void keep(struct plan *p, size_t wish, size_t object)
{
    const struct steward_object *o = &p->v->objects[object];
    const struct steward_wish *w = &p->wishes[wish];
    char why[STEWARD_WHY_MAX];
    struct steward_step *s;

    if (!is_early(p, wish, object)) {
        enum steward_what what = STEWARD_LEAVE;

        if (is_due(o, p->v->now, why))
            what = w->key == NULL ? STEWARD_STUCK : STEWARD_RENEW;
        s = step(p, what, wish, object);
        if (what == STEWARD_STUCK)
            say(s, "%s, and %s", why, w->why_no_key);
        else
            say(s, "%s", why);
    }
    if (o->read == ACCESS_LOST) {
        s = step(p, STEWARD_REPAIR, wish, object);
        cut(s->why, sizeof(s->why), "Authenticated Users can't read it");
    }
}

/* ---- the rest ---- */

static void leave(struct plan *p, size_t object)
{
    const struct steward_object *o = &p->v->objects[object];
    struct steward_step *s = step(p, STEWARD_LEAVE, STEWARD_NONE, object);

    if (!o->ours)
        say(s, "not signed by this realm for an object of this name: %s", o->verdict_why);
    else
        cut(s->why, sizeof(s->why), "not wanted by this steward, or another serves the group");
}

bool steward_plan(const struct steward_view *v, const struct steward_wish *wishes, size_t n,
                  struct steward_step **steps, size_t *count)
{
    struct plan p = {.v = v, .wishes = wishes, .steps = *steps, .n = *count};

    p.told = calloc(v->n + 1, sizeof(*p.told));
    if (p.told == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t found = pick(&p, &wishes[i]);

        if (found == STEWARD_NONE)
            want_new(&p, i);
        else
            keep(&p, i, found);
    }
    for (size_t i = 0; i < v->n; i++)
        if (!p.told[i])
            leave(&p, i);
    free(p.told);
    *steps = p.steps;
    *count = p.n;
    return !p.failed;
}
