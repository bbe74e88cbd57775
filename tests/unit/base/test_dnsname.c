#include "base/dnsname.h"

#include <string.h>

#include "support.h"

static void a_name_is_labels_with_dots_between(void **state)
{
    static const struct {
        const char *name;
        bool valid;
    } table[] = {
        {"lab.example", true},
        {"_vlmcs._tcp.lab.example", true},
        {"KMS-1.lab.example", true},
        {"x", true},
        {"", false},
        {".", false},
        {"lab.example.", false},
        {".lab.example", false},
        {"lab..example", false},
        {"lab example", false},
        {"lab.example\nupdate delete other.example", false},
        {"lab;example", false},
        {"l\xc3\xa4"
         "b.example",
         false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (dnsname_is_valid(table[i].name) != table[i].valid)
            fail_msg("%s", table[i].name);
}

/* RFC 1035 2.3.4: labels of 63, names of 255 octets on the wire, 253 as text. */
static void names_have_the_lengths_of_dns(void **state)
{
    char label[65], name[260] = "";

    (void)state;
    memset(label, 'a', 64);
    label[64] = '\0';
    assert_false(dnsname_is_valid(label));
    label[63] = '\0';
    assert_true(dnsname_is_valid(label));
    for (int i = 0; i < 3; i++) {
        strcat(name, label);
        strcat(name, ".");
    }
    label[61] = '\0';
    strcat(name, label);
    assert_int_equal(strlen(name), 253);
    assert_true(dnsname_is_valid(name));
    strcat(name, "a");
    assert_false(dnsname_is_valid(name));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_labels_with_dots_between),
        cmocka_unit_test(names_have_the_lengths_of_dns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
