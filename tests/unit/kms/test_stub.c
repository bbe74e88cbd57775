#include "kms/stub.h"

#include <stdio.h>
#include <string.h>

#include "samples.h"

/* Every stub of the tables in docs/protocol/kms.md section 2, with the message "hello" (5 bytes).
 */
struct stub_case {
    const char *what;
    bool big, ndr64;
    const char *hex;
};

static const struct stub_case requests[] = {
    {"NDR", false, false, "05000000 05000000 68656c6c6f"},
    {"NDR, big-endian", true, false, "00000005 00000005 68656c6c6f"},
    {"NDR64", false, true, "05000000 00000000 0500000000000000 68656c6c6f"},
    {"NDR64, big-endian", true, true, "00000005 00000000 0000000000000005 68656c6c6f"},
};

static const struct stub_case answers[] = {
    {"NDR", false, false, "05000000 00000200 05000000 68656c6c6f 000000 78563412"},
    {"NDR, big-endian", true, false, "00000005 00020000 00000005 68656c6c6f 000000 12345678"},
    {"NDR64", false, true,
     "05000000 00000000 0000020000000000 0500000000000000 68656c6c6f 000000 78563412"},
    {"NDR64, big-endian", true, true,
     "00000005 00000000 0000000000020000 0000000000000005 68656c6c6f 000000 12345678"},
};

static const struct stub_case refusals[] = {
    {"NDR", false, false, "00000000 00000000 42f004c0"},
    {"NDR, big-endian", true, false, "00000000 00000000 c004f042"},
    {"NDR64", false, true, "00000000 00000000 0000000000000000 42f004c0"},
    {"NDR64, big-endian", true, true, "00000000 00000000 0000000000000000 c004f042"},
};

#define CASES 4

static void the_interface_is_the_documented_one(void **state)
{
    char text[GUID_TEXT_MAX];

    (void)state;
    assert_string_equal(guid_format(&kms_interface_uuid, text),
                        "51c82175-844e-4750-b0d8-ec255555bc06");
}

static void requests_are_read_in_both_syntaxes_and_byte_orders(void **state)
{
    uint8_t stub[64];

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        size_t len = test_unhex(requests[i].hex, stub, sizeof(stub)), n = 0;
        const uint8_t *data = NULL;

        assert_int_equal(
            kms_stub_read_request(stub, len, requests[i].big, requests[i].ndr64, &data, &n),
            ERR_OK);
        assert_int_equal(n, 5);
        assert_memory_equal(data, "hello", 5);
    }
}

static void answers_are_read_in_both_syntaxes_and_byte_orders(void **state)
{
    uint8_t stub[64];

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        size_t len = test_unhex(answers[i].hex, stub, sizeof(stub)), n = 0;
        const uint8_t *data = NULL;
        uint32_t hresult = 0;

        assert_int_equal(kms_stub_read_response(stub, len, answers[i].big, answers[i].ndr64, &data,
                                                &n, &hresult),
                         ERR_OK);
        assert_int_equal(n, 5);
        assert_memory_equal(data, "hello", 5);
        assert_int_equal(hresult, 0x12345678);
    }
}

static void refusals_are_read_in_both_syntaxes_and_byte_orders(void **state)
{
    uint8_t stub[64];

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        size_t len = test_unhex(refusals[i].hex, stub, sizeof(stub)), n = 9;
        const uint8_t *data = stub;
        uint32_t hresult = 0;

        assert_int_equal(kms_stub_read_response(stub, len, refusals[i].big, refusals[i].ndr64,
                                                &data, &n, &hresult),
                         ERR_OK);
        assert_int_equal(n, 0);
        assert_null(data);
        assert_int_equal(hresult, 0xc004f042);
    }
}

/* A pointer may lead to an array without elements (C706 14.3.3.2). */
static void an_empty_array_is_no_message(void **state)
{
    static const char *const hex[] = {
        "00000000 00000200 00000000 42f004c0",
        "00000000 00000000 0000020000000000 0000000000000000 42f004c0"};
    uint8_t stub[64];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t len = test_unhex(hex[i], stub, sizeof(stub)), n = 9;
        const uint8_t *data = stub;
        uint32_t hresult = 0;

        assert_int_equal(kms_stub_read_response(stub, len, false, i == 1, &data, &n, &hresult),
                         ERR_OK);
        assert_int_equal(n, 0);
        assert_null(data);
        assert_int_equal(hresult, 0xc004f042);
    }
}

static void assert_written(const struct buf *out, const char *hex)
{
    uint8_t want[64];

    assert_int_equal(out->len, test_unhex(hex, want, sizeof(want)));
    assert_memory_equal(out->data, want, out->len);
}

static void stubs_are_written_little_endian_in_both_syntaxes(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct buf out = BUF_INIT;

        if (requests[i].big)
            continue;
        kms_stub_write_request("hello", 5, requests[i].ndr64, &out);
        assert_written(&out, requests[i].hex);
        buf_clear(&out);
        kms_stub_write_response("hello", 5, 0x12345678, requests[i].ndr64, &out);
        assert_written(&out, answers[i].hex);
        buf_clear(&out);
        kms_stub_write_response(NULL, 0, 0xc004f042, requests[i].ndr64, &out);
        assert_written(&out, refusals[i].hex);
        buf_fini(&out);
    }
}

static enum err read_any(const struct stub_case *c, bool request, const uint8_t *stub, size_t len)
{
    const uint8_t *data;
    size_t n;
    uint32_t hresult;

