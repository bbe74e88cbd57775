#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "ldap/sd.h"

static const struct sid domain = {.authority = 5, .n = 4, .sub = {21, 1, 2, 3}};
static const struct sd_domain dom = {&domain, &domain};

/* Written out by hand from MS-DTYP 2.4.6, 2.4.5, 2.4.4 and 2.4.2.2:
 * O:BAG:BAD:P(A;;RP;;;AU)(OA;CI;CC;8b16a2b0-…;;SY). */
static const char sample_hex[] = "0100 0490"
                                 "14000000 24000000 00000000 34000000"
                                 "0102000000000005 20000000 20020000"
                                 "0102000000000005 20000000 20020000"
                                 "0400 5400 02000000"
                                 "0000 1400 10000000 0101000000000005 0b000000"
                                 "0502 3800 01000000 03000000"
                                 "00112233445566778899aabbccddeeff"
                                 "ff112233445566778899aabbccddeeff"
                                 "0101000000000005 12000000";

static const char sample_text[] =
    "O:BAG:BAD:P(A;;RP;;;AU)(OA;CI;CC;33221100-5544-7766-8899-aabbccddeeff;"
    "332211ff-5544-7766-8899-aabbccddeeff;SY)";

static size_t sample(uint8_t out[256])
{
    return test_unhex(sample_hex, out, 256);
}

static struct sd from_text(const char *text)
{
    struct sd sd;
    struct errinfo ei;

    assert_ok(sd_from_sddl(text, &dom, &sd, &ei), &ei);
    return sd;
}

static struct sid sid_of(const char *text)
{
    struct sid s;

    assert_true(sid_parse(text, &s, NULL));
    return s;
}

static void bytes_give_their_documented_meaning(void **state)
{
    uint8_t data[256];
    size_t len = sample(data);
    struct errinfo ei;
    struct sd sd;

    (void)state;
    assert_ok(sd_parse(data, len, &sd, &ei), &ei);
    assert_int_equal(sd.control, SD_SELF_RELATIVE | SD_DACL_PRESENT | SD_DACL_PROTECTED);
    assert_true(sd.has_owner && sd.has_group && sd.dacl.present && !sd.sacl.present);
    assert_int_equal(sd.dacl.n, 2);
    assert_int_equal(sd.dacl.aces[0].mask, SD_READ_PROPERTY);
    assert_false(sd.dacl.aces[0].has_object);
    assert_int_equal(sd.dacl.aces[1].type, SD_OBJECT_ALLOW);
    assert_int_equal(sd.dacl.aces[1].flags, SD_CONTAINER_INHERIT);
    assert_true(sd.dacl.aces[1].has_object && sd.dacl.aces[1].has_inherited);
    assert_memory_equal(sd.dacl.aces[1].object.b, data + 0x34 + 8 + 20 + 12, 16);
    sd_fini(&sd);
}

static void text_gives_the_documented_bytes(void **state)
{
    uint8_t data[256];
    size_t len = sample(data);
    struct sd sd = from_text(sample_text);
    struct buf b = BUF_INIT;
    struct errinfo ei;

    (void)state;
    assert_ok(sd_encode(&sd, &b, &ei), &ei);
    assert_int_equal(b.len, len);
    assert_memory_equal(b.data, data, len);
    buf_fini(&b);
    sd_fini(&sd);
}

static void bytes_give_the_text_back(void **state)
{
    uint8_t data[256];
    size_t len = sample(data);
    struct buf b = BUF_INIT;
    struct errinfo ei;
    struct sd sd;

    (void)state;
    assert_ok(sd_parse(data, len, &sd, &ei), &ei);
    assert_ok(sd_to_sddl(&sd, &dom, &b, &ei), &ei);
    assert_string_equal(buf_str(&b), sample_text);
    buf_fini(&b);
    sd_fini(&sd);
}

