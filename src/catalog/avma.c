#include "catalog/avma.h"

#include <string.h>

#include "catalog/internal.h"

enum { A_HOST, A_GUEST, A_ALLOWED, A_COLUMNS };

/* "Windows Server 2022 Datacenter + Hyper-V": the system in front of its hypervisor. */
static enum err parse_host(struct catalog *cat, const struct csv *c, const char *text,
                           struct avma_row *row, struct errinfo *ei)
{
    static const char plus[] = " + Hyper-V";
    size_t len = strlen(text), tail = sizeof(plus) - 1;
    char *system;

    if (len <= tail || strcmp(text + len - tail, plus) != 0)
        return csv_fail(c, ei, "host is \"%s\"; it is a system, an edition and \"%s\"", text, plus);
    system = arena_strndup(&cat->mem, text, len - tail);
    if (system == NULL)
        return err_nomem(ei);
    row->system = catalog_system(cat, system, &row->edition);
    if (row->system == NULL || row->edition == NULL)
        return csv_fail(c, ei, "no product in products.csv is called \"%s\", with its edition",
                        system);
    return ERR_OK;
}

static bool same_pair(const struct avma_row *a, const struct avma_row *b)
{
    return strcmp(a->system, b->system) == 0 && strcmp(a->edition, b->edition) == 0 &&
           strcmp(a->guest, b->guest) == 0;
}

static enum err put_row(struct catalog *cat, const struct csv *c, const struct avma_row *row,
                        struct errinfo *ei)
{
    struct avma_row *at = NULL;

    for (size_t i = 0; i < cat->avma.count && at == NULL; i++) {
        struct avma_row *other = VEC_AT(cat->avma, struct avma_row, i);

        at = same_pair(other, row) ? other : NULL;
    }
    if (at != NULL && at->source == row->source)
        return csv_fail(c, ei, "%s %s and guest %s are there twice", row->system, row->edition,
                        row->guest);
    if (at == NULL)
        at = vec_add(&cat->avma, sizeof(*at));
    if (at == NULL)
        return err_nomem(ei);
    *at = *row;
    return ERR_OK;
}

static enum err matrix_row(struct catalog *cat, const struct csv *c, const char **v,
                           struct errinfo *ei)
{
    struct avma_row row = {.source = cat->source};
    const char *edition;
    enum err e = parse_host(cat, c, v[A_HOST], &row, ei);

    if (e != ERR_OK)
        return e;
    row.guest = catalog_system(cat, v[A_GUEST], &edition);
    if (row.guest == NULL || edition != NULL)
        return csv_fail(c, ei, "no product in products.csv is called \"%s\"", v[A_GUEST]);
    row.allowed = strcmp(v[A_ALLOWED], "yes") == 0;
    if (!row.allowed && strcmp(v[A_ALLOWED], "no") != 0)
        return csv_fail(c, ei, "allowed is \"%s\"; it is yes or no", v[A_ALLOWED]);
    return put_row(cat, c, &row, ei);
}

enum err cat_read_avma_matrix(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    static const char *const columns[A_COLUMNS] = {"host", "guest", "allowed"};
    const char *v[A_COLUMNS];
    bool got = true;
    enum err e = csv_header(c, columns, A_COLUMNS, ei);

    while (e == ERR_OK) {
        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = matrix_row(cat, c, v, ei);
    }
    return e;
}

/* ---- asking ---- */

/* Whether some edition of that product has the guest's key. */
static bool shares_key(const struct catalog *c, const char *product,
                       const struct cat_product *guest)
{
    for (size_t i = 0; i < c->products.count && guest->avma_key != NULL; i++) {
        const struct cat_product *p = VEC_AT(c->products, struct cat_product, i);

        if (strcmp(p->product, product) == 0 && p->avma_key != NULL &&
            strcmp(p->avma_key, guest->avma_key) == 0)
            return true;
    }
    return false;
}

enum cat_avma catalog_avma(const struct catalog *c, const char *host,
                           const struct cat_product *guest)
{
    const char *edition;
    const char *system = catalog_system(c, host, &edition);
    enum cat_avma found = CAT_AVMA_NO_HOST;
    bool shared = false;

    for (size_t i = 0; i < c->avma.count && system != NULL && edition != NULL; i++) {
        const struct avma_row *row = VEC_AT(c->avma, struct avma_row, i);

        if (strcmp(row->system, system) != 0 || strcmp(row->edition, edition) != 0)
            continue;
        found = CAT_AVMA_NOT_GUEST;
        if (strcmp(row->guest, guest->product) == 0)
            return row->allowed ? CAT_AVMA_OK : CAT_AVMA_NOT_GUEST;
        shared |= row->allowed && shares_key(c, row->guest, guest);
    }
    return shared ? CAT_AVMA_OK : found;
}
