#include "publish/kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "support.h"

static const struct publish_record one = {0, 0, 1688, "kms1.lab.example"};
static const struct publish_record two = {5, 6, 1700, "kms1.lab.example"};

static int setup(void **state)
{
    char *folder = malloc(256);
    struct errinfo ei;

    if (folder == NULL)
        return -1;
    test_folder(folder);
    assert_ok(publish_kept_open(folder, &ei), &ei);
    *state = folder;
    return 0;
}

static int teardown(void **state)
{
    test_folder_remove(*state);
    free(*state);
    return 0;
}

static size_t count_of(const struct publish_kept *k, const char *domain)
{
    struct publish_record *all;
    struct errinfo ei;
    size_t n;

    assert_ok(publish_kept_of(k, domain, &all, &n, &ei), &ei);
    free(all);
    return n;
}

static void what_is_saved_is_there_again(void **state)
{
    struct publish_kept k = {0}, again;
    struct publish_record *all;
    struct errinfo ei;
    size_t n;

    assert_ok(publish_kept_load(*state, &k, &ei), &ei);
    assert_int_equal(k.n, 0);
    assert_ok(publish_kept_add(&k, "lab.example", &one, &ei), &ei);
    assert_ok(publish_kept_add(&k, "LAB.example", &one, &ei), &ei); /* the same */
    assert_ok(publish_kept_add(&k, "lab.example", &two, &ei), &ei);
    assert_ok(publish_kept_add(&k, "child.lab.example", &one, &ei), &ei);
    assert_ok(publish_kept_save(*state, &k, &ei), &ei);
    assert_ok(publish_kept_load(*state, &again, &ei), &ei);
    assert_int_equal(again.n, 3);
    assert_ok(publish_kept_of(&again, "lab.example", &all, &n, &ei), &ei);
    assert_int_equal(n, 2);
    assert_true(publish_record_same(&all[0], &one));
    assert_true(publish_record_same(&all[1], &two));
    free(all);
    publish_kept_fini(&again);
    publish_kept_fini(&k);
}

static void what_dns_has_no_more_is_forgotten_in_that_domain(void **state)
{
    struct publish_kept k = {0};
    struct errinfo ei;

    (void)state;
    assert_ok(publish_kept_add(&k, "lab.example", &one, &ei), &ei);
    assert_ok(publish_kept_add(&k, "lab.example", &two, &ei), &ei);
    assert_ok(publish_kept_add(&k, "child.lab.example", &one, &ei), &ei);
    publish_kept_trim(&k, "lab.example", &two, 1);
    assert_int_equal(count_of(&k, "lab.example"), 1);
    assert_int_equal(count_of(&k, "child.lab.example"), 1);
    publish_kept_trim(&k, "lab.example", NULL, 0);
    assert_int_equal(count_of(&k, "lab.example"), 0);
    assert_int_equal(k.n, 1);
    publish_kept_fini(&k);
}

static void a_file_that_does_not_fit_is_named(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{\"records\": 1}",
        "{\"records\": [{\"domain\": \"lab.example\"}]}",
        "{\"records\": [{\"domain\": \"a b\", \"host\": \"h.x\", \"priority\": 0, \"weight\": 0, "
        "\"port\": 1}]}",
        "{\"records\": [{\"domain\": \"a.b\", \"host\": \"h.x\", \"priority\": 65536, \"weight\": "
        "0, \"port\": 1}]}",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct publish_kept k;
        struct errinfo ei;
        char path[300];

        snprintf(path, sizeof(path), "%s/" PUBLISH_KEPT_FILE, (const char *)*state);
        assert_ok(file_write_atomic(path, texts[i], strlen(texts[i]), 0600, &ei), &ei);
        assert_int_equal(publish_kept_load(*state, &k, &ei), ERR_MALFORMED);
        assert_contains(ei.text, path);
        assert_int_equal(k.n, 0);
        assert_null(k.v);
    }
}

/* ---- the file of earlier versions ---- */

static void write_former(const char *folder, const char *text, char path[300])
{
    struct errinfo ei;

    snprintf(path, 300, "%s/dns.json", folder);
    assert_ok(file_write_atomic(path, text, strlen(text), 0600, &ei), &ei);
}

#define FORMER                                                                                     \
    "{\"records\": [{\"domain\": \"old.example\", \"host\": \"kms1.lab.example\", "                \
    "\"priority\": 0, \"weight\": 0, \"port\": 1688}]}"

static void what_an_earlier_version_published_is_ours_too(void **state)
{
    struct publish_kept k;
    struct errinfo ei;
    char path[300];

    write_former(*state, FORMER, path);
    assert_ok(publish_kept_load(*state, &k, &ei), &ei); /* not moved yet */
    assert_int_equal(count_of(&k, "old.example"), 1);
    assert_ok(publish_kept_add(&k, "lab.example", &two, &ei), &ei);
    assert_ok(publish_kept_save(*state, &k, &ei), &ei);
    publish_kept_fini(&k);
    for (int i = 0; i < 2; i++) {
        assert_ok(publish_kept_open(*state, &ei), &ei);
        assert_int_equal(access(path, F_OK), -1);
        assert_ok(publish_kept_load(*state, &k, &ei), &ei);
        assert_int_equal(k.n, 2);
        assert_int_equal(count_of(&k, "old.example"), 1);
        assert_int_equal(count_of(&k, "lab.example"), 1);
        publish_kept_fini(&k);
    }
}

static void a_damaged_file_of_an_earlier_version_stays_and_is_named(void **state)
{
    struct publish_kept k;
    struct errinfo ei;
    char path[300];

    write_former(*state, "[]", path);
    assert_ok(publish_kept_open(*state, &ei), &ei);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(publish_kept_load(*state, &k, &ei), ERR_MALFORMED);
    assert_contains(ei.text, path);
    assert_int_equal(k.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_saved_is_there_again, setup, teardown),
        cmocka_unit_test_setup_teardown(what_dns_has_no_more_is_forgotten_in_that_domain, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_that_does_not_fit_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_earlier_version_published_is_ours_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_file_of_an_earlier_version_stays_and_is_named,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
