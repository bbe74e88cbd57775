#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/avma.h"
#include "catalog/hosting.h"
#include "catalog/tables.h"
#include "support.h"

#define UNITS_HEAD "kms_product,called\n"
#define PRODUCTS_HEAD                                                                              \
    "product,edition,aliases,edition_aliases,family,n_policy,protocol,adba,kms_product\n"
#define KEYS_HEAD    "product,edition,key\n"
#define GROUPS_HEAD  "csvlk_group,relation,product\n"
#define MATRIX_HEAD  "host,guest,allowed\n"
#define UPDATES_HEAD "host_os,client_os,update,note\n"
#define ERRORS_HEAD  "code,name,remedy\n"
#define EVENTS_HEAD  "event_id,meaning,fields\n"
#define KEY_A        "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
#define KEY_B        "AAAAA-BBBBB-CCCCC-DDDDD-FFFFF"

/* A small good catalogue: a client and a server product, and a system that is a host only. */
static const char *const good[CAT_TABLE_COUNT] = {
    [CAT_KMS_PRODUCTS] = UNITS_HEAD "Desk,Desk/Desk N;Both\nRack,Both\n",
    [CAT_PRODUCTS] = PRODUCTS_HEAD "Desk 1,Home,D1;Desk 1/2,H,client,25,6,yes,Desk\n"
                                   "Desk 1,Work,,W,client,25,6,yes,Desk\n"
                                   "Desk 2,Home,Desk 1/2,,client,25,5,no,Desk\n"
                                   "Rack 1,Full,,,server,5,6,yes,Rack\n"
                                   "Old,,,,server,,,,\n",
    [CAT_SETUP_KEYS] = KEYS_HEAD "Desk 1/2,Home," KEY_A "\n",
    [CAT_GROUPS] = GROUPS_HEAD "Desk group,host,Desk 1\nDesk group,activates,Desk/Desk N\n"
                               "All,host,Old\nAll,activates,Both\nAll,activates,Desk\n",
    [CAT_UPDATES] = UPDATES_HEAD "Old,Rack 1,KB10000,first\nDesk 1,Desk 2,(impossible),\n",
    [CAT_ERRORS] = ERRORS_HEAD "0xC0000001,,first\n0xc0000001,NAME,second\n",
    [CAT_EVENTS] = EVENTS_HEAD "7,seven,\n",
    [CAT_AVMA_KEYS] = KEYS_HEAD "Rack 1,Full," KEY_B "\n",
    [CAT_AVMA_MATRIX] = MATRIX_HEAD "Rack 1 Full + Hyper-V,Rack 1,yes\n",
};

static const char *const files[CAT_TABLE_COUNT] = {
    [CAT_KMS_PRODUCTS] = "units", [CAT_PRODUCTS] = "products", [CAT_SETUP_KEYS] = "keys",
    [CAT_GROUPS] = "groups",      [CAT_UPDATES] = "updates",   [CAT_ERRORS] = "errors",
    [CAT_EVENTS] = "events",      [CAT_AVMA_KEYS] = "avma",    [CAT_AVMA_MATRIX] = "matrix",
};

static struct cat_source source(enum cat_table table, const char *file, const char *text)
{
    return (struct cat_source){table, file, text, strlen(text)};
}

/* Loads the good tables with one of them replaced, and then one more source (NULL: none). */
static enum err load_with(enum cat_table table, const char *instead, const char *overlay,
                          struct catalog **out, struct errinfo *ei)
{
    struct cat_source sources[CAT_TABLE_COUNT + 1];
    size_t n = 0;

    /* Backwards: the loader, not the caller, knows which table needs which. */
    for (unsigned t = CAT_TABLE_COUNT; t-- > 0;)
        sources[n++] =
            source((enum cat_table)t, files[t], t == table && instead != NULL ? instead : good[t]);
    if (overlay != NULL)
        sources[n++] = source(table, "overlay", overlay);
    return catalog_load_from(sources, n, out, ei);
}

