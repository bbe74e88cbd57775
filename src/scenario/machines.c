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

/* The text of a key that a story names: one that was issued, the site's host key of a group, one of
 * p that nobody issued, the setup key of a product, or itself. text: room for a key that is made
 * here. *key NULL: there is none. */
static enum err key_text(struct story *s, const struct machine_product *p, const char *name,
                         char text[HOSTKEY_TEXT_LEN + 1], const char **key, struct errinfo *ei)
{
    const struct cat_product *other = catalog_product(s->conf->catalog, name, NULL);
    const struct cat_group *group = catalog_group(s->conf->catalog, name);
    const struct house_mak *issued = target_key(s, name);
    struct house_key *host_key;
    enum labkey_kind kind;
    enum err e = ERR_OK;

    *key = name;
    if (issued != NULL) {
        *key = issued->text;
    } else if (group != NULL) {
        e = house_key(&s->site->house, group, &host_key, ei);
        if (e == ERR_OK)
            *key = house_key_text(host_key, &s->site->rng);
    } else if (strcasecmp(name, "avma") == 0) {
        *key = p->lic.product->avma_key;
    } else if (target_kind(name, &kind)) {
        labkey_make(kind, &p->lic.product->activation_id, &s->site->rng, text);
        *key = text;
    } else if (other != NULL) {
        *key = other->setup_key;
    }
    return e;
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
    e = key_text(s, p, k->name, text, &key, ei);
    if (e == ERR_OK && key == NULL)
        e = err_fail(ei, ERR_MALFORMED, "no such key is published for it");
    if (e != ERR_OK)
        return e;
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

/* ---- by phone ---- */

struct phone_arg {
    bool office;
    const char *how; /* NULL, a mistake, or whom the confirmation ID was given for */
};

enum mistake { WRONG_DIGIT, LEFT_OUT, A_LETTER, MISTAKES };

static const char *const mistakes[MISTAKES] = {
    [WRONG_DIGIT] = "mistyped", [LEFT_OUT] = "short", [A_LETTER] = "letter"};

static enum mistake mistake_of(const char *how)
{
    unsigned i = 0;

    while (i < MISTAKES && (how == NULL || strcasecmp(how, mistakes[i]) != 0))
        i++;
    return (enum mistake)i;
}

/* What happens to the last digit that somebody types. */
static void mistype(char cid[CID_TEXT_MAX], enum mistake what)
{
    char *last = &cid[strlen(cid) - 1];

    if (what == WRONG_DIGIT)
        *last = (char)('0' + (*last - '0' + 1) % 10);
    else if (what == LEFT_OUT)
        *last = '\0';
    else if (what == A_LETTER)
        *last = 'O';
}

static enum err phone_one(struct story *s, struct site_station *st, void *arg, struct errinfo *ei)
{
    const struct phone_arg *a = arg;
    enum mistake mistake = mistake_of(a->how);
    struct site_station *caller =
        a->how != NULL && mistake == MISTAKES ? site_station(s->site, a->how) : st;
    struct machine_product *p, *for_whom;
    char cid[CID_TEXT_MAX];
    enum err e = target_installed(st, a->office, &p, ei);

    if (caller == NULL)
        return err_fail(ei, ERR_NOTFOUND, "there is no machine \"%s\" in this story", a->how);
    if (e == ERR_OK)
        e = target_installed(caller, a->office, &for_whom, ei);
    if (e != ERR_OK)
        return e;
    e = station_call(caller, for_whom, cid, ei);
    if (e == ERR_OK) {
        mistype(cid, mistake);
        e = station_deposit(st, p, cid, ei);
    }
    return story_answer(s, e, ei);
}

static enum err do_phone(struct story *s, struct errinfo *ei)
{
    struct phone_arg arg = {.office = target_office(s->word[1]),
                            .how = s->n > 2 ? s->word[2] : NULL};

    return target_machines(s, s->word[1], phone_one, &arg, ei);
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
    {{"key MACHINE[/office] KEY|GROUP|PRODUCT|setup|avma|mak|retail|oem|evaluation|none",
      "install a key (/ipk): an issued one or any text, a host key, a product's setup key, its "
      "own, "
      "that for guests, or one of that kind that nobody issued; none: take it off (/upk)"},
     2,
     2,
     do_key},
    {{"add MACHINE PRODUCT", "install Office, with its setup key"}, 2, 2, do_add},
    {{"phone MACHINE[/office] [mistyped|MACHINE]",
      "activate it by phone (/dti, /atp); mistyped: with a wrong digit; MACHINE: with what was "
      "said "
      "for that one"},
     1,
     2,
     do_phone},
    {{"rearm MACHINE[/office]", "rearm it (/rearm); takes effect at its restart"}, 1, 1, do_rearm},
    {{"hardware MACHINE [board]",
      "its hardware changes beyond tolerance; board: with the firmware"},
     1,
     2,
     do_hardware},
    {{"genuine MACHINE yes|no", "it is validated, and found genuine or not"}, 2, 2, do_genuine},
    {{0}, 0, 0, NULL},
};
