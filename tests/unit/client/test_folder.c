/* The machine's folder: what is written is read back, and what is not ours stays untouched. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "client/folder.h"
#include "realm/realm.h"

#define T0 INT64_C(1790000000)

struct fixture {
    char dir[256];
    char bundle[300];
    char path[300];
    char state[320];
    struct catalog *cat;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct rng rng = rng_system();
    char realm[280];
    struct errinfo ei;

    test_folder(f->dir);
    snprintf(realm, sizeof(realm), "%s/realm", f->dir);
    assert_ok(realm_init("LAB", realm, T0, &rng, &ei), &ei);
    snprintf(f->bundle, sizeof(f->bundle), "%s/client.bundle", realm);
    snprintf(f->path, sizeof(f->path), "%s/pc01", f->dir);
    snprintf(f->state, sizeof(f->state), "%s/machine.json", f->path);
    assert_ok(catalog_load(&f->cat, &ei), &ei);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    catalog_free(f->cat);
    test_folder_remove(f->dir);
    free(f);
    return 0;
}

/* A member with Windows 11 and an Office, in the middle of its life. */
static void make(const struct fixture *fx, struct folder *f)
{
    const struct cat_product *w = catalog_product(fx->cat, "Windows 11", "Enterprise");
    struct machine_product *p;
    struct errinfo ei;
    struct machine *m;

    assert_ok(folder_create(fx->path, fx->bundle, f, &ei), &ei);
    m = &f->machine;
    snprintf(m->name, sizeof(m->name), "PC01");
    snprintf(m->domain, sizeof(m->domain), "lab.example");
    memset(m->client_id.b, 0x5a, 16);
    m->seed = UINT64_MAX;
    assert_ok(machine_host_parse("[2001:db8::1]:1700", &m->kms, &ei), &ei);
    assert_ok(machine_install(m, w, &p, &ei), &ei);
    assert_ok(machine_set_key(m, p, w->setup_key, T0, &ei), &ei);
    p->lic.status = LIC_LICENSED;
    p->lic.channel = LIC_BY_AD;
    p->lic.reason = 0;
    p->lic.expires = T0 + 180 * 86400;
    p->lic.activation = 15;
    snprintf(p->object.name, sizeof(p->object.name), "Object \xc3\xa4");
    p->last = (struct machine_attempt){.when = T0, .tries = 2, .result = 0};
    p->last.try[1] = (struct machine_try){
        .channel = LIC_BY_KMS, .answered = true, .hresult = 0xC004F038, .count = 7};
    assert_ok(folder_save(f, &ei), &ei);
}

static void write_state(const struct fixture *fx, const void *data, size_t len)
{
    struct errinfo ei;

    assert_ok(file_write_atomic(fx->state, data, len, 0600, &ei), &ei);
}

static struct buf read_state(const struct fixture *fx)
{
    struct buf b = BUF_INIT;
    struct errinfo ei;

    assert_ok(file_read(fx->state, 1u << 22, &b, &ei), &ei);
    return b;
}

static void a_machine_is_read_back_as_it_was_written(void **state)
{
    struct fixture *fx = *state;
    struct folder f, g;
    struct errinfo ei;
    json_t *before, *after;

    make(fx, &f);
    before = machine_to_json(&f.machine);
    folder_close(&f);
    assert_ok(folder_open(fx->path, fx->cat, &g, &ei), &ei);
    after = machine_to_json(&g.machine);
    assert_true(json_equal(before, after));
    assert_true(g.machine.seed == UINT64_MAX);
    assert_string_equal(g.machine.kms.name, "2001:db8::1");
    assert_int_equal(g.machine.kms.port, 1700);
    assert_true(g.machine.product[0].lic.expires == T0 + 180 * 86400);
    assert_int_equal(g.machine.product[0].last.try[1].count, 7);
    assert_int_equal(g.machine.product[0].lic.phase, LIC_REST);
    json_decref(before);
    json_decref(after);
    folder_close(&g);
}

