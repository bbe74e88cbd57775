#include "realm/installation.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support.h"

#define HOST  "0b9f1a52-6f0b-4a53-9c5e-0d6c0f3c1a11"
#define OTHER "7f0dd0b7-2b8d-4f04-8a5e-6a2d7f0e9a22"
#define NOW   INT64_C(1790000000)

struct place {
    char folder[256];
    char group[64];
    struct hostkey key;
};

static int setup(void **state)
{
    static struct place p;
    char path[300];

    p = (struct place){.group = "Volume License for Windows 10"};
    test_folder(p.folder);
    snprintf(path, sizeof(path), "%s/hostkeys", p.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(p.key.key, sizeof(p.key.key), "A278V-NCF9C-SGJKB-TYWMG-ZS5XH");
    p.key.group = p.group;
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    test_folder_remove(p->folder);
    return 0;
}

static void save(struct place *p, enum installation_how how)
{
    char os[] = "Windows 10", update[] = "KB4467695";
    char *updates[] = {update};
    const struct installation i = {.host_os = os,
                                   .updates = {.n = 1, .v = updates},
                                   .how = how,
                                   .when = NOW,
                                   .cid = "055477-456671",
                                   .used = 3,
                                   .left = 7,
                                   .hosts_used = 2,
                                   .hosts_left = 4};
    struct errinfo ei = {0};

    assert_ok(installation_save(p->folder, &p->key, HOST, &i, &ei), &ei);
}

static struct installation load(struct place *p, const char *host)
{
    struct installation i;
    struct errinfo ei = {0};

    assert_ok(installation_load(p->folder, &p->key, host, &i, &ei), &ei);
    return i;
}

static void what_was_saved_is_loaded_on_the_same_host(void **state)
{
    struct installation i;

    save(*state, INSTALLATION_ONLINE);
    i = load(*state, HOST);
    assert_string_equal(i.host_os, "Windows 10");
    assert_int_equal(i.updates.n, 1);
    assert_string_equal(i.updates.v[0], "KB4467695");
    assert_int_equal(i.how, INSTALLATION_ONLINE);
    assert_true(i.when == NOW);
    assert_string_equal(i.cid, "055477-456671");
    assert_int_equal(i.used * 1000 + i.left * 100 + i.hosts_used * 10 + i.hosts_left, 3724);
    installation_fini(&i);
}

static void each_way_of_activating_comes_back(void **state)
{
    for (unsigned how = INSTALLATION_NOT; how < INSTALLATION_HOWS; how++) {
        struct installation i;

        save(*state, (enum installation_how)how);
        i = load(*state, HOST);
        assert_int_equal(i.how, how);
        installation_fini(&i);
    }
}

static void another_host_has_the_key_but_no_activation(void **state)
{
    static const char *const hosts[] = {OTHER, NULL};

    save(*state, INSTALLATION_PHONE);
    for (size_t h = 0; h < 2; h++) {
        struct installation i = load(*state, hosts[h]);

        assert_int_equal(i.how, INSTALLATION_NOT);
        assert_int_equal(i.updates.n, 1);
        installation_fini(&i);
    }
}

static void nothing_is_known_of_another_key_or_none(void **state)
{
    struct place *p = *state;
    struct installation i = load(p, HOST);

    assert_int_equal(i.how, INSTALLATION_NOT);
    assert_null(i.host_os);
    save(p, INSTALLATION_LAB);
    p->key.key[28] = '2';
    i = load(p, HOST);
    assert_int_equal(i.how, INSTALLATION_NOT);
    assert_int_equal(i.updates.n, 0);
}

static void a_host_keeps_its_name_and_hosts_differ(void **state)
{
    struct place *p = *state;
    struct rng rng = rng_system();
    char first[GUID_TEXT_MAX], again[GUID_TEXT_MAX], elsewhere[GUID_TEXT_MAX], folder[300];
    struct errinfo ei = {0};

    assert_int_equal(installation_host(p->folder, NULL, first, &ei), ERR_NOTFOUND);
    assert_ok(installation_host(p->folder, &rng, first, &ei), &ei);
    assert_ok(installation_host(p->folder, &rng, again, &ei), &ei);
    assert_string_equal(first, again);
    snprintf(folder, sizeof(folder), "%s/hostkeys", p->folder);
    assert_ok(installation_host(folder, &rng, elsewhere, &ei), &ei);
    assert_string_not_equal(first, elsewhere);
}

static void a_broken_name_is_told_with_its_file(void **state)
{
    struct place *p = *state;
    char path[300], name[GUID_TEXT_MAX];
    struct errinfo ei = {0};

    snprintf(path, sizeof(path), "%s/host.id", p->folder);
    assert_ok(file_write_atomic(path, "me\n", 3, 0600, &ei), &ei);
    assert_int_equal(installation_host(p->folder, NULL, name, &ei), ERR_MALFORMED);
    assert_contains(ei.text, path);
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The state folder's owner may have put a link there. */
static void root_writes_with_the_rights_of_the_state_folders_owner(void **state)
{
    struct place *p = *state;
    const struct installation i = {.how = INSTALLATION_NOT};
    const bool root = geteuid() == 0;
    char folder[300], link[300], file[400];
    struct errinfo ei = {0};

    snprintf(folder, sizeof(folder), "%s/elsewhere", p->folder);
    snprintf(link, sizeof(link), "%s/hostkeys", p->folder);
    snprintf(file, sizeof(file), "%s/volume-license-for-windows-10.host", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(rmdir(link), 0);
    assert_int_equal(symlink(folder, link), 0);
    if (root)
        assert_int_equal(chown(p->folder, 65534, 65534), 0);
    assert_int_equal(installation_save(p->folder, &p->key, HOST, &i, &ei) == ERR_OK, !root);
    assert_int_equal(access(file, F_OK) == 0, !root);
    assert_int_equal(geteuid() == 0, root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(what_was_saved_is_loaded_on_the_same_host),
        PLACE_TEST(each_way_of_activating_comes_back),
        PLACE_TEST(another_host_has_the_key_but_no_activation),
        PLACE_TEST(nothing_is_known_of_another_key_or_none),
        PLACE_TEST(a_host_keeps_its_name_and_hosts_differ),
        PLACE_TEST(a_broken_name_is_told_with_its_file),
        PLACE_TEST(root_writes_with_the_rights_of_the_state_folders_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