static void each_prefix_is_refused_as_truncated(void **state)
{
    uint8_t data[256];
    size_t len = sample(data);
    struct errinfo ei;
    struct sd sd;

    (void)state;
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = malloc(n + 1);

        memcpy(exact, data, n);
        assert_int_equal(sd_parse(exact, n, &sd, &ei), ERR_TRUNCATED);
        free(exact);
    }
}

/* Nothing must break, and what is accepted must be writable and mean the same when read again. */
static void each_changed_byte_is_safe(void **state)
{
    uint8_t data[256];
    size_t len = sample(data);
    struct errinfo ei;

    (void)state;
    for (size_t i = 0; i < len * 256; i++) {
        uint8_t *changed = malloc(len);
        struct buf b = BUF_INIT;
        struct sd sd, again;

        memcpy(changed, data, len);
        changed[i / 256] = (uint8_t)i;
        if (sd_parse(changed, len, &sd, &ei) == ERR_OK) {
            assert_ok(sd_encode(&sd, &b, &ei), &ei);
            assert_ok(sd_parse(b.data, b.len, &again, &ei), &ei);
            assert_true(sd_equal_dacl(&sd, &again));
            sd_fini(&again);
            sd_fini(&sd);
        }
        buf_fini(&b);
        free(changed);
    }
}

static void an_entry_of_unknown_type_survives_and_has_no_text(void **state)
{
    /* A conditional entry (MS-DTYP 2.4.4.6), type 9, with four bytes of condition. */
    static const char hex[] = "01000480 00000000 00000000 00000000 14000000"
                              "0400 2000 01000000"
                              "0900 1800 10000000 0101000000000005 0b000000 61727478";
    uint8_t data[64];
    size_t len = test_unhex(hex, data, sizeof(data));
    struct sid users = sid_of("S-1-5-11");
    struct buf b = BUF_INIT;
    struct errinfo ei;
    struct sd sd;

    (void)state;
    assert_ok(sd_parse(data, len, &sd, &ei), &ei);
    assert_ok(sd_encode(&sd, &b, &ei), &ei);
    assert_int_equal(b.len, len);
    assert_memory_equal(b.data, data, len);
    assert_false(sd_grants_read(&sd, &users, 1));
    assert_int_equal(sd_to_sddl(&sd, &dom, &b, &ei), ERR_VERSION);
    buf_fini(&b);
    sd_fini(&sd);
}

static void an_alias_of_a_domain_needs_its_sid(void **state)
{
    struct errinfo ei;
    struct sd sd;

    (void)state;
    assert_int_equal(sd_from_sddl("O:DA", NULL, &sd, &ei), ERR_MALFORMED);
    assert_contains(ei.text, "needs the SID of its domain");
    assert_int_equal(sd_from_sddl("O:EA", &(struct sd_domain){&domain, NULL}, &sd, &ei),
                     ERR_MALFORMED);
    assert_ok(sd_from_sddl("O:AU", NULL, &sd, &ei), &ei);
    sd_fini(&sd);
}

static void aliases_of_domain_and_forest_root_are_told_apart(void **state)
{
    static const struct sid root = {.authority = 5, .n = 4, .sub = {21, 7, 8, 9}};
    struct errinfo ei;
    struct sd sd;
    char text[SID_TEXT_MAX];

    (void)state;
    assert_ok(sd_from_sddl("O:DAG:EA", &(struct sd_domain){&domain, &root}, &sd, &ei), &ei);
    assert_string_equal(sid_format(&sd.owner, text), "S-1-5-21-1-2-3-512");
    assert_string_equal(sid_format(&sd.group, text), "S-1-5-21-7-8-9-519");
    sd_fini(&sd);
}

static void blanks_as_in_the_schema_of_the_class_are_accepted(void **state)
{
    struct sd sd = from_text("D: (A;;RPLCLORC;;;AU) (A;;RP;;;SY)");

    (void)state;
    assert_int_equal(sd.dacl.n, 2);
    sd_fini(&sd);
}