static void the_good_tables_load(void **state)
{
    struct catalog *cat;
    struct errinfo ei;
    const struct cat_product *p;

    (void)state;
    assert_ok(load_with(CAT_PRODUCTS, NULL, NULL, &cat, &ei), &ei);
    assert_int_equal(catalog_products(cat, &p), 4);
    assert_string_equal(catalog_product(cat, "D1", "h")->setup_key, KEY_A);
    assert_string_equal(catalog_product(cat, "Desk 2", NULL)->setup_key, KEY_A);
    assert_null(catalog_product(cat, "Desk 1", "Work")->setup_key);
    assert_int_equal(catalog_group(cat, "all")->kms_id_count, 2);
    assert_int_equal(catalog_group(cat, "All")->family, CAT_SERVER);
    assert_int_equal(catalog_group(cat, "Desk group")->family, CAT_CLIENT);
    catalog_free(cat);
}

static void of_a_code_told_twice_the_first_values_count(void **state)
{
    struct catalog *cat;
    struct errinfo ei;

    (void)state;
    assert_ok(load_with(CAT_ERRORS, NULL, NULL, &cat, &ei), &ei);
    assert_string_equal(catalog_error(cat, 0xC0000001)->name, "NAME");
    assert_string_equal(catalog_error(cat, 0xC0000001)->remedy, "first");
    catalog_free(cat);
}

static void an_overlay_adds_editions_aliases_and_events(void **state)
{
    struct catalog *cat;
    struct errinfo ei;

    (void)state;
    assert_ok(load_with(CAT_PRODUCTS, NULL,
                        PRODUCTS_HEAD "Desk 1,Lab,D-One,,client,25,6,yes,Desk\n", &cat, &ei),
              &ei);
    assert_non_null(catalog_product(cat, "Desk 1", "Lab"));
    assert_ptr_equal(catalog_product(cat, "D-One", "Home"), catalog_product(cat, "D1", "Home"));
    catalog_free(cat);
    assert_ok(load_with(CAT_EVENTS, NULL, EVENTS_HEAD "7,other,fields\n8,eight,\n", &cat, &ei),
              &ei);
    assert_string_equal(catalog_event(cat, 7)->meaning, "other");
    assert_string_equal(catalog_event(cat, 7)->fields, "fields");
    assert_string_equal(catalog_event(cat, 8)->meaning, "eight");
    catalog_free(cat);
}

static const struct {
    enum cat_table table;
    const char *overlay;
    const char *text; /* of the failure; NULL: it loads */
} overlays[] = {
    {CAT_KMS_PRODUCTS, UNITS_HEAD "Desk,Desk/Desk N;Both;Also\n", NULL},
    {CAT_KMS_PRODUCTS, UNITS_HEAD "DESK,\n",
     "overlay:2: the KMS product \"DESK\" is written \"Desk\" in units:2"},
    {CAT_KMS_PRODUCTS, UNITS_HEAD "Desk,Desk/Desk N;Both\nDesk,\n",
     "overlay:3: the KMS product \"Desk\" is there twice"},
    {CAT_PRODUCTS, PRODUCTS_HEAD "Desk 1,Home,,H,client,30,6,no,Desk\n", NULL},
    {CAT_PRODUCTS, PRODUCTS_HEAD "Desk 1,home,,,client,25,6,yes,Desk\n",
     "overlay:2: the edition \"home\" or an alias of it is there twice"},
    {CAT_PRODUCTS, PRODUCTS_HEAD "Desk 1,Home,,W,client,25,6,yes,Desk\n",
     "overlay:2: the edition \"Home\" or an alias of it is there twice"},
    {CAT_PRODUCTS,
     PRODUCTS_HEAD "Desk 1,X,,,client,25,6,yes,Desk\nDesk 1,X,,,client,25,6,yes,Desk\n",
     "overlay:3: the edition \"X\" or an alias of it is there twice"},
    {CAT_PRODUCTS, PRODUCTS_HEAD "A/B,C,,,client,25,6,yes,Desk\nA,B/C,,,client,25,6,yes,Desk\n",
     "overlay:3: A, edition B/C, has the activation id of A/B, edition C (overlay:2)"},
    {CAT_SETUP_KEYS, KEYS_HEAD "Desk 1/2,Home," KEY_B "\n", NULL},
    {CAT_SETUP_KEYS, KEYS_HEAD "Rack 1,Full," KEY_A "\n",
     "overlay:2: the key " KEY_A " is that of Desk 2 Home"},
    {CAT_SETUP_KEYS, KEYS_HEAD "Rack 1,Full," KEY_B "\nRack 1,Full,AAAAA-BBBBB-CCCCC-DDDDD-GGGGG\n",
     "overlay:3: Rack 1 Full has another key already, " KEY_B},
    {CAT_GROUPS, "csvlk_group,relation,product,rule\nDesk group,host,Desk 1,or later\n", NULL},
    {CAT_GROUPS, "csvlk_group,relation,product,rule\nDesk group,host,Desk 1,perhaps\n",
     "overlay:2: rule is \"perhaps\"; it is empty, \"or later\""},
    {CAT_GROUPS, GROUPS_HEAD "DESK GROUP,activates,Desk\n",
     "overlay:2: the group \"DESK GROUP\" is written \"Desk group\""},
    {CAT_UPDATES, UPDATES_HEAD "Old,Rack 1,KB10000,second\n", NULL},
    {CAT_UPDATES, UPDATES_HEAD "Old,Rack 1,KB1,x\n", "overlay:2: update is \"KB1\"; it is KB and"},
    {CAT_UPDATES, UPDATES_HEAD "Old,Bed,KB10000,x\n", "overlay:2: no product in products.csv is"},
    {CAT_UPDATES, UPDATES_HEAD "Old,Rack 1,KB20000,x\nOld,Rack 1,KB20000,y\n",
     "overlay:3: KB20000 for Rack 1 on Old is there twice"},
};

