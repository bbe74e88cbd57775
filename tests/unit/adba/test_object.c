#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adba/object.h"
#include "fakedir.h"

#define CONTAINER AO_CONTAINER_RDN ",CN=Configuration,DC=lab,DC=example"

struct scene {
    struct world *w;
    struct catalog *cat;
    const struct cat_group *server, *client;
    struct dir *d;
};

static int setup(void **state)
{
    static struct scene s;
    struct errinfo ei;
    void *w;

    assert_int_equal(world_setup(&w), 0);
    s = (struct scene){.w = w};
    assert_ok(catalog_load(&s.cat, &ei), &ei);
    s.server = catalog_group(s.cat, SERVER);
    s.client = catalog_group(s.cat, CLIENT);
    assert_non_null(s.server);
    assert_non_null(s.client);
    s.d = fakedir_new(FOREST, FOREST);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    void *w = s->w;

    dir_close(s->d);
    catalog_free(s->cat);
    return world_teardown(&w);
}

static const struct bundle *ours(const struct scene *s)
{
    return &s->w->ours.bundle;
}

/* Creates an object of our realm; ao_fini. */
static struct ao create(const struct scene *s, const struct cat_group *g, const char *name,
                        int64_t now)
{
    const struct hostkey *k = g == s->server ? &s->w->server : &s->w->client;
    struct errinfo ei;
    struct ao o;

    assert_ok(ao_create(s->d, ours(s), k, g, name, now, &o, &ei), &ei);
    return o;
}

static enum err try_create(const struct scene *s, const char *name, struct errinfo *ei)
{
    struct ao o;
    enum err e = ao_create(s->d, ours(s), &s->w->server, s->server, name, NOW, &o, ei);

    if (e == ERR_OK)
        ao_fini(&o);
    return e;
}

static enum ao_verdict verdict(const struct scene *s, const char *name, int64_t now,
                               struct errinfo *ei)
{
    enum ao_verdict v;
    struct ao o;

    assert_ok(ao_find(s->d, name, &o, ei), ei);
    v = ao_verify(&o, ours(s), dir_facts(s->d), now, NULL, ei);
    ao_fini(&o);
    return v;
}

/* ---- creating ---- */

static void a_created_object_is_good_and_says_what_it_should(void **state)
{
    struct scene *s = *state;
    struct ao o = create(s, s->server, "Object One", NOW);
    struct licence l;
    struct errinfo ei;

    assert_string_equal(o.dn, "CN=Object One," CONTAINER);
    assert_string_equal(o.name, "Object One");
    assert_int_equal(o.kms_id_count, s->server->kms_id_count);
    assert_true(guid_equal(&o.sku_id, &s->server->sku_id));
    assert_string_equal(o.pid, s->w->server.pid);
    assert_string_equal(o.partial_key, s->w->server.key + 24);
    assert_non_null(o.issuance.data);
    assert_non_null(o.config.data);
    assert_non_null(o.online.data);
    assert_null(o.phone.data);
    assert_int_equal(ao_verify(&o, ours(s), dir_facts(s->d), NOW, &l, &ei), AO_GOOD);
    assert_string_equal(l.object, "Object One");
    assert_string_equal(l.forest, FOREST);
    assert_string_equal(l.domain_sid, FAKEDIR_DOMAIN_SID);
    assert_string_equal(l.group, SERVER);
    assert_int_equal(l.validity, 180 * 24 * 60);
    assert_int_equal(l.renewal, 7 * 24 * 60);
    assert_int_equal(l.not_after - l.not_before, 730 * CLK_DAY);
    licence_fini(&l);
    ao_fini(&o);
}

