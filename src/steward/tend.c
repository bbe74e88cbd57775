#include "steward/tend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adba/steward.h"
#include "realm/hostkey.h"
#include "steward/activate.h"

static const char *past(enum steward_what what)
{
    switch (what) {
    case STEWARD_CREATE:
        return "created";
    case STEWARD_RENEW:
        return "signed anew";
    case STEWARD_REPAIR:
        return "made readable again";
    default:
        return "left";
    }
}

static void tell_step(struct tended *t, const struct steward_step *s)
{
    bool stuck = s->what == STEWARD_STUCK, failed = s->result != ERR_OK;
    struct tend_line *l;

    if (s->what == STEWARD_LEAVE)
        return;
    l = tended_add(t, stuck || failed ? LOGL_WARN : LOGL_INFO, s->done);
    if (l == NULL)
        return;
    if (stuck)
        snprintf(l->text, sizeof(l->text), "activation object \"%s\" can't be kept: %s", s->name,
                 s->why);
    else if (failed)
        snprintf(l->text, sizeof(l->text), "activation object \"%s\" was not %s: %s", s->name,
                 past(s->what), s->error);
    else
        snprintf(l->text, sizeof(l->text), "activation object \"%s\" %s: %s", s->name,
                 past(s->what), s->why);
}

static enum err run(const struct settings *s, struct steward *w, struct tended *out,
                    struct errinfo *ei)
{
    struct steward_report r = {0};
    struct hostkey *keys = NULL;
    enum err e = hostkey_installed(s->state_dir, s->secrets_dir, &keys, &w->key_count, ei);

    w->keys = keys;
    if (e == ERR_OK)
        e = steward_run(w, &r, ei);
    for (size_t i = 0; e == ERR_OK && i < r.n; i++)
        tell_step(out, &r.steps[i]);
    steward_report_fini(&r);
    for (size_t i = 0; i < w->key_count; i++)
        hostkey_fini(&keys[i]);
    free(keys);
    return e;
}

void tend(const struct settings *s, const struct bundle *b, const struct catalog *cat,
          struct dir *d, int64_t now, struct tended *out)
{
    struct steward w = {.dir = d, .bundle = b, .catalog = cat, .now = now};
    struct errinfo ei = {0};
    struct tend_line *l;

    activate_steward(s, &w);
    if (s->adba_groups.n > 0) {
        w.groups = (const char *const *)s->adba_groups.v;
        w.group_count = s->adba_groups.n;
    }
    if (run(s, &w, out, &ei) == ERR_OK)
        return;
    l = tended_add(out, LOGL_WARN, false);
    if (l != NULL)
        snprintf(l->text, sizeof(l->text), "activation objects are not kept: %s", ei.text);
}
