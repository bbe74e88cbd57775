#include "cli/kms_peer.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 1024

/* ---- one line ---- */

static bool take_id(const json_t *o, const char *key, struct guid *out)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL && guid_parse(text, out);
}

static bool take_text(const json_t *o, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(o, key));

    if (text != NULL)
        snprintf(out, size, "%s", text);
    return text != NULL;
}

static bool take_number(const json_t *o, const char *key, uint32_t max, uint32_t *out)
{
    const json_t *j = json_object_get(o, key);
    json_int_t n = json_integer_value(j);

    *out = (uint32_t)n;
    return json_is_integer(j) && n >= 0 && n <= max;
}

static bool take_channel(const json_t *o, enum store_channel *out)
{
    const char *text = json_string_value(json_object_get(o, "channel"));

    *out = text != NULL && strcmp(text, "adba") == 0 ? STORE_ADBA : STORE_KMS;
    return text != NULL && (*out == STORE_ADBA || strcmp(text, "kms") == 0);
}

/* A text that may be null, or missing: exports of older versions. */
static void take_proof(const json_t *o, struct store_activation *a)
{
    (void)take_text(o, "principal", a->principal, sizeof(a->principal));
    (void)take_text(o, "sid", a->sid, sizeof(a->sid));
}

/* What a contact shows; the rest of the row stays zero. */
static bool take_row(const json_t *o, struct store_activation *a)
{
    const json_t *when = json_object_get(o, "when");
    uint32_t version = 0;

    memset(a, 0, sizeof(*a));
    a->when = json_integer_value(when);
    if (!json_is_integer(when) || !take_channel(o, &a->channel) ||
        !take_number(o, "version", UINT16_MAX, &version))
        return false;
    a->version = (uint16_t)version;
    take_proof(o, a);
    return take_id(o, "application_id", &a->application_id) &&
           take_id(o, "activation_id", &a->activation_id) &&
           take_id(o, "client_id", &a->client_id) &&
           take_number(o, "count", UINT32_MAX, &a->count) &&
           take_number(o, "licence_status", UINT32_MAX, &a->licence_status) &&
           take_text(o, "peer", a->peer, sizeof(a->peer)) &&
           take_text(o, "workstation", a->workstation, sizeof(a->workstation));
}

/* ---- the last of each ---- */

static int by_contact(const void *x, const void *y)
{
    const struct peer_contact *a = x, *b = y;
    int diff = memcmp(&a->a.client_id, &b->a.client_id, sizeof(a->a.client_id));

    if (diff == 0)
        diff = memcmp(&a->a.activation_id, &b->a.activation_id, sizeof(a->a.activation_id));
    if (diff == 0)
        diff = (a->a.when < b->a.when) - (a->a.when > b->a.when);
    return diff;
}

static int newest_first(const void *x, const void *y)
{
    const struct peer_contact *a = x, *b = y;
    int diff = (a->a.when < b->a.when) - (a->a.when > b->a.when);

    return diff != 0 ? diff : by_contact(x, y);
}

static bool same_contact(const struct peer_contact *a, const struct peer_contact *b)
{
    return guid_equal(&a->a.client_id, &b->a.client_id) &&
           guid_equal(&a->a.activation_id, &b->a.activation_id);
}

static void keep_the_last_of_each(struct peer_contacts *all)
{
    size_t kept = 0;

    if (all->n > 1)
        qsort(all->rows, all->n, sizeof(*all->rows), by_contact);
    for (size_t i = 0; i < all->n; i++) {
        if (kept == 0 || !same_contact(&all->rows[kept - 1], &all->rows[i]))
            all->rows[kept++] = all->rows[i];
    }
    all->n = kept;
}

/* An export has a row for each request: memory goes with how many machines there are. */
static enum err make_room(struct peer_contacts *all)
{
    size_t size = all->size == 0 ? SIZE_FIRST : all->size * 2;
    struct peer_contact *rows;

    if (all->n < all->size)
        return ERR_OK;
    keep_the_last_of_each(all);
    if (all->n * 2 < all->size)
        return ERR_OK;
    rows = reallocarray(all->rows, size, sizeof(*rows));
    if (rows == NULL)
        return ERR_NOMEM;
    all->rows = rows;
    all->size = size;
    return ERR_OK;
}

/* ---- a file ---- */

static enum err take_line(struct peer_contacts *all, const char *line, const char *path,
                          size_t number, int64_t since, struct errinfo *ei)
{
    json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    enum err e = make_room(all);
    struct peer_contact *row;

    if (e != ERR_OK) {
        json_decref(o);
        return err_nomem(ei);
    }
    row = &all->rows[all->n];
    row->host = path;
    if (!take_row(o, &row->a))
        e = err_fail(ei, ERR_MALFORMED,
                     "%s:%zu: not an activation as \"adbactl ledger export\" writes it, one JSON "
                     "object to a line",
                     path, number);
    else if (row->a.when >= since)
        all->n++;
    json_decref(o);
    return e;
}

enum err peer_contacts_read(struct peer_contacts *all, const char *path, int64_t since,
                            struct errinfo *ei)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t size = 0, number = 0;
    enum err e = ERR_OK;

    if (f == NULL)
        return err_fail_errno(ei, errno, "read the export %s", path);
    while (e == ERR_OK && getline(&line, &size, f) != -1)
        e = take_line(all, line, path, ++number, since, ei);
    if (e == ERR_OK && ferror(f))
        e = err_fail(ei, ERR_IO, "read the export %s: it cannot be read to its end", path);
    free(line);
    fclose(f);
    return e;
}

void peer_contacts_sort(struct peer_contacts *all)
{
    keep_the_last_of_each(all);
    if (all->n > 1)
        qsort(all->rows, all->n, sizeof(*all->rows), newest_first);
}

void peer_contacts_free(struct peer_contacts *all)
{
    free(all->rows);
    *all = (struct peer_contacts){0};
}