static void the_entry_holds_ids_of_sixteen_octets_in_wire_order(void **state)
{
    struct scene *s = *state;
    struct ao o = create(s, s->server, "x", NOW);
    const struct dir_entry *e = fakedir_entry(s->d, o.dn);
    const struct dir_attr *ids = dir_entry_attr(e, "msSPP-KMSIds");

    assert_int_equal(ids->n, s->server->kms_id_count);
    for (size_t i = 0; i < ids->n; i++) {
        assert_int_equal(ids->vals[i].len, 16);
        assert_memory_equal(ids->vals[i].data, s->server->kms_ids[i].b, 16);
    }
    assert_int_equal(dir_entry_val(e, "msSPP-CSVLKSkuId")->len, 16);
    assert_int_equal(dir_entry_val(e, "msSPP-CSVLKPartialProductKey")->len, 5);
    assert_string_equal(dir_entry_str(e, "displayName"), "x");
    assert_string_equal(dir_entry_str(e, "cn"), "x");
    ao_fini(&o);
}

static void without_a_name_the_group_names_the_object(void **state)
{
    struct scene *s = *state;
    struct ao o = create(s, s->server, NULL, NOW);

    assert_string_equal(o.name, SERVER); /* 38 characters */
    ao_fini(&o);
}

static void a_group_name_is_cut_to_forty_characters(void **state)
{
    struct scene *s = *state;
    struct cat_group g = *s->server;
    struct hostkey k;
    struct errinfo ei;
    struct ao o;

    g.name = "Größer als die vierzig Zeichen, die ein Name hat";
    assert_ok(hostkey_issue(&s->w->ours, g.name, NOW, &s->w->rng, &k, &ei), &ei);
    assert_ok(ao_create(s->d, ours(s), &k, &g, NULL, NOW, &o, &ei), &ei);
    assert_string_equal(o.name, "Größer als die vierzig Zeichen, die ein ");
    ao_fini(&o);
    hostkey_fini(&k);
}

static void names_are_counted_in_characters_not_bytes(void **state)
{
    struct scene *s = *state;
    struct errinfo ei = {0};
    char name[4 * 41 + 1] = "";

    for (int i = 0; i < 40; i++)
        strcat(name, "ü");
    assert_ok(try_create(s, name, &ei), &ei);
    strcat(name, "ü");
    assert_int_equal(try_create(s, name, &ei), ERR_LIMIT);
    assert_int_equal(ei.hresult, 0xC004F082u);
    assert_contains(ei.text, "41 characters");
    assert_int_equal(try_create(s, "0123456789012345678901234567890123456789x", &ei), ERR_LIMIT);
    assert_ok(try_create(s, "0123456789012345678901234567890123456789", &ei), &ei);
}

static void names_that_are_no_plain_text_are_refused(void **state)
{
    static const char *const names[] = {"",         "a\nb",         "\x7f",     "\xff",
                                        "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80"};
    struct errinfo ei = {0};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(try_create(*state, names[i], &ei), ERR_USAGE);
}

static void names_with_special_characters_are_found_again(void **state)
{
    static const char *const names[] = {"a,b=c", " # lead", "q\"u+o;t<e>", "back\\slash", "(*)"};
    struct scene *s = *state;
    struct errinfo ei = {0};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ao o = create(s, s->server, names[i], NOW), again;

        assert_ok(ao_find(s->d, names[i], &again, &ei), &ei);
        assert_string_equal(again.dn, o.dn);
        assert_string_equal(again.name, names[i]);
        ao_fini(&again);
        ao_fini(&o);
    }
}

static void a_second_object_of_the_same_name_is_refused(void **state)
{
    struct scene *s = *state;
    struct errinfo ei = {0};
    size_t before;

    assert_ok(try_create(s, "twin", &ei), &ei);
    before = fakedir_count(s->d);
    assert_int_equal(try_create(s, "twin", &ei), ERR_EXISTS);
    assert_int_equal(fakedir_count(s->d), before);
}

static void an_object_activated_by_phone_says_so(void **state)
{
    struct scene *s = *state;
    struct errinfo ei;
    struct ao o;

    assert_ok(ao_create_by_phone(s->d, ours(s), &s->w->server, s->server, "By Phone", "123-456",
                                 "789", NOW, &o, &ei),
              &ei);
    assert_null(o.online.data);
    assert_non_null(o.phone.data);
    assert_string_equal(o.iid, "123-456");
    assert_string_equal(o.cid, "789");
    ao_fini(&o);
    assert_int_equal(verdict(s, "By Phone", NOW, &ei), AO_GOOD);
}