static void text_that_is_not_whole_is_refused(void **state)
{
    struct errinfo ei;
    struct sd sd;
    char part[sizeof(sample_text)];

    (void)state;
    for (size_t n = strlen("O:BAG:BAD:P") + 1; n < sizeof(sample_text) - 1; n++) {
        memcpy(part, sample_text, n);
        part[n] = '\0';
        if (part[n - 1] == ')')
            continue; /* one entry less */
        assert_int_equal(sd_from_sddl(part, &dom, &sd, &ei), ERR_MALFORMED);
    }
}

static void read_access_follows_entries_and_membership(void **state)
{
    struct sid users = sid_of("S-1-5-11"), everyone = sid_of("S-1-1-0");
    static const struct {
        const char *text;
        bool read;
    } cases[] = {
        {"D:(A;;RPLCLORC;;;AU)", true},
        {"D:(A;;LCLORC;;;AU)", false},
        {"D:(A;;GR;;;AU)", true},
        {"D:(A;IO;RP;;;AU)", false},
        {"D:(A;;RP;;;SY)", false},
        {"D:(D;;RP;;;WD)(A;;RP;;;AU)", false},
        {"D:(A;;RP;;;AU)(D;;RP;;;WD)", true}, /* order decides */
        {"D:(OA;;RP;33221100-5544-7766-8899-aabbccddeeff;;AU)", false},
        {"D:", false},
        {"D:NO_ACCESS_CONTROL", true},
        {"O:SY", true}, /* no list at all */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sd sd = from_text(cases[i].text);
        struct sid token[] = {users, everyone};

        if (sd_grants_read(&sd, token, 2) != cases[i].read)
            fail_msg("%s", cases[i].text);
        sd_fini(&sd);
    }
}

static void an_entry_for_a_type_counts_for_that_type_only(void **state)
{
    struct sid user = sid_of("S-1-5-11");
    struct sd sd = from_text("D:(OA;;CC;33221100-5544-7766-8899-aabbccddeeff;;AU)");
    struct guid type = sd.dacl.aces[0].object, other = {{1}};

    (void)state;
    assert_int_equal(sd_granted(&sd, &user, 1, &type, 1), SD_CREATE_CHILD);
    assert_int_equal(sd_granted(&sd, &user, 1, &other, 1), 0);
    assert_int_equal(sd_granted(&sd, &user, 1, NULL, 0), 0);
    sd_fini(&sd);
}

static void an_owner_may_change_the_list_unless_owner_rights_say_else(void **state)
{
    struct sid user = sid_of("S-1-5-18");
    struct sd plain = from_text("O:SYD:"), limited = from_text("O:SYD:(A;;RP;;;OW)");

    (void)state;
    assert_int_equal(sd_granted(&plain, &user, 1, NULL, 0), SD_READ_CONTROL | SD_WRITE_DAC);
    assert_int_equal(sd_granted(&limited, &user, 1, NULL, 0), SD_READ_PROPERTY);
    sd_fini(&plain);
    sd_fini(&limited);
}

static void an_added_entry_takes_its_canonical_place_once(void **state)
{
    struct sd sd = from_text("D:(A;;RP;;;SY)(A;ID;RP;;;BA)"),
              more = from_text("D:(D;;WP;;;WD)(A;;RP;;;AU)");
    struct buf b = BUF_INIT;
    struct errinfo ei;

    (void)state;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < more.dacl.n; i++)
            assert_ok(sd_add_ace(&sd, &more.dacl.aces[i], &ei), &ei);
    assert_ok(sd_to_sddl(&sd, &dom, &b, &ei), &ei);
    assert_string_equal(buf_str(&b), "D:(D;;WP;;;WD)(A;;RP;;;SY)(A;;RP;;;AU)(A;ID;RP;;;BA)");
    buf_fini(&b);
    sd_fini(&sd);
    sd_fini(&more);
}

