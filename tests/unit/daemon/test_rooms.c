/* The whole network side, linked without the steward: what it would need of the directory, of
 * signing or of DNS updates would be missing here. */
#include "support.h"

#include <dlfcn.h>

#include "daemon/daemon.h"

static void it_stands_without_the_directory_and_what_signs(void **state)
{
    static const char *const absent[] = {"ldap_initialize", "sasl_client_new", "directory_open",
                                         "ao_create", "keeper_start"};

    (void)state;
    assert_non_null(dlsym(RTLD_DEFAULT, "uv_run")); /* what is there is found */
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        assert_null(dlsym(RTLD_DEFAULT, absent[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stands_without_the_directory_and_what_signs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