static void the_folder_and_its_files_are_private(void **state)
{
    static const char *const names[] = {"machine.json", "client.bundle"};
    struct fixture *fx = *state;
    struct folder f;
    struct stat st;
    char path[400];

    make(fx, &f);
    folder_close(&f);
    assert_int_equal(stat(fx->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", fx->path, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void two_holders_of_one_folder_exclude_each_other(void **state)
{
    struct fixture *fx = *state;
    struct folder f, g;
    struct errinfo ei;

    make(fx, &f);
    assert_int_equal(folder_open(fx->path, fx->cat, &g, &ei), ERR_BUSY);
    assert_contains(ei.text, fx->path);
    folder_close(&f);
    assert_ok(folder_open(fx->path, fx->cat, &g, &ei), &ei);
    folder_close(&g);
}

static void a_second_machine_in_the_same_folder_is_refused(void **state)
{
    struct fixture *fx = *state;
    struct folder f, g;
    struct errinfo ei;

    make(fx, &f);
    folder_close(&f);
    assert_int_equal(folder_create(fx->path, fx->bundle, &g, &ei), ERR_EXISTS);
}

static void a_newer_format_is_refused_and_left_as_it_is(void **state)
{
    struct fixture *fx = *state;
    struct folder f;
    struct errinfo ei;
    struct buf b, after;
    json_t *doc;
    char *text;

    make(fx, &f);
    doc = machine_to_json(&f.machine);
    folder_close(&f);
    json_object_set_new(doc, "format", json_integer(MACHINE_FORMAT + 1));
    json_object_del(doc, "name"); /* a newer format may look different in any way */
    text = json_dumps(doc, 0);
    write_state(fx, text, strlen(text));
    b = read_state(fx);
    assert_int_equal(folder_open(fx->path, fx->cat, &f, &ei), ERR_VERSION);
    assert_contains(ei.text, "newer");
    after = read_state(fx);
    assert_int_equal(after.len, b.len);
    assert_memory_equal(after.data, b.data, b.len);
    buf_fini(&b);
    buf_fini(&after);
    json_decref(doc);
    free(text);
}

/* format1.json was written by the last release that wrote format 1. */
static void format_1_is_read_and_written_back_as_the_present_one(void **state)
{
    struct fixture *fx = *state;
    struct buf old = BUF_INIT;
    struct folder f;
    struct errinfo ei;
    json_t *doc;

    make(fx, &f);
    folder_close(&f);
    assert_ok(file_read(TEST_DATA "/format1.json", 1u << 20, &old, &ei), &ei);
    write_state(fx, old.data, old.len);
    assert_ok(folder_open(fx->path, fx->cat, &f, &ei), &ei);
    assert_int_equal(f.machine.products, 1);
    assert_string_equal(f.machine.product[0].key, "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH");
    assert_int_equal(f.machine.product[0].lic.key, LIC_KEY_GVLK);
    assert_int_equal(f.machine.product[0].lic.status, LIC_NOTIFICATION);
    assert_int_equal(f.machine.product[0].lic.reason, 0xC004F009);
    assert_true(f.machine.product[0].lic.grace_end == 1797922360);
    assert_true(guid_equal(&f.machine.hardware, &f.machine.client_id));
    assert_int_equal(f.machine.firmware, FIRMWARE_NONE);
    assert_int_equal(f.machine.kms.port, 9);
    assert_false(f.machine.changed); /* reading alone leaves the file as it is */
    f.machine.changed = true;
    assert_ok(folder_save(&f, &ei), &ei);
    folder_close(&f);
    doc = json_load_file(fx->state, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(doc, "format")), MACHINE_FORMAT);
    json_decref(doc);
    assert_ok(folder_open(fx->path, fx->cat, &f, &ei), &ei);
    assert_true(f.machine.product[0].lic.grace_end == 1797922360);
    folder_close(&f);
    buf_fini(&old);
}

static void every_truncation_of_the_state_is_refused(void **state)
{
    struct fixture *fx = *state;
    struct folder f;
    struct errinfo ei;
    struct buf b;

    make(fx, &f);
    folder_close(&f);
    b = read_state(fx);
    while (b.len > 0 && b.data[b.len - 1] != '}')
        b.len--;
    for (size_t n = 0; n < b.len; n += 1 + b.len / 97) {
        FILE *out = fopen(fx->state, "wb");

        assert_non_null(out);
        assert_int_equal(fwrite(b.data, 1, n, out), n);
        fclose(out);
        assert_int_equal(folder_open(fx->path, fx->cat, &f, &ei), ERR_MALFORMED);
    }
    buf_fini(&b);
}

/* Each member removed, and each replaced by something of another kind, is refused by its name. */
static void a_missing_or_wrong_member_is_named(void **state)
{
    struct fixture *fx = *state;
    struct machine *m = calloc(1, sizeof(*m));
    struct folder f;
    struct errinfo ei;
    json_t *doc;
    const char *key;
    json_t *value;

    make(fx, &f);
    doc = machine_to_json(&f.machine);
    folder_close(&f);
    json_object_foreach(doc, key, value)
    {
        json_t *broken = json_copy(doc);

        json_object_del(broken, key);
        if (strcmp(key, "windows") != 0 && strcmp(key, "office") != 0 &&
            strcmp(key, "report") != 0) { /* may be missing */
            assert_int_equal(machine_from_json(broken, fx->cat, "test", m, &ei), ERR_MALFORMED);
            assert_contains(ei.text, key);
        }
        json_object_set_new(broken, key, json_real(1.5));
        assert_int_equal(machine_from_json(broken, fx->cat, "test", m, &ei), ERR_MALFORMED);
        json_decref(broken);
    }
    json_decref(doc);
    free(m);
}

static void a_licence_that_contradicts_itself_is_refused(void **state)
{
    static const struct {
        const char *member;
        json_int_t value; /* -1: null */
    } rows[] = {
        {"expires", -1},
        {"status", LIC_UNLICENSED},
        {"status", LIC_STATUS_COUNT},
        {"activation", 0},
        {"renewal", 50000},
        {"channel", LIC_CHANNEL_COUNT},
        {"next", -2},
        {"key", LIC_KEY_COUNT},
        {"suspended", LIC_CHANNEL_COUNT},
        {"suspended", LIC_BY_AD},
    };
    struct fixture *fx = *state;
    struct machine *m = calloc(1, sizeof(*m));
    struct folder f;
    struct errinfo ei;
    json_t *doc;

    make(fx, &f);
    doc = machine_to_json(&f.machine);
    folder_close(&f);
    assert_ok(machine_from_json(doc, fx->cat, "test", m, &ei), &ei);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *broken = json_deep_copy(doc);
        json_t *licence =
            json_object_get(json_array_get(json_object_get(broken, "products"), 0), "licence");

        json_object_set_new(licence, rows[i].member,
                            rows[i].value == -1 ? json_null() : json_integer(rows[i].value));
        assert_int_equal(machine_from_json(broken, fx->cat, "test", m, &ei), ERR_MALFORMED);
        json_decref(broken);
    }
    json_decref(doc);
    free(m);
}

static void a_missing_bundle_is_a_configuration_error_with_its_remedy(void **state)
{
    struct fixture *fx = *state;
    struct bundle b;
    struct folder f;
    struct errinfo ei;
    char path[400];

    make(fx, &f);
    snprintf(path, sizeof(path), "%s/client.bundle", fx->path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(folder_bundle(&f, &b, &ei), ERR_CONFIG);
    assert_contains(ei.text, "client.bundle");
    folder_close(&f);
    assert_int_equal(folder_create(fx->dir, "/nonexistent/client.bundle", &f, &ei), ERR_CONFIG);
}

static void events_are_appended_line_by_line(void **state)
{
    struct fixture *fx = *state;
    struct folder f;
    struct errinfo ei;
    struct buf b = BUF_INIT;
    char path[400];
    json_t *v;

    make(fx, &f);
    machine_event(&f.machine, 12308, T0, 3, (const char *[]){"sku", "name", "dn"});
    assert_ok(folder_save(&f, &ei), &ei);
    machine_event(&f.machine, 900, T0, 0, NULL);
    assert_ok(folder_save(&f, &ei), &ei);
    folder_close(&f);
    snprintf(path, sizeof(path), "%s/events.jsonl", fx->path);
    assert_ok(file_read(path, 1 << 20, &b, &ei), &ei);
    v = json_loads(strtok((char *)(uintptr_t)buf_str(&b), "\n"), 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(v, "id")), 1016); /* make's key */
    json_decref(v);
    v = json_loads(strtok(NULL, "\n"), 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(v, "id")), 12308);
    assert_string_equal(json_string_value(json_array_get(json_object_get(v, "fields"), 2)), "dn");
    json_decref(v);
    v = json_loads(strtok(NULL, "\n"), 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(v, "id")), 900);
    json_decref(v);
    assert_null(strtok(NULL, "\n"));
    buf_fini(&b);
}

