/* Statements that do something. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scenario/story.h"

/* ---- time ---- */

static enum err do_at(struct story *s, struct errinfo *ei)
{
    int64_t t;
    enum err e = line_duration(s->word[1], &t, ei);

    if (e == ERR_OK && s->site->start + t < s->site->now)
        e = err_fail(ei, ERR_MALFORMED, "%s is in the past: time does not go back", s->word[1]);
    if (e == ERR_OK)
        site_pass_to(s->site, s->site->start + t);
    return e;
}

static enum err do_pass(struct story *s, struct errinfo *ei)
{
    int64_t t;
    enum err e = line_duration(s->word[1], &t, ei);

    if (e == ERR_OK && t < 0)
        e = err_fail(ei, ERR_MALFORMED, "time does not go back");
    if (e == ERR_OK)
        site_pass_to(s->site, s->site->now + t);
    return e;
}

/* ---- on and off ---- */

static enum err switch_station(struct story *s, struct site_station *st, void *arg,
                               struct errinfo *ei)
{
    const bool *off = arg;
    bool was = st->off;

    (void)s;
    (void)ei;
    st->off = *off;
    if (was && !st->off)
        station_restart(st);
    return ERR_OK;
}

static enum err switch_all(struct story *s, bool off, struct errinfo *ei)
{
    struct kmshost *h = site_host(s->site, s->word[1]);
    struct site_forest *f = site_forest(s->site, s->word[1]);

    if (strcasecmp(s->word[1], "clearing") == 0)
        s->site->house.down = off;
    else if (h != NULL)
        h->down = off;
    else if (f != NULL)
        f->down = off;
    else
        return target_machines(s, s->word[1], switch_station, &off, ei);
    return ERR_OK;
}

static enum err do_stop(struct story *s, struct errinfo *ei)
{
    return switch_all(s, true, ei);
}

static enum err do_start(struct story *s, struct errinfo *ei)
{
    return switch_all(s, false, ei);
}

/* ---- host keys, objects, DNS ---- */

/* The host and group of "VERB HOST GROUP". */
static enum err host_and_group(struct story *s, struct kmshost **h, const struct cat_group **g,
                               struct errinfo *ei)
{
    enum err e = target_host(s, s->word[1], h, ei);

    return e == ERR_OK ? target_group(s, s->word[2], g, ei) : e;
}

static enum err do_install(struct story *s, struct errinfo *ei)
{
    const struct cat_group *g;
    struct kmshost *h;
    enum err e = host_and_group(s, &h, &g, ei);

    return e == ERR_OK ? story_answer(s, kmshost_install(h, g, ei), ei) : e;
}

static enum err do_uninstall(struct story *s, struct errinfo *ei)
{
    const struct cat_group *g;
    struct kmshost *h;
    enum err e = host_and_group(s, &h, &g, ei);

    return e == ERR_OK ? kmshost_uninstall(h, g, ei) : e;
}

static enum err do_activate(struct story *s, struct errinfo *ei)
{
    const struct cat_group *g;
    struct kmshost *h;
    enum err e = host_and_group(s, &h, &g, ei);

    return e == ERR_OK ? story_answer(s, site_activate(s->site, h, g, ei), ei) : e;
}

static enum err do_serve(struct story *s, struct errinfo *ei)
{
    const struct cat_group *g;
    struct kmshost *h;
    enum err e = host_and_group(s, &h, &g, ei);

    if (e == ERR_OK)
        e = kmshost_install(h, g, ei);
    if (e == ERR_OK)
        e = site_activate(s->site, h, g, ei);
    return story_answer(s, e, ei);
}

static enum err extend_host_key(struct story *s, uint32_t hosts, uint32_t each, struct errinfo *ei)
{
    const struct cat_group *g;
    struct house_key *k;
    enum err e = target_group(s, s->word[1], &g, ei);

    if (e == ERR_OK)
        e = house_key(&s->site->house, g, &k, ei);
    return e == ERR_OK ? clearing_extend(&k->limits, hosts, each, ei) : e;
}