static void an_overlay_replaces_rows_of_the_same_key_and_may_not_contradict_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(overlays) / sizeof(overlays[0]); i++) {
        struct catalog *cat = NULL;
        struct errinfo ei = {0};
        enum err e = load_with(overlays[i].table, NULL, overlays[i].overlay, &cat, &ei);

        if ((e == ERR_OK) != (overlays[i].text == NULL))
            fail_msg("overlay %zu: %s", i, e == ERR_OK ? "loaded" : ei.text);
        if (overlays[i].text != NULL)
            assert_contains(ei.text, overlays[i].text);
        catalog_free(cat);
    }
}

static void the_values_of_a_replaced_row_are_the_overlays(void **state)
{
    const struct cat_product *p;
    const struct cat_update *u;
    const struct cat_host *h;
    struct catalog *cat;
    struct errinfo ei;

    (void)state;
    assert_ok(load_with(CAT_PRODUCTS, NULL, PRODUCTS_HEAD "Desk 1,Home,,Den,client,30,5,no,Desk\n",
                        &cat, &ei),
              &ei);
    assert_int_equal(catalog_products(cat, &p), 4);
    p = catalog_product(cat, "D1", "Den");
    assert_int_equal(p->required_count, 30);
    assert_int_equal(p->protocol, 5);
    assert_false(p->adba);
    assert_string_equal(p->setup_key, KEY_A);
    catalog_free(cat);
    assert_ok(load_with(CAT_SETUP_KEYS, NULL, KEYS_HEAD "Desk 1,Home," KEY_B "\n", &cat, &ei), &ei);
    assert_string_equal(catalog_product(cat, "Desk 1", "Home")->setup_key, KEY_B);
    assert_string_equal(catalog_product(cat, "Desk 2", "Home")->setup_key, KEY_A);
    catalog_free(cat);
    assert_ok(load_with(CAT_UPDATES, NULL, UPDATES_HEAD "Old,Rack 1,KB10000,second\n", &cat, &ei),
              &ei);
    assert_int_equal(catalog_updates(cat, &u), 2);
    assert_string_equal(u[0].note, "second");
    catalog_free(cat);
    assert_ok(load_with(CAT_GROUPS, NULL,
                        "csvlk_group,relation,product,rule\nDesk group,host,Desk 1,or later\n",
                        &cat, &ei),
              &ei);
    assert_int_equal(catalog_hosts(cat, &h), 2);
    assert_true(h[1].or_later);
    catalog_free(cat);
}