static void what_may_not_be_created_is_told_before(void **state)
{
    struct scene *s = *state;
    struct errinfo ei;
    struct ao o = create(s, s->server, "There", NOW);

    ao_fini(&o);
    assert_ok(ao_may_create(s->d, ours(s), &s->w->server, s->server, "Free", NOW, &ei), &ei);
    assert_int_equal(ao_find(s->d, "Free", &o, &ei), ERR_NOTFOUND);
    assert_int_equal(ao_may_create(s->d, ours(s), &s->w->server, s->server, "There", NOW, &ei),
                     ERR_EXISTS);
    assert_int_equal(ao_may_create(s->d, ours(s), &s->w->foreign, s->server, "Free", NOW, &ei),
                     ERR_FOREIGN);
}

static void nothing_is_created_in_another_forest(void **state)
{
    struct scene *s = *state;
    struct errinfo ei = {0};
    size_t before;

    dir_close(s->d);
    s->d = fakedir_new("corp.example", FOREST);
    before = fakedir_count(s->d);
    assert_int_equal(try_create(s, "x", &ei), ERR_REFUSED);
    assert_contains(ei.text, "corp.example");
    assert_int_equal(ao_prepare(s->d, &ei), ERR_REFUSED);
    assert_int_equal(fakedir_count(s->d), before);
}

static void without_the_class_the_schema_error_is_shown(void **state)
{
    struct scene *s = *state;
    struct errinfo ei = {0};
    struct licence l;
    struct ao o;

    fakedir_facts(s->d)->has_ao_class = false;
    assert_int_equal(try_create(s, "x", &ei), ERR_SCHEMA);
    assert_int_equal(ei.hresult, 0xC004F083u);
    assert_int_equal(ao_lookup(s->d, ours(s), s->cat, &s->server->kms_ids[0], NOW, &o, &l, &ei),
                     ERR_SCHEMA);
    assert_int_equal(ei.hresult, 0xC004F083u);
}

static void a_key_of_another_group_or_realm_creates_nothing(void **state)
{
    struct scene *s = *state;
    struct errinfo ei;
    struct ao o;
    size_t before = fakedir_count(s->d);

    assert_int_equal(ao_create(s->d, ours(s), &s->w->client, s->server, "x", NOW, &o, &ei),
                     ERR_REFUSED);
    assert_int_equal(ao_create(s->d, ours(s), &s->w->foreign, s->server, "x", NOW, &o, &ei),
                     ERR_FOREIGN);
    assert_int_equal(fakedir_count(s->d), before);
}

static void missing_containers_are_made_once(void **state)
{
    struct scene *s = *state;
    struct errinfo ei;
    size_t with, without;

    with = fakedir_count(s->d);
    assert_ok(ao_prepare(s->d, &ei), &ei);
    assert_int_equal(fakedir_count(s->d), with);
    assert_ok(dir_delete(s->d, CONTAINER, &ei), &ei);
    assert_ok(dir_delete(s->d, strchr(CONTAINER, ',') + 1, &ei), &ei);
    without = fakedir_count(s->d);
    assert_int_equal(without, with - 2);
    assert_ok(ao_prepare(s->d, &ei), &ei);
    assert_int_equal(fakedir_count(s->d), with);
    assert_non_null(dir_entry_str(fakedir_entry(s->d, CONTAINER), "objectClass"));
}

/* ---- verdicts ---- */

