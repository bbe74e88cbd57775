/* Statements that put something into the site. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/story.h"

#define MACHINES_MAX 1000

static enum err do_story(struct story *s, struct errinfo *ei)
{
    (void)ei;
    snprintf(s->result->title, sizeof(s->result->title), "%s", s->word[1]);
    return ERR_OK;
}

static enum err do_forest(struct story *s, struct errinfo *ei)
{
    struct site_forest *f;
    enum err e = site_add_forest(s->site, s->word[1], &f, ei);

    return e == ERR_OK ? set_pairs(s, s->word[1], 2, ei) : e;
}

static enum err do_host(struct story *s, struct errinfo *ei)
{
    struct kmshost *h;
    enum err e = site_add_host(s->site, s->word[1], &h, ei);

    return e == ERR_OK ? set_pairs(s, s->word[1], 2, ei) : e;
}

/* "pc*24" is pc1 to pc24. */
static enum err do_machine(struct story *s, struct errinfo *ei)
{
    const struct cat_product *product;
    char *star = strchr(s->word[1], '*');
    char name[80];
    uint32_t count = 1;
    enum err e = target_product(s, s->word[2], &product, ei);

    if (e == ERR_OK && star != NULL) {
        *star = '\0';
        e = line_number(star + 1, MACHINES_MAX, &count, ei);
    }
    for (uint32_t i = 1; i <= count && e == ERR_OK; i++) {
        struct site_station *st;

        snprintf(name, sizeof(name), "%s", s->word[1]);
        if (star != NULL)
            snprintf(name, sizeof(name), "%.60s%u", s->word[1], i);
        e = site_add_station(s->site, name, product, &st, ei);
        if (e == ERR_OK)
            e = set_pairs(s, name, 3, ei);
    }
    return e;
}

static enum err do_record(struct story *s, struct errinfo *ei)
{
    struct srv_target t = {.port = 1688};
    uint32_t v;

    snprintf(t.host, sizeof(t.host), "%s", s->word[2]);
    for (size_t i = 3; i + 1 < s->n; i += 2) {
        enum err e = line_number(s->word[i + 1], UINT16_MAX, &v, ei);

        if (e != ERR_OK)
            return e;
        if (strcmp(s->word[i], "priority") == 0)
            t.priority = (uint16_t)v;
        else if (strcmp(s->word[i], "weight") == 0)
            t.weight = (uint16_t)v;
        else
            return err_fail(ei, ERR_MALFORMED, "a record has priority and weight, not \"%s\"",
                            s->word[i]);
    }
    return dns_publish(&s->site->dns, s->word[1], &t, ei);
}

static enum err do_object(struct story *s, struct errinfo *ei)
{
    const struct cat_group *g;
    struct site_forest *f;
    const char *name = NULL;
    bool foreign = false;
    enum err e = target_forest(s, s->word[1], &f, ei);

    if (e == ERR_OK)
        e = target_group(s, s->word[2], &g, ei);
    for (size_t i = 3; e == ERR_OK && i + 1 < s->n; i += 2) {
        if (strcmp(s->word[i], "name") == 0)
            name = s->word[i + 1];
        else if (strcmp(s->word[i], "foreign") == 0)
            e = line_flag(s->word[i + 1], &foreign, ei);
        else
            e = err_fail(ei, ERR_MALFORMED, "an object has name and foreign, not \"%s\"",
                         s->word[i]);
    }
    if (e != ERR_OK)
        return e;
    return story_answer(s, site_add_object(s->site, f, g, name, foreign, ei), ei);
}

static enum err do_copy(struct story *s, struct errinfo *ei)
{
    struct site_forest *from, *to;
    enum err e = target_forest(s, s->word[1], &from, ei);

    if (e == ERR_OK)
        e = target_forest(s, s->word[2], &to, ei);
    return e == ERR_OK ? directory_copy(to->dir, from->dir, ei) : e;
}

/* "issue NAME KIND PRODUCT [COUNT]" */
static enum err do_issue(struct story *s, struct errinfo *ei)
{
    const struct cat_product *product;
    enum labkey_kind kind = LABKEY_HOST;
    uint32_t count = 1;
    struct story_key *k = &s->key[s->keys];
    enum err e = target_product(s, s->word[3], &product, ei);

    if (e == ERR_OK && !target_kind(s->word[2], &kind))
        e = err_fail(ei, ERR_MALFORMED, "a key is mak, retail, oem or evaluation, not \"%s\"",
                     s->word[2]);
    if (e == ERR_OK && s->n > 4)
        e = line_number(s->word[4], CLEARING_LIMIT_MAX, &count, ei);
    if (e == ERR_OK && target_key(s, s->word[1]) != NULL)
        e = err_fail(ei, ERR_EXISTS, "there is a key \"%s\" already", s->word[1]);
    if (e == ERR_OK)
        e = house_issue(&s->site->house, kind, product, count, &s->site->rng, &k->key, ei);
    if (e != ERR_OK)
        return e;
    snprintf(k->name, sizeof(k->name), "%s", s->word[1]);
    s->keys++;
    return ERR_OK;
}

const struct story_verb declare_verbs[] = {
    {{"story \"TITLE\"", "what the story tells"}, 1, 1, do_story},
    {{"forest NAME [ATTRIBUTE VALUE]...", "a forest with its directory"}, 1, 30, do_forest},
    {{"host NAME [ATTRIBUTE VALUE]...", "a KMS host, without a host key yet"}, 1, 30, do_host},
    {{"machine NAME PRODUCT [ATTRIBUTE VALUE]...",
      "a machine with its setup key; NAME*24 makes NAME1 to NAME24"},
     2,
     30,
     do_machine},
    {{"record DOMAIN HOST [priority N] [weight N]", "publish the host's SRV record in DNS"},
     2,
     6,
     do_record},
    {{"object FOREST GROUP [name NAME] [foreign yes]",
      "make an activation object; foreign: by another realm"},
     2,
     6,
     do_object},
    {{"issue KEY mak|retail|oem|evaluation PRODUCT [COUNT]",
      "the clearing house issues a key for machines, with so many activations"},
     3,
     4,
     do_issue},
    {{"copy FOREST FOREST", "copy the activation objects of the first forest into the second"},
     2,
     2,
     do_copy},
    {{0}, 0, 0, NULL},
};