static void a_host_vouches_for_guests_of_its_rows_and_for_those_that_share_their_key(void **state)
{
    struct catalog *cat;
    struct errinfo ei;

    (void)state;
    assert_ok(load_with(CAT_AVMA_KEYS, NULL, KEYS_HEAD "Desk 1,Work," KEY_B "\n", &cat, &ei), &ei);
    assert_int_equal(catalog_avma(cat, "Rack 1 full", catalog_product(cat, "Rack 1", NULL)),
                     CAT_AVMA_OK);
    assert_int_equal(catalog_avma(cat, "Rack 1 Full", catalog_product(cat, "Desk 1", "Work")),
                     CAT_AVMA_OK);
    assert_int_equal(catalog_avma(cat, "Rack 1 Full", catalog_product(cat, "Desk 2", NULL)),
                     CAT_AVMA_NOT_GUEST);
    assert_int_equal(catalog_avma(cat, "Desk 2 Home", catalog_product(cat, "Rack 1", NULL)),
                     CAT_AVMA_NO_HOST);
    assert_int_equal(catalog_avma(cat, "Rack 1", catalog_product(cat, "Rack 1", NULL)),
                     CAT_AVMA_NO_HOST);
    catalog_free(cat);
    assert_ok(load_with(CAT_AVMA_MATRIX, NULL, MATRIX_HEAD "Rack 1 Full + Hyper-V,Rack 1,no\n",
                        &cat, &ei),
              &ei);
    assert_int_equal(catalog_avma(cat, "Rack 1 Full", catalog_product(cat, "Rack 1", NULL)),
                     CAT_AVMA_NOT_GUEST);
    catalog_free(cat);
}

static void an_overlay_with_a_bad_row_is_named(void **state)
{
    struct catalog *cat = NULL;
    struct errinfo ei;

    (void)state;
    assert_int_equal(load_with(CAT_PRODUCTS, NULL,
                               PRODUCTS_HEAD "Desk 1,Den,,,client,25,9,yes,Desk\n", &cat, &ei),
                     ERR_MALFORMED);
    assert_contains(ei.text, "overlay:2: protocol is \"9\"");
    assert_null(cat);
}

