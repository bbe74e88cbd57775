#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/clearing.h"

#define KEY   "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
#define GROUP "Volume License for Windows Server 2022"

struct fixture {
    char folder[256];
    char path[320];
    struct store *s;
    struct errinfo ei;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    test_folder(f->folder);
    snprintf(f->path, sizeof(f->path), "%s/ledger.db", f->folder);
    assert_ok(store_open(f->path, &f->s, &f->ei), &f->ei);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    store_close(f->s);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static struct store_clearing_grant grant(uint32_t binding, int64_t when, const char *name)
{
    struct store_clearing_grant g = {.when = when,
                                     .key = KEY,
                                     .group = GROUP,
                                     .hosts = 6,
                                     .per_host = 10,
                                     .kind = 1,
                                     .binding = binding,
                                     .name = name,
                                     .pid = "",
                                     .peer = "192.0.2.1:5"};

    return g;
}

static void add(struct fixture *f, uint32_t binding, int64_t when, const char *name)
{
    struct store_clearing_grant g = grant(binding, when, name);

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_grant(f->s, &g, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static void nothing_is_known_of_a_new_key(void **state)
{
    struct fixture *f = *state;
    struct store_clearing_key k;
    struct store_clearing_host h;

    assert_int_equal(store_clearing_key(f->s, KEY, &k, &f->ei), ERR_NOTFOUND);
    assert_int_equal(store_clearing_host(f->s, KEY, 1, 7, &h, &f->ei), ERR_NOTFOUND);
}

static void put(struct fixture *f, const struct store_clearing_key *k)
{
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_put_clearing_key(f->s, k, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static void a_pool_is_kept_beside_what_was_granted(void **state)
{
    struct fixture *f = *state;
    struct store_clearing_key k = {
        .key = KEY, .group = "Windows 11 Enterprise", .hosts = 1, .per_host = 1, .issued_at = 77};

    k.pool = 5;
    put(f, &k);
    add(f, 7, 100, "PC01");
    add(f, 8, 101, "PC02");
    k.pool = 9;
    k.extended = true;
    k.issued_at = 99; /* when it was issued stays */
    put(f, &k);
    assert_ok(store_clearing_key(f->s, KEY, &k, &f->ei), &f->ei);
    assert_string_equal(k.group, "Windows 11 Enterprise");
    assert_int_equal(k.pool, 9);
    assert_true(k.extended);
    assert_int_equal(k.issued_at, 77);
    assert_int_equal(k.granted, 2);
    assert_int_equal(k.hosts_used, 2);
    assert_int_equal(k.hosts, 1); /* a grant changes no limits */
}

static void grants_add_up_by_host_and_by_key(void **state)
{
    struct fixture *f = *state;
    struct store_clearing_key k;
    struct store_clearing_host h;

    add(f, 7, 1000, "one.example");
    add(f, 7, 2000, "");
    add(f, UINT32_MAX, 3000, "two.example");
    assert_ok(store_clearing_key(f->s, KEY, &k, &f->ei), &f->ei);
    assert_string_equal(k.group, GROUP);
    assert_int_equal(k.hosts_used, 2);
    assert_int_equal(k.granted, 3);
    assert_int_equal(k.hosts, 6);
    assert_int_equal(k.per_host, 10);
    assert_ok(store_clearing_host(f->s, KEY, 1, 7, &h, &f->ei), &f->ei);
    assert_int_equal(h.used, 2);
    assert_int_equal(h.first_at, 1000);
    assert_int_equal(h.last_at, 2000);
    assert_string_equal(h.name, "one.example");
    assert_ok(store_clearing_host(f->s, KEY, 1, UINT32_MAX, &h, &f->ei), &f->ei);
    assert_int_equal(store_clearing_host(f->s, KEY, 0, 7, &h, &f->ei), ERR_NOTFOUND);
}

static void limits_stay_when_more_is_granted(void **state)
{
    struct fixture *f = *state;
    struct store_clearing_key k = {
        .key = KEY, .group = GROUP, .hosts = 8, .per_host = 12, .blocked = true};

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_put_clearing_key(f->s, &k, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    add(f, 7, 1000, "");
    memset(&k, 0, sizeof(k));
    assert_ok(store_clearing_key(f->s, KEY, &k, &f->ei), &f->ei);
    assert_int_equal(k.hosts, 8);
    assert_int_equal(k.per_host, 12);
    assert_true(k.blocked);
    assert_int_equal(k.hosts_used, 1);
}

static void what_was_not_committed_never_was(void **state)
{
    struct fixture *f = *state;
    struct store_clearing_grant g = grant(7, 1000, "");
    struct store_clearing_key k;

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_grant(f->s, &g, &f->ei), &f->ei);
    store_rollback(f->s);
    assert_int_equal(store_clearing_key(f->s, KEY, &k, &f->ei), ERR_NOTFOUND);
}

static void a_grant_outside_a_transaction_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_clearing_grant g = grant(7, 1000, "");

    assert_int_equal(store_add_grant(f->s, &g, &f->ei), ERR_NOT_NOW);
}

static void committed_grants_survive_sigkill(void **state)
{
    struct fixture *f = *state;
    struct store_clearing_key k;
    int status;
    pid_t child;

    store_close(f->s);
    f->s = NULL;
    child = fork();
    if (child == 0) {
        if (store_open(f->path, &f->s, &f->ei) == ERR_OK) {
            add(f, 7, 1000, "");
            add(f, 8, 1000, "");
        }
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_ok(store_open(f->path, &f->s, &f->ei), &f->ei);
    assert_ok(store_clearing_key(f->s, KEY, &k, &f->ei), &f->ei);
    assert_int_equal(k.hosts_used, 2);
    assert_int_equal(k.granted, 2);
}

struct seen {
    unsigned n;
    char text[512];
};

static enum err note_host(void *arg, const struct store_clearing_host *h)
{
    struct seen *s = arg;

    s->n++;
    strncat(s->text, h->name, sizeof(s->text) - strlen(s->text) - 1);
    strncat(s->text, " ", sizeof(s->text) - strlen(s->text) - 1);
    return ERR_OK;
}

static enum err note_key(void *arg, const struct store_clearing_key *k)
{
    struct seen *s = arg;

    s->n++;
    strncat(s->text, k->key, sizeof(s->text) - strlen(s->text) - 1);
    return ERR_OK;
}

static void hosts_are_listed_in_the_order_they_came(void **state)
{
    struct fixture *f = *state;
    struct seen hosts = {0}, keys = {0}, none = {0};

    add(f, 9, 1000, "a");
    add(f, 3, 2000, "b");
    add(f, 5, 3000, "c");
    add(f, 3, 4000, "");
    assert_ok(store_each_clearing_host(f->s, KEY, note_host, &hosts, &f->ei), &f->ei);
    assert_string_equal(hosts.text, "a b c ");
    assert_ok(store_each_clearing_key(f->s, note_key, &keys, &f->ei), &f->ei);
    assert_string_equal(keys.text, KEY);
    assert_ok(store_each_clearing_host(f->s, "A", note_host, &none, &f->ei), &f->ei);
    assert_int_equal(none.n, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pool_is_kept_beside_what_was_granted),
        TEST(nothing_is_known_of_a_new_key),
        TEST(grants_add_up_by_host_and_by_key),
        TEST(limits_stay_when_more_is_granted),
        TEST(what_was_not_committed_never_was),
        TEST(a_grant_outside_a_transaction_is_refused),
        TEST(committed_grants_survive_sigkill),
        TEST(hosts_are_listed_in_the_order_they_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