static void a_changed_byte_in_any_licence_makes_the_object_invalid(void **state)
{
    static const char *const attrs[] = {"msSPP-IssuanceLicense", "msSPP-ConfigLicense",
                                        "msSPP-OnlineLicense"};
    struct scene *s = *state;
    struct ao o = create(s, s->server, "x", NOW);
    struct errinfo ei;

    for (size_t i = 0; i < 3; i++) {
        struct dir_val *v = dir_entry_attr(fakedir_entry(s->d, o.dn), attrs[i])->vals;
        size_t at = (size_t)rng_below(&s->w->rng, v->len);

        v->data[at] ^= 1;
        assert_int_not_equal(verdict(s, "x", NOW, &ei), AO_GOOD);
        assert_int_equal(ei.hresult, 0xC004F081u);
        assert_contains(ei.text, "x");
        v->data[at] ^= 1;
        assert_int_equal(verdict(s, "x", NOW, &ei), AO_GOOD);
    }
    ao_fini(&o);
}

static void a_missing_or_swapped_licence_makes_the_object_invalid(void **state)
{
    struct scene *s = *state;
    struct ao o = create(s, s->server, "x", NOW), other = create(s, s->server, "y", NOW);
    struct dir_mod drop = {.op = DIR_MOD_DELETE, .attr = "msSPP-ConfigLicense"};
    struct errinfo ei;

    /* another object's licence */
    fakedir_set(s->d, o.dn, "msSPP-IssuanceLicense", other.issuance.data, other.issuance.len);
    assert_int_equal(verdict(s, "x", NOW, &ei), AO_INVALID);
    assert_contains(ei.text, "licence of y");
    /* the wrong kind */
    fakedir_set(s->d, o.dn, "msSPP-IssuanceLicense", o.config.data, o.config.len);
    assert_int_equal(verdict(s, "x", NOW, &ei), AO_INVALID);
    fakedir_set(s->d, o.dn, "msSPP-IssuanceLicense", o.issuance.data, o.issuance.len);
    assert_ok(dir_modify(s->d, o.dn, &drop, 1, &ei), &ei);
    assert_int_equal(verdict(s, "x", NOW, &ei), AO_INVALID);
    assert_contains(ei.text, "no config licence");
    ao_fini(&o);
    ao_fini(&other);
}

static void a_renamed_object_is_invalid(void **state)
{
    struct scene *s = *state;
    struct ao o = create(s, s->server, "x", NOW);
    struct errinfo ei;

    fakedir_set(s->d, o.dn, "displayName", "z", 1);
    assert_int_equal(verdict(s, "z", NOW, &ei), AO_INVALID);
    ao_fini(&o);
}

static void another_realms_object_is_foreign(void **state)
{
    struct scene *s = *state;
    struct errinfo ei;
    struct ao o;

    assert_ok(
        ao_create(s->d, &s->w->other.bundle, &s->w->foreign, s->server, "theirs", NOW, &o, &ei),
        &ei);
    assert_int_equal(verdict(s, "theirs", NOW, &ei), AO_FOREIGN);
    assert_int_equal(ei.hresult, 0xC004F081u);
    ao_fini(&o);
}

static void an_object_of_another_forest_or_domain_is_not_bound_here(void **state)
{
    struct scene *s = *state;
    struct dir_facts f = *dir_facts(s->d), elsewhere;
    struct ao o = create(s, s->server, "x", NOW);
    struct errinfo ei;
    char forest[] = "other.example", sid[] = "S-1-5-21-9-9-9";

    elsewhere = f;
    elsewhere.forest = forest;
    assert_int_equal(ao_verify(&o, ours(s), &elsewhere, NOW, NULL, &ei), AO_OTHER_FOREST);
    assert_int_equal(ei.hresult, 0xC004F080u);
    elsewhere = f;
    elsewhere.domain_sid = sid; /* a forest of the same name, made again */
    assert_int_equal(ao_verify(&o, ours(s), &elsewhere, NOW, NULL, &ei), AO_OTHER_FOREST);
    elsewhere.domain_sid = NULL; /* can't be read: the name decides */
    assert_int_equal(ao_verify(&o, ours(s), &elsewhere, NOW, NULL, &ei), AO_GOOD);
    ao_fini(&o);
}