static const struct {
    enum cat_table table;
    const char *row; /* after the good ones of that table */
    const char *text;
} bad_rows[] = {
    {CAT_KMS_PRODUCTS, ",x\n", "units:4: the KMS product has no name"},
    {CAT_KMS_PRODUCTS, "desk,\n", "units:4: the KMS product \"desk\" is there twice"},
    {CAT_KMS_PRODUCTS, "Bed,\n", "units:4: no product has the KMS product \"Bed\""},
    {CAT_KMS_PRODUCTS, "Bed,a;;b\n", "units:4: an alias of \"Bed\" is empty"},
    {CAT_KMS_PRODUCTS, "Bed,a; b\n", "units:4: an alias of \"Bed\" is empty or has a blank"},
    {CAT_PRODUCTS, ",Home,,,client,25,6,yes,Desk\n", "products:7: the product has no name"},
    {CAT_PRODUCTS, "Desk 3,,,,client,25,6,yes,Desk\n", "products:7: the edition has no name"},
    {CAT_PRODUCTS, "Desk 1,w,,,client,25,6,yes,Desk\n",
     "products:7: the edition \"w\" or an alias"},
    {CAT_PRODUCTS, "Desk 1,X,,Home,client,25,6,yes,Desk\n", "products:7: the edition \"X\" or an"},
    {CAT_PRODUCTS, "d1,X,,,client,25,6,yes,Desk\n", "products:7: \"d1\" is an alias of another"},
    {CAT_PRODUCTS, "Bed,X,Desk 1,,client,25,6,yes,Desk\n", "products:7: an alias of \"Bed\" is"},
    {CAT_PRODUCTS, "DESK 1,X,,,client,25,6,yes,Desk\n",
     "products:7: \"DESK 1\" is written \"Desk 1\""},
    {CAT_PRODUCTS, "Bed,X,,,sofa,25,6,yes,Desk\n", "products:7: family is \"sofa\""},
    {CAT_PRODUCTS, "Bed,X,,,client,0,6,yes,Desk\n", "products:7: n_policy is \"0\""},
    {CAT_PRODUCTS, "Bed,X,,,client,1001,6,yes,Desk\n", "products:7: n_policy is \"1001\""},
    {CAT_PRODUCTS, "Bed,X,,,client,,6,yes,Desk\n", "products:7: n_policy is \"\""},
    {CAT_PRODUCTS, "Bed,X,,,client,99999999999999999999,6,yes,Desk\n", "products:7: n_policy"},
    {CAT_PRODUCTS, "Bed,X,,,client,25x,6,yes,Desk\n", "products:7: n_policy is \"25x\""},
    {CAT_PRODUCTS, "Bed,X,,,client,25,3,yes,Desk\n", "products:7: protocol is \"3\""},
    {CAT_PRODUCTS, "Bed,X,,,client,25,7,yes,Desk\n", "products:7: protocol is \"7\""},
    {CAT_PRODUCTS, "Bed,X,,,client,25,6,maybe,Desk\n", "products:7: adba is \"maybe\""},
    {CAT_PRODUCTS, "Bed,X,,,client,25,6,yes,Sofa\n", "products:7: the KMS product \"Sofa\" is not"},
    {CAT_PRODUCTS, "Bed,X,,,server,5,6,yes,Desk\n", "products:7: the KMS product \"Desk\" has"},
    {CAT_PRODUCTS, "Bed,X,,,client,25,6,yes,\n", "products:7: no kms_product makes \"Bed\""},
    {CAT_PRODUCTS, "Bed,,,,bunk,,,,\n", "products:7: family is \"bunk\""},
    {CAT_PRODUCTS, "Bed,X,;,,client,25,6,yes,Desk\n", "products:7: an alias of \"Bed\" is empty"},
    {CAT_PRODUCTS, "Bed,X\n", "products:7: has 2 fields where the header has 9"},
    {CAT_SETUP_KEYS, "Desk 9,Home," KEY_A "\n", "keys:3: no product in products.csv is called"},
    {CAT_SETUP_KEYS, "Desk 1,Nine," KEY_A "\n", "keys:3: no product in products.csv is called"},
    {CAT_SETUP_KEYS, "Desk 1,Home," KEY_B "\n", "keys:3: Desk 1 Home has another key already"},
    {CAT_SETUP_KEYS, "Rack 1,Full,AAAAA-BBBBB\n", "keys:3: \"AAAAA-BBBBB\" is not five groups"},
    {CAT_SETUP_KEYS, "Rack 1,Full," KEY_A "A\n", "keys:3: \"" KEY_A "A\" is not five"},
    {CAT_SETUP_KEYS, "Rack 1,Full,aaaaa-BBBBB-CCCCC-DDDDD-EEEEE\n", "keys:3: "},
    {CAT_GROUPS, ",host,Desk 1\n", "groups:7: the group has no name"},
    {CAT_GROUPS, "G,hosts,Desk 1\n", "groups:7: relation is \"hosts\""},
    {CAT_GROUPS, "G,host,Desk 9\n", "groups:7: no product in products.csv is called \"Desk 9\""},
    {CAT_GROUPS, "G,activates,Old\n", "groups:7: no KMS product in kms_products.csv is called"},
    {CAT_GROUPS, "G,host,Desk 1\n", "groups:7: the group \"G\" activates nothing"},
    {CAT_AVMA_MATRIX, "Rack 1 Full,Rack 1,no\n", "matrix:3: host is \"Rack 1 Full\"; it is"},
    {CAT_AVMA_MATRIX, " + Hyper-V,Rack 1,no\n", "matrix:3: host is \" + Hyper-V\"; it is"},
    {CAT_AVMA_MATRIX, "Rack 1 + Hyper-V,Rack 1,no\n", "matrix:3: no product in products.csv is"},
    {CAT_AVMA_MATRIX, "Rack 1 Full + Hyper-V,Bed,no\n", "matrix:3: no product in products.csv is"},
    {CAT_AVMA_MATRIX, "Rack 1 Full + Hyper-V,Rack 1,no\n", "matrix:3: Rack 1 Full and guest Rack"},
    {CAT_AVMA_MATRIX, "Rack 1 Full + Hyper-V,Desk 1,maybe\n", "matrix:3: allowed is \"maybe\""},
    {CAT_ERRORS, "C0000001,x,y\n", "errors:4: \"C0000001\" does not start with 0x"},
    {CAT_ERRORS, "0x,x,y\n", "errors:4: \"0x\" is not a number"},
    {CAT_ERRORS, "0x1C0000001,x,y\n", "errors:4: \"0x1C0000001\" is not a number"},
    {CAT_ERRORS, "0xC000000G,x,y\n", "errors:4: \"0xC000000G\" is not a number"},
    {CAT_EVENTS, ",x,y\n", "events:3: \"\" is not a number"},
    {CAT_EVENTS, "-7,x,y\n", "events:3: \"-7\" is not a number"},
};