static void no_entry_is_added_where_everything_is_allowed(void **state)
{
    struct sd sd = from_text("D:NO_ACCESS_CONTROL"), more = from_text("D:(A;;RP;;;AU)");
    struct errinfo ei;

    (void)state;
    assert_int_equal(sd_add_ace(&sd, &more.dacl.aces[0], &ei), ERR_REFUSED);
    sd_fini(&sd);
    sd_fini(&more);
}

static void lists_are_compared_by_their_own_entries(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"D:(A;;RP;;;AU)(A;;WP;;;SY)", "D:(A;;WP;;;SY)(A;;RP;;;AU)(A;ID;GA;;;BA)", true},
        {"O:SYD:(A;;RP;;;AU)", "O:BAD:AI(A;;RP;;;AU)", true},
        {"D:(A;;RP;;;AU)", "D:(A;;RPLC;;;AU)", false},
        {"D:(A;;RP;;;AU)", "D:(A;ID;RP;;;AU)", false},
        {"D:(A;;RP;;;AU)", "D:(A;;RP;;;AU)(A;;RP;;;AU)", false},
        {"D:(A;;RP;;;AU)", "D:P(A;;RP;;;AU)", false},
        {"D:", "O:SY", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sd a = from_text(cases[i].a), b = from_text(cases[i].b);

        if (sd_equal_dacl(&a, &b) != cases[i].equal || sd_equal_dacl(&b, &a) != cases[i].equal)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        sd_fini(&a);
        sd_fini(&b);
    }
}

static void writers_are_counted_beyond_the_room_given(void **state)
{
    struct sd sd = from_text("O:BAD:(A;;WP;;;SY)(A;;WD;;;SY)(A;;RP;;;AU)(A;;GW;;;WD)");
    struct sd_writer w[2];

    (void)state;
    assert_int_equal(sd_writers(&sd, w, 2), 3);
    assert_int_equal(w[0].mask, SD_WRITE_DAC);
    assert_int_equal(w[1].mask, SD_WRITE_PROPERTY | SD_WRITE_DAC);
    sd_fini(&sd);
}

static void a_list_over_64_kib_is_refused(void **state)
{
    struct sd sd = from_text("D:"), more = from_text("D:(A;;RP;;;AU)");
    struct buf b = BUF_INIT;
    struct errinfo ei;

    (void)state;
    for (uint32_t i = 0; i < 4000; i++) {
        struct sd_ace ace = more.dacl.aces[0];

        ace.sid.sub[0] = i;
        assert_ok(sd_add_ace(&sd, &ace, &ei), &ei);
    }
    assert_int_equal(sd_encode(&sd, &b, &ei), ERR_LIMIT);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
    sd_fini(&sd);
    sd_fini(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_give_their_documented_meaning),
        cmocka_unit_test(text_gives_the_documented_bytes),
        cmocka_unit_test(bytes_give_the_text_back),
        cmocka_unit_test(each_prefix_is_refused_as_truncated),
        cmocka_unit_test(each_changed_byte_is_safe),
        cmocka_unit_test(an_entry_of_unknown_type_survives_and_has_no_text),
        cmocka_unit_test(an_alias_of_a_domain_needs_its_sid),
        cmocka_unit_test(aliases_of_domain_and_forest_root_are_told_apart),
        cmocka_unit_test(blanks_as_in_the_schema_of_the_class_are_accepted),
        cmocka_unit_test(text_that_is_not_whole_is_refused),
        cmocka_unit_test(read_access_follows_entries_and_membership),
        cmocka_unit_test(an_entry_for_a_type_counts_for_that_type_only),
        cmocka_unit_test(an_owner_may_change_the_list_unless_owner_rights_say_else),
        cmocka_unit_test(an_added_entry_takes_its_canonical_place_once),
        cmocka_unit_test(no_entry_is_added_where_everything_is_allowed),
        cmocka_unit_test(lists_are_compared_by_their_own_entries),
        cmocka_unit_test(writers_are_counted_beyond_the_room_given),
        cmocka_unit_test(a_list_over_64_kib_is_refused),
    };

    return cmocka_run_group_tests_name("sd", tests, NULL, NULL);
}