static void an_object_is_good_for_730_days_and_not_before_it_was_made(void **state)
{
    struct scene *s = *state;
    struct ao o = create(s, s->server, "x", NOW + 10);
    struct errinfo ei;

    assert_int_equal(verdict(s, "x", NOW + 9, &ei), AO_EXPIRED);
    assert_int_equal(verdict(s, "x", NOW + 10, &ei), AO_GOOD);
    assert_int_equal(verdict(s, "x", NOW + 10 + 730 * CLK_DAY, &ei), AO_GOOD);
    assert_int_equal(verdict(s, "x", NOW + 11 + 730 * CLK_DAY, &ei), AO_EXPIRED);
    assert_int_equal(ei.hresult, 0xC004F081u);
    ao_fini(&o);
}

static void a_kms_id_added_by_hand_is_not_covered(void **state)
{
    struct scene *s = *state;
    struct ao o = create(s, s->server, "x", NOW);
    struct errinfo ei;
    char id[17] = "0123456789abcdef";

    assert_int_equal(dir_entry_add(fakedir_entry(s->d, o.dn), "msSPP-KMSIds", id, 16), ERR_OK);
    assert_int_equal(verdict(s, "x", NOW, &ei), AO_NOT_COVERED);
    assert_int_equal(ei.hresult, 0xC004F081u);
    ao_fini(&o);
}

/* ---- finding ---- */

struct seen {
    size_t n, broken;
    char last[256];
};

static enum err count(void *arg, const struct ao *o, enum err parse, const struct errinfo *why,
                      struct errinfo *ei)
{
    struct seen *seen = arg;

    (void)ei;
    seen->n++;
    assert_non_null(o->dn);
    if (parse != ERR_OK) {
        seen->broken++;
        snprintf(seen->last, sizeof(seen->last), "%s", why->text);
    }
    return ERR_OK;
}

static void all_objects_are_listed_the_broken_ones_with_the_reason(void **state)
{
    struct scene *s = *state;
    struct ao a = create(s, s->server, "a", NOW), b = create(s, s->client, "b", NOW);
    struct seen seen = {0};
    struct errinfo ei;

    fakedir_set(s->d, b.dn, "msSPP-CSVLKSkuId", "short", 5);
    assert_ok(ao_each(s->d, count, &seen, &ei), &ei);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.broken, 1);
    assert_contains(seen.last, "msSPP-CSVLKSkuId");
    ao_fini(&a);
    ao_fini(&b);
}

static void without_the_container_nothing_is_found(void **state)
{
    struct scene *s = *state;
    struct seen seen = {0};
    struct errinfo ei;
    struct ao o;

    assert_ok(dir_delete(s->d, CONTAINER, &ei), &ei);
    assert_int_equal(ao_each(s->d, count, &seen, &ei), ERR_NOTFOUND);
    assert_int_equal(ao_find(s->d, "x", &o, &ei), ERR_NOTFOUND);
    assert_int_equal(ei.hresult, 0xC004F081u);
}

static void objects_are_found_by_name_dn_and_rdn(void **state)
{
    static const char *const ways[] = {"Object", "object", "CN=Object", "CN=Object," CONTAINER,
                                       "cn=object," CONTAINER};
    struct scene *s = *state;
    struct ao o = create(s, s->server, "Object", NOW), other = create(s, s->server, "Other", NOW);
    struct errinfo ei;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct ao found;

        assert_ok(ao_find(s->d, ways[i], &found, &ei), &ei);
        assert_string_equal(found.dn, o.dn);
        ao_fini(&found);
    }
    ao_fini(&o);
    assert_int_equal(ao_find(s->d, "Objekt", &o, &ei), ERR_NOTFOUND);
    assert_int_equal(ei.hresult, 0xC004F081u);
    assert_int_equal(ao_find(s->d, CONTAINER, &o, &ei), ERR_NOTFOUND); /* exists, is no object */
    fakedir_set(s->d, other.dn, "displayName", "Object", 6);
    assert_int_equal(ao_find(s->d, "Object", &o, &ei), ERR_CONFLICT);
    ao_fini(&other);
}

/* ---- deleting ---- */