static void every_kind_of_bad_row_is_named_with_file_and_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
        struct catalog *cat = NULL;
        struct errinfo ei = {0};
        char text[2048];

        snprintf(text, sizeof(text), "%s%s", good[bad_rows[i].table], bad_rows[i].row);
        if (load_with(bad_rows[i].table, text, NULL, &cat, &ei) != ERR_MALFORMED)
            fail_msg("row %zu loaded: %s", i, bad_rows[i].row);
        assert_contains(ei.text, bad_rows[i].text);
        assert_null(cat);
    }
}

static void a_missing_column_is_named(void **state)
{
    struct catalog *cat;
    struct errinfo ei;

    (void)state;
    assert_int_equal(load_with(CAT_PRODUCTS, "product,edition\n", NULL, &cat, &ei), ERR_MALFORMED);
    assert_contains(ei.text, "products:1: the column \"aliases\" is missing");
}

/* Loads a copy of exactly len bytes in place of a table. */
static void load_copy(enum cat_table table, const char *bytes, size_t len)
{
    struct cat_source sources[CAT_TABLE_COUNT];
    struct catalog *cat;
    struct errinfo ei;
    char *copy = malloc(len == 0 ? 1 : len);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    for (unsigned t = 0; t < CAT_TABLE_COUNT; t++)
        sources[t] = source((enum cat_table)t, files[t], good[t]);
    sources[table].bytes = copy;
    sources[table].len = len;
    if (catalog_load_from(sources, CAT_TABLE_COUNT, &cat, &ei) == ERR_OK)
        catalog_free(cat);
    free(copy);
}

static void every_prefix_and_every_changed_byte_of_a_table_is_safe(void **state)
{
    static const char values[] = {'\0', '"', ',', ';', '\n', '\r', 'x', '0', '\xff'};

    (void)state;
    for (unsigned t = 0; t < CAT_TABLE_COUNT; t++) {
        size_t len = strlen(good[t]);

        for (size_t i = 0; i < len; i++) {
            char text[2048];

            load_copy((enum cat_table)t, good[t], i);
            for (size_t v = 0; v < sizeof(values); v++) {
                memcpy(text, good[t], len);
                text[i] = values[v];
                load_copy((enum cat_table)t, text, len);
            }
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_tables_load),
        cmocka_unit_test(of_a_code_told_twice_the_first_values_count),
        cmocka_unit_test(an_overlay_adds_editions_aliases_and_events),
        cmocka_unit_test(an_overlay_replaces_rows_of_the_same_key_and_may_not_contradict_itself),
        cmocka_unit_test(the_values_of_a_replaced_row_are_the_overlays),
        cmocka_unit_test(a_host_vouches_for_guests_of_its_rows_and_for_those_that_share_their_key),
        cmocka_unit_test(an_overlay_with_a_bad_row_is_named),
        cmocka_unit_test(every_kind_of_bad_row_is_named_with_file_and_line),
        cmocka_unit_test(a_missing_column_is_named),
        cmocka_unit_test(every_prefix_and_every_changed_byte_of_a_table_is_safe),
    };

    return cmocka_run_group_tests_name("catalog_load", tests, NULL, NULL);
}
