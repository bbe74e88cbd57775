/* with_catalog: the built-in tables as a test's *state: load and unload are its set-up and end. */
#ifndef ADBAD_TESTS_WITH_CATALOG_H
#define ADBAD_TESTS_WITH_CATALOG_H

#include "support.h"

#include "catalog/catalog.h"

static int load(void **state)
{
    struct errinfo ei;
    struct catalog *cat;

    assert_ok(catalog_load(&cat, &ei), &ei);
    *state = cat;
    return 0;
}

static int unload(void **state)
{
    catalog_free(*state);
    return 0;
}

#endif