static void our_object_is_deleted(void **state)
{
    struct scene *s = *state;
    struct ao o = create(s, s->server, "x", NOW);
    struct errinfo ei;

    assert_ok(ao_delete(s->d, ours(s), &o, &ei), &ei);
    assert_null(fakedir_entry(s->d, o.dn));
    ao_fini(&o);
}

static void what_we_did_not_sign_is_left_alone(void **state)
{
    struct scene *s = *state;
    struct ao theirs, tampered = create(s, s->server, "tampered", NOW);
    struct errinfo ei;
    size_t before;

    assert_ok(ao_create(s->d, &s->w->other.bundle, &s->w->foreign, s->server, "theirs", NOW,
                        &theirs, &ei),
              &ei);
    before = fakedir_count(s->d);
    assert_int_equal(ao_delete(s->d, ours(s), &theirs, &ei), ERR_FOREIGN);
    assert_contains(ei.text, "theirs");
    /* what is there counts, not what was read before */
    fakedir_set(s->d, tampered.dn, "msSPP-IssuanceLicense", "x", 1);
    assert_int_equal(ao_delete(s->d, ours(s), &tampered, &ei), ERR_FOREIGN);
    assert_int_equal(fakedir_count(s->d), before);
    ao_fini(&theirs);
    ao_fini(&tampered);
}

/* ---- as a client ---- */

static enum err look_up(const struct scene *s, const struct guid *id, int64_t now, char name[64],
                        struct errinfo *ei)
{
    struct licence l;
    struct ao o;
    enum err e = ao_lookup(s->d, ours(s), s->cat, id, now, &o, &l, ei);

    if (e != ERR_OK)
        return e;
    snprintf(name, 64, "%s", o.name);
    assert_string_equal(l.object, o.name);
    ao_fini(&o);
    licence_fini(&l);
    return ERR_OK;
}

/* A KMS id that both groups serve: Windows 8.1's. */
static const struct guid *shared_id(const struct scene *s)
{
    for (size_t i = 0; i < s->client->kms_id_count; i++) {
        if (cat_group_serves(s->server, &s->client->kms_ids[i]))
            return &s->client->kms_ids[i];
    }
    fail_msg("the groups have no KMS id in common");
    return NULL;
}

static void a_server_object_wins_over_a_client_object(void **state)
{
    struct scene *s = *state;
    const struct guid *id = shared_id(s);
    struct ao server = create(s, s->server, "server", NOW);
    struct ao client = create(s, s->client, "client", NOW + 100); /* valid longer */
    struct errinfo ei;
    char name[64];

    assert_ok(look_up(s, id, NOW + 100, name, &ei), &ei);
    assert_string_equal(name, "server");
    assert_ok(ao_delete(s->d, ours(s), &server, &ei), &ei);
    assert_ok(look_up(s, id, NOW + 100, name, &ei), &ei);
    assert_string_equal(name, "client");
    ao_fini(&server);
    ao_fini(&client);
}

static void a_bad_object_does_not_hide_a_good_one(void **state)
{
    struct scene *s = *state;
    const struct guid *id = shared_id(s);
    struct ao server = create(s, s->server, "server", NOW), client = create(s, s->client, "c", NOW);
    struct errinfo ei;
    char name[64];

    fakedir_set(s->d, server.dn, "msSPP-IssuanceLicense", "x", 1);
    assert_ok(look_up(s, id, NOW, name, &ei), &ei);
    assert_string_equal(name, "c");
    fakedir_set(s->d, client.dn, "msSPP-IssuanceLicense", "x", 1);
    assert_int_not_equal(look_up(s, id, NOW, name, &ei), ERR_OK);
    assert_int_equal(ei.hresult, 0xC004F081u);
    assert_contains(ei.text, "c"); /* the first by name, always the same */
    ao_fini(&server);
    ao_fini(&client);
}

