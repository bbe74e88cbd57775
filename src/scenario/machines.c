/* Statements about machines. */
#include <string.h>
#include <strings.h>

#include "realm/labkey.h"
#include "scenario/story.h"

/* ---- asking ---- */

static enum err ask_one(struct story *s, struct site_station *st, void *arg, struct errinfo *ei)
{
    const bool *office = arg;
    struct machine_product *p;
    enum err e = target_installed(st, *office, &p, ei);

    if (e == ERR_OK && p->lic.phase == LIC_NO_KEY) {
        err_fail_hr(ei, ERR_NOTFOUND, LIC_HR_NO_KEY, "activate %s: no product key is installed",
                    st->m.name);
        return story_answer(s, ERR_NOTFOUND, ei);
    }
    if (e == ERR_OK)
        station_ask(st, p);
    return e;
}

static enum err do_ask(struct story *s, struct errinfo *ei)
{
    bool office = target_office(s->word[1]);

    return target_machines(s, s->word[1], ask_one, &office, ei);
}

static enum err restart_one(struct story *s, struct site_station *st, void *arg, struct errinfo *ei)
{
    (void)s;
    (void)arg;
    (void)ei;
    station_restart(st);
    return ERR_OK;
}

static enum err do_restart(struct story *s, struct errinfo *ei)
{
    return target_machines(s, s->word[1], restart_one, NULL, ei);
}

/* ---- keys ---- */

struct key_arg {
    bool office;
    const char *name;
};

static const struct {
    const char *name;
    enum labkey_kind kind;
} made_keys[] = {
    {"retail", LABKEY_RETAIL},
    {"oem", LABKEY_OEM},
    {"evaluation", LABKEY_EVALUATION},
};

/* The text of a key that a story names: for p, or for the product that it says. text: room for a
 * key that is made here. NULL: there is none. */
static const char *key_text(const struct story *s, const struct machine_product *p,
                            const char *name, char text[HOSTKEY_TEXT_LEN + 1])
{
    const struct cat_product *other = catalog_product(s->conf->catalog, name, NULL);

    if (strcasecmp(name, "avma") == 0)
        return p->lic.product->avma_key;
    for (size_t i = 0; i < sizeof(made_keys) / sizeof(made_keys[0]); i++) {
        if (strcasecmp(name, made_keys[i].name) != 0)
            continue;
        labkey_make(made_keys[i].kind, &p->lic.product->activation_id, &s->site->rng, text);
        return text;
    }
    return other != NULL ? other->setup_key : name;
}

static enum err key_one(struct story *s, struct site_station *st, void *arg, struct errinfo *ei)
{
    const struct key_arg *k = arg;
    char text[HOSTKEY_TEXT_LEN + 1];
    const char *key;
    struct machine_product *p;
    enum err e = target_installed(st, k->office, &p, ei);

    if (e != ERR_OK)
        return e;
    if (strcasecmp(k->name, "none") == 0)
        return story_answer(s, station_key_removed(st, p, ei), ei);
    if (strcasecmp(k->name, "setup") == 0)
        return story_answer(s, station_setup_key(st, p, ei), ei);
    key = key_text(s, p, k->name, text);
    if (key == NULL)
        return err_fail(ei, ERR_MALFORMED, "no such key is published for it");
    return story_answer(s, station_key(st, key, ei), ei);
}

static enum err do_key(struct story *s, struct errinfo *ei)
{
    struct key_arg arg = {.office = target_office(s->word[1]), .name = s->word[2]};

    return target_machines(s, s->word[1], key_one, &arg, ei);
}

static enum err add_one(struct story *s, struct site_station *st, void *arg, struct errinfo *ei)
{
    (void)s;
    return station_install(st, arg, ei);
}

static enum err do_add(struct story *s, struct errinfo *ei)
{
    const struct cat_product *product;
    enum err e = target_product(s, s->word[2], &product, ei);

    if (e != ERR_OK)
        return e;
    return target_machines(s, s->word[1], add_one, (void *)(uintptr_t)product, ei);
}

/* ---- what happens to them ---- */

static enum err rearm_one(struct story *s, struct site_station *st, void *arg, struct errinfo *ei)
{
    const bool *office = arg;

    return story_answer(s, machine_rearm(&st->m, *office, NULL, ei), ei);
}

static enum err do_rearm(struct story *s, struct errinfo *ei)
{
    bool office = target_office(s->word[1]);

    return target_machines(s, s->word[1], rearm_one, &office, ei);
}

static enum err hardware_one(struct story *s, struct site_station *st, void *arg,
                             struct errinfo *ei)
{
    const bool *board = arg;
    struct guid identity;

    (void)ei;
    rng_fill(&s->site->rng, identity.b, sizeof(identity.b));
    machine_change_hardware(&st->m, &identity, *board, station_time(st));
    return ERR_OK;
}

static enum err do_hardware(struct story *s, struct errinfo *ei)
{
    bool board = s->n > 2;

    if (board && strcmp(s->word[2], "board") != 0)
        return err_fail(ei, ERR_MALFORMED, "\"%s\": only the board is told apart", s->word[2]);
    return target_machines(s, s->word[1], hardware_one, &board, ei);
}

static enum err genuine_one(struct story *s, struct site_station *st, void *arg, struct errinfo *ei)
{
    const bool *genuine = arg;

    (void)s;
    (void)ei;
    machine_validate(&st->m, *genuine, station_time(st));
    return ERR_OK;
}

static enum err do_genuine(struct story *s, struct errinfo *ei)
{
    bool genuine;
    enum err e = line_flag(s->word[2], &genuine, ei);

    return e == ERR_OK ? target_machines(s, s->word[1], genuine_one, &genuine, ei) : e;
}

const struct story_verb machine_verbs[] = {
    {{"ask MACHINE[/office]", "one attempt at activation (slmgr /ato)"}, 1, 1, do_ask},
    {{"restart MACHINE", "its licensing service starts again"}, 1, 1, do_restart},
    {{"key MACHINE[/office] KEY|PRODUCT|setup|retail|oem|evaluation|avma|none",
      "install a key (/ipk): this one, a product's setup key, its own, or one of its product of "
      "that kind; none: take it off (/upk)"},
     2,
     2,
     do_key},
    {{"add MACHINE PRODUCT", "install Office, with its setup key"}, 2, 2, do_add},
    {{"rearm MACHINE[/office]", "rearm it (/rearm); takes effect at its restart"}, 1, 1, do_rearm},
    {{"hardware MACHINE [board]",
      "its hardware changes beyond tolerance; board: with the firmware"},
     1,
     2,
     do_hardware},
    {{"genuine MACHINE yes|no", "it is validated, and found genuine or not"}, 2, 2, do_genuine},
    {{0}, 0, 0, NULL},
};
