/* check: run by the build; a row that cannot be loaded fails it with file:line. */
#include <stdio.h>

#include "catalog/catalog.h"

int main(void)
{
    struct errinfo ei;
    struct catalog *cat;

    if (catalog_load(&cat, &ei) != ERR_OK) {
        fprintf(stderr, "%s\n", ei.text);
        return EXIT_FAILED;
    }
    catalog_free(cat);
    return EXIT_OK;
}
