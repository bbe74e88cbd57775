#include "daemon/tallies.h"

#include <stdlib.h>

#include "base/clk.h"

enum err tallies_keep(void *arg, const struct store_tally *t)
{
    struct tallies *all = arg;

    if (all->n == all->cap) {
        size_t cap = all->cap == 0 ? 64 : all->cap * 2;
        struct store_tally *bigger = realloc(all->v, cap * sizeof(*bigger));

        if (bigger == NULL)
            return ERR_NOMEM;
        all->v = bigger;
        all->cap = cap;
    }
    all->v[all->n++] = *t;
    return ERR_OK;
}

void tallies_free(struct tallies *t)
{
    free(t->v);
    *t = (struct tallies){0};
}

json_t *by_status_json(const uint64_t counts[TALLIES_STATES])
{
    static const char *const names[TALLIES_STATES] = {
        "unlicensed",  "licensed",     "initial_grace",  "out_of_tolerance_grace",
        "non_genuine", "notification", "extended_grace",
    };
    json_t *j = json_object();

    for (size_t i = 0; i < TALLIES_STATES; i++)
        json_object_set_new(j, names[i], json_integer((json_int_t)counts[i]));
    return j;
}

/* Adds one state's total; returns it. */
static uint64_t add(uint64_t counts[TALLIES_STATES], const struct store_tally *t)
{
    if (t->licence_status < TALLIES_STATES)
        counts[t->licence_status] += t->answered;
    return t->answered;
}

static bool is_same_product(const struct store_tally *a, const struct store_tally *b)
{
    return guid_equal(&a->activation_id, &b->activation_id) &&
           guid_equal(&a->application_id, &b->application_id);
}

json_t *tallies_products(const struct tallies *t, const struct catalog *c)
{
    json_t *all = json_array();

    for (size_t i = 0, next; i < t->n; i = next) {
        const struct cat_product *p = catalog_product_by_activation_id(c, &t->v[i].activation_id);
        char application[GUID_TEXT_MAX], id[GUID_TEXT_MAX], time[CLK_TEXT_MAX];
        uint64_t counts[TALLIES_STATES] = {0}, answered = 0;
        int64_t last = INT64_MIN;

        for (next = i; next < t->n && is_same_product(&t->v[i], &t->v[next]); next++) {
            answered += add(counts, &t->v[next]);
            if (t->v[next].last > last)
                last = t->v[next].last;
        }
        json_array_append_new(
            all,
            json_pack("{s:s?, s:s?, s:s, s:s, s:I, s:o, s:I, s:s}", "product",
                      p == NULL ? NULL : p->product, "edition", p == NULL ? NULL : p->edition,
                      "activation_id", guid_format(&t->v[i].activation_id, id), "application_id",
                      guid_format(&t->v[i].application_id, application), "answered",
                      (json_int_t)answered, "requests_by_status", by_status_json(counts), "last",
                      (json_int_t)last, "last_time", clk_format(last, time)));
    }
    return all;
}

void tallies_add_applications(const struct tallies *t, json_t *applications)
{
    json_t *application;
    size_t i;

    json_array_foreach(applications, i, application)
    {
        uint64_t counts[TALLIES_STATES] = {0}, answered = 0;
        struct guid id;

        if (!guid_parse(json_string_value(json_object_get(application, "id")), &id))
            continue;
        for (size_t k = 0; k < t->n; k++) {
            if (guid_equal(&id, &t->v[k].application_id))
                answered += add(counts, &t->v[k]);
        }
        json_object_set_new(application, "answered", json_integer((json_int_t)answered));
        json_object_set_new(application, "requests_by_status", by_status_json(counts));
    }
}