static void one_operating_system_a_machine_and_each_product_once(void **state)
{
    struct fixture *fx = *state;
    const struct cat_product *office =
        catalog_product(fx->cat, "Office LTSC 2021", "Office LTSC Professional Plus 2021");
    struct machine_product *p;
    struct folder f;
    struct errinfo ei;

    make(fx, &f);
    assert_non_null(office);
    assert_int_equal(
        machine_install(&f.machine, catalog_product(fx->cat, "Windows 10", "Enterprise"), &p, &ei),
        ERR_EXISTS);
    assert_ok(machine_install(&f.machine, office, &p, &ei), &ei);
    assert_int_equal(machine_install(&f.machine, office, &p, &ei), ERR_EXISTS);
    folder_close(&f);
}

static void kms_hosts_are_read_in_all_documented_forms(void **state)
{
    static const struct {
        const char *text, *name;
        uint16_t port;
    } good[] = {{"kms.lab.example", "kms.lab.example", 0},
                {"kms:1689", "kms", 1689},
                {"127.0.0.1:1", "127.0.0.1", 1},
                {"[::1]:1688", "::1", 1688},
                {"[::1]", "::1", 0},
                {"2001:db8::7", "2001:db8::7", 0},
                {":1690", "old", 1690}};
    static const char *const bad[] = {"",        ":",    "kms:",   "kms:0", "kms:65536",
                                      "kms:12x", "[::1", "[::1]x", "kms:-1"};
    struct errinfo ei;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct machine_host h = {.name = "old", .port = 9};

        assert_ok(machine_host_parse(good[i].text, &h, &ei), &ei);
        assert_string_equal(h.name, good[i].name);
        assert_int_equal(h.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct machine_host h = {.name = "old", .port = 9};

        assert_int_equal(machine_host_parse(bad[i], &h, &ei), ERR_USAGE);
        assert_string_equal(h.name, "old");
        assert_int_equal(h.port, 9);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_machine_is_read_back_as_it_was_written),
        T(the_folder_and_its_files_are_private),
        T(two_holders_of_one_folder_exclude_each_other),
        T(a_second_machine_in_the_same_folder_is_refused),
        T(a_newer_format_is_refused_and_left_as_it_is),
        T(format_1_is_read_and_written_back_as_the_present_one),
        T(every_truncation_of_the_state_is_refused),
        T(a_missing_or_wrong_member_is_named),
        T(a_licence_that_contradicts_itself_is_refused),
        T(a_missing_bundle_is_a_configuration_error_with_its_remedy),
        T(events_are_appended_line_by_line),
        T(one_operating_system_a_machine_and_each_product_once),
        cmocka_unit_test(kms_hosts_are_read_in_all_documented_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
