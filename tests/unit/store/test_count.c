#include "samples.h"

#include <stdio.h>
#include <string.h>

#include "store/count.h"

static struct guid id(unsigned n)
{
    struct guid g;

    memset(g.b, (int)n, sizeof(g.b));
    return g;
}

struct sample {
    struct store_count apps[3];
    struct store_count_client clients[50];
};

/* Not in the order of their ids, and one without clients. */
static void fill(struct sample *s)
{
    for (unsigned i = 0; i < 50; i++)
        s->clients[i] =
            (struct store_count_client){.id = id(0x40 + i), .seen = 1700000000 + (int64_t)i};
    s->clients[0].seen = -1; /* before 1970 */
    s->apps[0] = (struct store_count){
        .application_id = id(9), .room = 50, .newest = 1700000049, .clients = s->clients, .n = 50};
    s->apps[1] = (struct store_count){.application_id = id(3),
                                      .room = 10,
                                      .newest = INT64_MAX,
                                      .clients = s->clients + 7,
                                      .n = 2};
    s->apps[2] = (struct store_count){.application_id = id(200), .room = 10, .newest = -5};
}

static void save(struct fixture *f, const struct store_count *apps, size_t n)
{
    struct store_activation a = activation(1, 100);

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_activation(f->s, &a, &f->ei), &f->ei);
    assert_ok(store_save_count(f->s, apps, n, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

struct loaded {
    size_t n;
    struct store_count apps[4];
    struct store_count_client clients[4][50];
};

static enum err take(void *arg, const struct store_count *app)
{
    struct loaded *l = arg;

    assert_true(l->n < 4 && app->n <= 50);
    l->apps[l->n] = *app;
    if (app->n > 0)
        memcpy(l->clients[l->n], app->clients, app->n * sizeof(*app->clients));
    l->n++;
    return ERR_OK;
}

static enum err load(struct fixture *f, struct loaded *l, int64_t *covers)
{
    memset(l, 0, sizeof(*l));
    return store_load_count(f->s, take, l, covers, &f->ei);
}

static void assert_same(const struct loaded *l, size_t i, const struct store_count *want)
{
    assert_true(guid_equal(&l->apps[i].application_id, &want->application_id));
    assert_int_equal(l->apps[i].room, want->room);
    assert_true(l->apps[i].newest == want->newest);
    assert_int_equal(l->apps[i].n, want->n);
    for (size_t c = 0; c < want->n; c++) {
        assert_true(guid_equal(&l->clients[i][c].id, &want->clients[c].id));
        assert_true(l->clients[i][c].seen == want->clients[c].seen);
    }
}

static void what_was_saved_comes_back(void **state)
{
    struct fixture *f = *state;
    struct sample s = {0};
    struct loaded l;
    int64_t covers = -1;

    open_ledger(f);
    assert_int_equal(load(f, &l, &covers), ERR_NOTFOUND);
    fill(&s);
    add_many(f, 41, 100);
    save(f, s.apps, 3);
    reopen_ledger(f);
    assert_ok(load(f, &l, &covers), &f->ei);
    assert_int_equal(covers, 42);
    assert_int_equal(l.n, 3);
    assert_same(&l, 0, &s.apps[1]);
    assert_same(&l, 1, &s.apps[0]);
    assert_same(&l, 2, &s.apps[2]);
}

static void saving_replaces_all_of_it(void **state)
{
    struct fixture *f = *state;
    struct sample s = {0};
    struct loaded l;
    int64_t covers;

    open_ledger(f);
    fill(&s);
    save(f, s.apps, 3);
    save(f, s.apps + 1, 1);
    assert_ok(load(f, &l, &covers), &f->ei);
    assert_int_equal(l.n, 1);
    assert_int_equal(covers, 2);
    assert_same(&l, 0, &s.apps[1]);
    save(f, NULL, 0);
    assert_ok(load(f, &l, &covers), &f->ei);
    assert_int_equal(l.n, 0);
}

static void it_is_part_of_its_transaction(void **state)
{
    struct fixture *f = *state;
    struct sample s = {0};
    struct loaded l;
    int64_t covers;

    open_ledger(f);
    fill(&s);
    assert_int_equal(store_save_count(f->s, s.apps, 3, &f->ei), ERR_NOT_NOW);
    save(f, s.apps, 1);
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_save_count(f->s, s.apps, 3, &f->ei), &f->ei);
    store_rollback(f->s);
    assert_ok(load(f, &l, &covers), &f->ei);
    assert_int_equal(l.n, 1);
}

static void the_rows_after_it_are_those_it_does_not_cover(void **state)
{
    struct fixture *f = *state;
    struct sample s = {0};
    struct loaded l;
    int64_t covers;
    unsigned n = 0;

    open_ledger(f);
    fill(&s);
    add_many(f, 1000, 100);
    save(f, s.apps, 3);
    add_many(f, 30, 50); /* the clock went back: it is the order that tells */
    assert_ok(load(f, &l, &covers), &f->ei);
    reopen_ledger(f);
    assert_ok(store_each_activation_after(f->s, covers, count_rows, &n, &f->ei), &f->ei);
    assert_int_equal(n, 30);
    assert_int_equal(store_rows_read(f->s), 30);
}

/* Each of these must be noticed, before anything is given. */
static void damage_is_recognized(void **state)
{
    static const char *const damage[] = {
        "UPDATE count_applications SET room = room + 1",
        "UPDATE count_applications SET room = 1 WHERE length(clients) > 24",
        "UPDATE count_applications SET newest = newest - 1 WHERE room = 50",
        "UPDATE count_applications SET clients = zeroblob(48) WHERE room = 10",
        "UPDATE count_applications SET clients = zeroblob(25) WHERE room = 50",
        "UPDATE count_applications SET clients = substr(clients, 25) WHERE room = 50",
        "UPDATE count_applications SET application_id = zeroblob(15) WHERE room = 50",
        "DELETE FROM count_applications WHERE room = 50",
        "INSERT INTO count_applications VALUES (zeroblob(16), 10, 0, zeroblob(0))",
        "UPDATE count_mark SET applications = 2",
        "UPDATE count_mark SET checksum = checksum + 1",
        "UPDATE count_mark SET covers = covers - 1",
        "DELETE FROM activations WHERE id = (SELECT max(id) FROM activations)",
    };
    struct fixture *f = *state;
    struct sample s = {0};
    struct loaded l;
    int64_t covers = -1;

    fill(&s);
    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        open_ledger(f);
        save(f, s.apps, 3);
        assert_ok(load(f, &l, &covers), &f->ei);
        close_ledger(f);
        sql(f->path, damage[i]);
        open_ledger(f);
        if (load(f, &l, &covers) != ERR_MALFORMED)
            fail_msg("not noticed: %s", damage[i]);
        assert_int_equal(l.n, 0);
        close_ledger(f);
    }
}

static enum err refuse(void *arg, const struct store_count *app)
{
    (void)arg;
    (void)app;
    return ERR_NOMEM;
}

static void the_error_of_a_callback_stops_loading(void **state)
{
    struct fixture *f = *state;
    struct sample s = {0};
    struct loaded l;
    int64_t covers;

    open_ledger(f);
    fill(&s);
    save(f, s.apps, 3);
    assert_int_equal(store_load_count(f->s, refuse, NULL, &covers, &f->ei), ERR_NOMEM);
    assert_ok(load(f, &l, &covers), &f->ei);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_saved_comes_back),     T(saving_replaces_all_of_it),
        T(it_is_part_of_its_transaction), T(the_rows_after_it_are_those_it_does_not_cover),
        T(damage_is_recognized),          T(the_error_of_a_callback_stops_loading),
    };

    return cmocka_run_group_tests_name("store_count", tests, NULL, NULL);
}
