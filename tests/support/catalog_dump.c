/* catalog_dump: prints the loaded catalogue as CSV, for tests that check it against the tables and
 * an independent UUID implementation.
 *   catalog_dump products   product,edition,key,n_policy,protocol,adba,family,application_id,
 *                           activation_id,kms_name,kms_id,groups
 *   catalog_dump groups     group,family,sku_id,kms_ids
 * Lists inside a field are separated by semicolons. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"

static const char *const families[] = {
    [CAT_CLIENT] = "client", [CAT_SERVER] = "server", [CAT_OFFICE] = "office"};

static void put_field(const char *text, char after)
{
    putchar('"');
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
    putchar(after);
}

static void put_id(const struct guid *id, char after)
{
    char text[GUID_TEXT_MAX];

    put_field(guid_format(id, text), after);
}

static void put_groups_serving(const struct catalog *cat, const struct guid *kms_id)
{
    const struct cat_group *g;
    size_t n = catalog_groups(cat, &g);
    const char *separator = "";

    putchar('"');
    for (size_t i = 0; i < n; i++) {
        if (!cat_group_serves(&g[i], kms_id))
            continue;
        printf("%s%s", separator, g[i].name);
        separator = ";";
    }
    puts("\"");
}

static void dump_products(const struct catalog *cat)
{
    const struct cat_product *p;
    size_t n = catalog_products(cat, &p);

    puts("product,edition,key,n_policy,protocol,adba,family,application_id,activation_id,"
         "kms_name,kms_id,groups");
    for (size_t i = 0; i < n; i++) {
        put_field(p[i].product, ',');
        put_field(p[i].edition, ',');
        put_field(p[i].setup_key, ',');
        printf("%u,%u,%s,%s,", p[i].required_count, p[i].protocol, p[i].adba ? "yes" : "no",
               families[p[i].family]);
        put_id(&p[i].application_id, ',');
        put_id(&p[i].activation_id, ',');
        put_field(catalog_kms_name(cat, &p[i].kms_id), ',');
        put_id(&p[i].kms_id, ',');
        put_groups_serving(cat, &p[i].kms_id);
    }
}

static void dump_groups(const struct catalog *cat)
{
    const struct cat_group *g;
    size_t n = catalog_groups(cat, &g);

    puts("group,family,sku_id,kms_ids");
    for (size_t i = 0; i < n; i++) {
        char text[GUID_TEXT_MAX];

        put_field(g[i].name, ',');
        put_field(families[g[i].family], ',');
        put_id(&g[i].sku_id, ',');
        for (size_t j = 0; j < g[i].kms_id_count; j++)
            printf("%s%s", j == 0 ? "" : ";", guid_format(&g[i].kms_ids[j], text));
        putchar('\n');
    }
}

int main(int argc, char **argv)
{
    struct errinfo ei;
    struct catalog *cat;

    if (argc != 2 || (strcmp(argv[1], "products") != 0 && strcmp(argv[1], "groups") != 0)) {
        fprintf(stderr, "usage: catalog_dump products|groups\n");
        return EXIT_USAGE;
    }
    if (catalog_load(&cat, &ei) != ERR_OK) {
        fprintf(stderr, "%s\n", ei.text);
        return EXIT_FAILED;
    }
    if (strcmp(argv[1], "products") == 0)
        dump_products(cat);
    else
        dump_groups(cat);
    catalog_free(cat);
    return EXIT_OK;
}
