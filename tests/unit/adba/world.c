#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_realm(struct world *w, const char *name, struct realm *out)
{
    char dir[300];
    struct errinfo ei;

    snprintf(dir, sizeof(dir), "%s/%s", w->folder, name);
    assert_ok(realm_init(name, dir, NOW, &w->rng, &ei), &ei);
    assert_ok(realm_open(dir, out, &ei), &ei);
}

int world_setup(void **state)
{
    static struct world w;
    struct errinfo ei;

    w = (struct world){0};
    test_folder(w.folder);
    w.rng = test_rng(&w.state);
    make_realm(&w, "ours", &w.ours);
    make_realm(&w, "other", &w.other);
    assert_ok(hostkey_issue(&w.ours, SERVER, NOW, &w.rng, &w.server, &ei), &ei);
    assert_ok(hostkey_issue(&w.ours, CLIENT, NOW, &w.rng, &w.client, &ei), &ei);
    assert_ok(hostkey_issue(&w.other, SERVER, NOW, &w.rng, &w.foreign, &ei), &ei);
    *state = &w;
    return 0;
}

int world_teardown(void **state)
{
    struct world *w = *state;

    hostkey_fini(&w->server);
    hostkey_fini(&w->client);
    hostkey_fini(&w->foreign);
    realm_fini(&w->ours);
    realm_fini(&w->other);
    test_folder_remove(w->folder);
    return 0;
}

struct licence world_licence(const struct bundle *b, const char *group)
{
    struct licence l = {.kind = LICENCE_ISSUANCE,
                        .realm = strdup(b->name),
                        .realm_id = strdup(b->id),
                        .object = strdup("Straßenbahn"),
                        .forest = strdup(FOREST),
                        .domain_sid = strdup("S-1-5-21-1-2-3"),
                        .group = strdup(group),
                        .kms_id_count = 2,
                        .kms_ids = calloc(2, sizeof(struct guid)),
                        .not_before = NOW,
                        .not_after = NOW + LICENCE_LIFE_DAYS * CLK_DAY,
                        .validity = LICENCE_VALIDITY,
                        .renewal = LICENCE_RENEWAL};

    assert_true(guid_parse("11111111-2222-3333-4444-555555555555", &l.kms_ids[0]));
    assert_true(guid_parse("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", &l.kms_ids[1]));
    return l;
}