static enum err do_extend(struct story *s, struct errinfo *ei)
{
    struct house_mak *mak = target_key(s, s->word[1]);
    uint32_t more = 0, each = 0;
    enum err e = line_number(s->word[2], UINT32_MAX, &more, ei);

    if (e == ERR_OK && s->n > 3)
        e = line_number(s->word[3], CLEARING_LIMIT_MAX, &each, ei);
    if (e != ERR_OK)
        return e;
    if (mak != NULL)
        return story_answer(s, clearing_extend_pool(&mak->pool, more, ei), ei);
    return extend_host_key(s, more, each, ei);
}

static enum err set_blocked(struct story *s, bool blocked, struct errinfo *ei)
{
    struct house_mak *mak = target_key(s, s->word[1]);
    const struct cat_group *g;
    struct house_key *k;
    enum err e;

    if (mak != NULL) {
        mak->blocked = blocked;
        return ERR_OK;
    }
    e = target_group(s, s->word[1], &g, ei);
    if (e == ERR_OK)
        e = house_key(&s->site->house, g, &k, ei);
    if (e == ERR_OK)
        k->blocked = blocked;
    return e;
}

static enum err do_block(struct story *s, struct errinfo *ei)
{
    return set_blocked(s, true, ei);
}

static enum err do_unblock(struct story *s, struct errinfo *ei)
{
    return set_blocked(s, false, ei);
}

static enum err do_delete(struct story *s, struct errinfo *ei)
{
    struct site_forest *f;
    enum err e = target_forest(s, s->word[1], &f, ei);

    return e == ERR_OK ? story_answer(s, site_delete_object(s->site, f, s->word[2], ei), ei) : e;
}

static enum err do_withdraw(struct story *s, struct errinfo *ei)
{
    return dns_withdraw(&s->site->dns, s->word[1], s->word[2], ei);
}

static enum err do_dns(struct story *s, struct errinfo *ei)
{
    static const char *const names[] = {
        [DNS_WORKS] = "works", [DNS_EMPTY] = "empty", [DNS_FAILS] = "fails", [DNS_NONE] = "none"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(s->word[1], names[i]) != 0)
            continue;
        s->site->dns.state = (enum dns_state)i;
        return ERR_OK;
    }
    return err_fail(ei, ERR_MALFORMED, "DNS works, is empty, fails, or there is none; not \"%s\"",
                    s->word[1]);
}

static enum err do_set(struct story *s, struct errinfo *ei)
{
    return set_pairs(s, s->word[1], 2, ei);
}

const struct story_verb act_verbs[] = {
    {{"at DURATION", "go on to that time after the story's start"}, 1, 1, do_at},
    {{"pass DURATION", "let so much time pass, with every wake-up that falls due"}, 1, 1, do_pass},
    {{"stop NAME", "a host, forest or machine is off; also \"stop clearing\""}, 1, 1, do_stop},
    {{"start NAME", "it is on again; a machine starts its licensing service"}, 1, 1, do_start},
    {{"set NAME ATTRIBUTE VALUE...", "change a host, forest or machine"}, 3, 31, do_set},
    {{"install HOST GROUP", "install a host key"}, 2, 2, do_install},
    {{"uninstall HOST GROUP", "take it off"}, 2, 2, do_uninstall},
    {{"activate HOST GROUP", "activate an installed host key at the clearing house"},
     2,
     2,
     do_activate},
    {{"serve HOST GROUP", "install and activate"}, 2, 2, do_serve},
    {{"extend GROUP|KEY NUMBER [EACH]",
      "the clearing house allows a host key so many more hosts, and activations of each; another "
      "key so many more activations"},
     2,
     3,
     do_extend},
    {{"block GROUP|KEY", "the clearing house blocks the key"}, 1, 1, do_block},
    {{"unblock GROUP|KEY", "it serves the key again"}, 1, 1, do_unblock},
    {{"delete FOREST OBJECT", "delete an activation object"}, 2, 2, do_delete},
    {{"withdraw DOMAIN HOST", "take a host's SRV record out of DNS"}, 2, 2, do_withdraw},
    {{"dns works|empty|fails|none", "the DNS server: without records, failing, or none configured"},
     1,
     1,
     do_dns},
    {{0}, 0, 0, NULL},
};