    return request ? kms_stub_read_request(stub, len, c->big, c->ndr64, &data, &n)
                   : kms_stub_read_response(stub, len, c->big, c->ndr64, &data, &n, &hresult);
}

static void every_prefix_of_a_stub_is_truncated(void **state)
{
    static const struct stub_case *const all[] = {requests, answers, refusals};
    uint8_t stub[64];

    (void)state;
    for (size_t i = 0; i < 3 * CASES; i++) {
        const struct stub_case *c = &all[i / CASES][i % CASES];
        size_t len = test_unhex(c->hex, stub, sizeof(stub));

        for (size_t n = 0; n < len; n++)
            assert_int_equal(read_any(c, i < CASES, stub, n), ERR_TRUNCATED);
    }
}

static void up_to_7_bytes_may_follow_and_no_more(void **state)
{
    uint8_t stub[64] = {0};
    size_t len;

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        len = test_unhex(requests[i].hex, stub, sizeof(stub));
        assert_int_equal(read_any(&requests[i], true, stub, len + 7), ERR_OK);
        assert_int_equal(read_any(&requests[i], true, stub, len + 8), ERR_MALFORMED);
        len = test_unhex(answers[i].hex, stub, sizeof(stub));
        assert_int_equal(read_any(&answers[i], false, stub, len + 7), ERR_OK);
        assert_int_equal(read_any(&answers[i], false, stub, len + 8), ERR_MALFORMED);
    }
}

static const struct {
    const char *what;
    bool request;
    const char *hex; /* NDR, little-endian */
    enum err want;
} contradictions[] = {
    {"request_size smaller than size_is", true, "04000000 05000000 68656c6c6f", ERR_MALFORMED},
    {"request_size larger than size_is", true, "06000000 05000000 68656c6c6f", ERR_MALFORMED},
    {"both larger than the stub", true, "06000000 06000000 68656c6c6f", ERR_TRUNCATED},
    {"2^31", true, "00000080 00000080 68656c6c6f", ERR_TRUNCATED},
    {"2^32 - 1", true, "ffffffff ffffffff 68656c6c6f", ERR_TRUNCATED},
    {"size 0 with an array of 0", true, "00000000 00000000", ERR_OK},
    {"size 0 with an array of 5", true, "00000000 05000000 68656c6c6f", ERR_MALFORMED},
    {"a size without a pointer", false, "05000000 00000000 00000000", ERR_MALFORMED},
    {"size 0 and an array of 0", false, "00000000 00000200 00000000 42f004c0", ERR_OK},
    {"size 0 and an array of 5", false, "00000000 00000200 05000000 68656c6c6f 000000 00000000",
     ERR_MALFORMED},
    {"response_size unlike size_is", false, "04000000 00000200 05000000 68656c6c6f 000000 00000000",
     ERR_MALFORMED},
};

static void lengths_that_contradict_each_other_are_refused(void **state)
{
    static const struct stub_case ndr = {"NDR", false, false, ""};
    uint8_t stub[64];

    (void)state;
    for (size_t i = 0; i < sizeof(contradictions) / sizeof(contradictions[0]); i++) {
        size_t len = test_unhex(contradictions[i].hex, stub, sizeof(stub));

        if (read_any(&ndr, contradictions[i].request, stub, len) != contradictions[i].want)
            fail_msg("%s", contradictions[i].what);
    }
}

/* 2^32 + 5: the lower half agrees. */
static void an_ndr64_count_is_read_whole(void **state)
{
    static const struct stub_case ndr64 = {"NDR64", false, true, ""};
    uint8_t stub[64];
    size_t len = test_unhex("05000000 00000000 0500000001000000 68656c6c6f", stub, sizeof(stub));

    (void)state;
    assert_int_equal(read_any(&ndr64, true, stub, len), ERR_MALFORMED);
}

static void every_changed_byte_of_a_stub_is_safe(void **state)
{
    static const struct stub_case *const all[] = {requests, answers, refusals};
    uint8_t stub[64];

    (void)state;
    for (size_t i = 0; i < 3 * CASES; i++) {
        const struct stub_case *c = &all[i / CASES][i % CASES];
        size_t len = test_unhex(c->hex, stub, sizeof(stub));

        for (size_t j = 0; j < 256 * len; j++) {
            uint8_t was = stub[j / 256];

            stub[j / 256] = (uint8_t)j;
            (void)!read_any(c, i < CASES, stub, len);
            stub[j / 256] = was;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interface_is_the_documented_one),
        cmocka_unit_test(requests_are_read_in_both_syntaxes_and_byte_orders),
        cmocka_unit_test(answers_are_read_in_both_syntaxes_and_byte_orders),
        cmocka_unit_test(refusals_are_read_in_both_syntaxes_and_byte_orders),
        cmocka_unit_test(an_empty_array_is_no_message),
        cmocka_unit_test(stubs_are_written_little_endian_in_both_syntaxes),
        cmocka_unit_test(every_prefix_of_a_stub_is_truncated),
        cmocka_unit_test(up_to_7_bytes_may_follow_and_no_more),
        cmocka_unit_test(lengths_that_contradict_each_other_are_refused),
        cmocka_unit_test(an_ndr64_count_is_read_whole),
        cmocka_unit_test(every_changed_byte_of_a_stub_is_safe),
    };

    return cmocka_run_group_tests_name("kms_stub", tests, NULL, NULL);
}