static void a_client_gets_the_verdicts_error(void **state)
{
    struct scene *s = *state;
    struct ao o = create(s, s->server, "x", NOW);
    const struct guid *id = &s->server->kms_ids[0];
    struct guid unknown = {{1, 2, 3}};
    struct dir_facts *f = fakedir_facts(s->d);
    struct errinfo ei;
    char name[64];

    assert_int_equal(look_up(s, &unknown, NOW, name, &ei), ERR_NOTFOUND);
    assert_int_equal(ei.hresult, 0xC004F081u);
    assert_int_equal(look_up(s, id, NOW + 731 * CLK_DAY, name, &ei), ERR_EXPIRED);
    assert_int_equal(ei.hresult, 0xC004F081u);
    free(f->forest);
    f->forest = strdup("moved.example");
    assert_int_equal(look_up(s, id, NOW, name, &ei), ERR_FOREIGN);
    assert_int_equal(ei.hresult, 0xC004F080u);
    fakedir_fail_next(s->d, "search", ERR_UNREACHABLE);
    assert_int_equal(look_up(s, id, NOW, name, &ei), ERR_UNREACHABLE);
    assert_int_equal(ei.hresult, 0xC004F081u);
    ao_fini(&o);
}

/* ---- the schema ---- */

/* Every "msSPP-…" and class name in the sources stands in data/msspp_schema.csv. */
static void every_attribute_is_in_the_schema_table(void **state)
{
    static const char *const plain[] = {"objectClass", "cn", "displayName"};
    extern const char *const ao_attrs[];
    char line[1024];
    size_t found = 0, wanted = 0;

    (void)state;
    for (const char *const *a = ao_attrs; *a != NULL; a++) {
        FILE *f = fopen(TEST_DATA "/msspp_schema.csv", "r");
        bool there = false;

        assert_non_null(f);
        while (fgets(line, sizeof(line), f) != NULL)
            there = there || (strncmp(line, *a, strlen(*a)) == 0 &&
                              strncmp(line + strlen(*a), ",attribute,", 11) == 0);
        fclose(f);
        for (size_t i = 0; i < 3; i++)
            there = there || strcmp(*a, plain[i]) == 0;
        if (!there)
            fail_msg("attribute %s is not in msspp_schema.csv", *a);
        found++;
    }
    wanted = 3 + 10; /* plain ones, and all of the class */
    assert_int_equal(found, wanted);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_created_object_is_good_and_says_what_it_should),
        TEST(the_entry_holds_ids_of_sixteen_octets_in_wire_order),
        TEST(without_a_name_the_group_names_the_object),
        TEST(a_group_name_is_cut_to_forty_characters),
        TEST(names_are_counted_in_characters_not_bytes),
        TEST(names_that_are_no_plain_text_are_refused),
        TEST(names_with_special_characters_are_found_again),
        TEST(a_second_object_of_the_same_name_is_refused),
        TEST(an_object_activated_by_phone_says_so),
        TEST(what_may_not_be_created_is_told_before),
        TEST(nothing_is_created_in_another_forest),
        TEST(without_the_class_the_schema_error_is_shown),
        TEST(a_key_of_another_group_or_realm_creates_nothing),
        TEST(missing_containers_are_made_once),
        TEST(a_changed_byte_in_any_licence_makes_the_object_invalid),
        TEST(a_missing_or_swapped_licence_makes_the_object_invalid),
        TEST(a_renamed_object_is_invalid),
        TEST(another_realms_object_is_foreign),
        TEST(an_object_of_another_forest_or_domain_is_not_bound_here),
        TEST(an_object_is_good_for_730_days_and_not_before_it_was_made),
        TEST(a_kms_id_added_by_hand_is_not_covered),
        TEST(all_objects_are_listed_the_broken_ones_with_the_reason),
        TEST(without_the_container_nothing_is_found),
        TEST(objects_are_found_by_name_dn_and_rdn),
        TEST(our_object_is_deleted),
        TEST(what_we_did_not_sign_is_left_alone),
        TEST(a_server_object_wins_over_a_client_object),
        TEST(a_bad_object_does_not_hide_a_good_one),
        TEST(a_client_gets_the_verdicts_error),
        cmocka_unit_test(every_attribute_is_in_the_schema_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
