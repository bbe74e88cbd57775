#include <string.h>

#include "kms/message.h"
#include "samples.h"

/* sample_request(6), laid out by hand after docs/protocol/kms.md section 3.1. */
static const char request_hex[] =
    "0000 0600  01000000 02000000 c0a80000"
    "101112131415161718191a1b1c1d1e1f 202122232425262728292a2b2c2d2e2f"
    "303132333435363738393a3b3c3d3e3f 404142434445464748494a4b4c4d4e4f"
    "19000000  00a0f6ff787add01  505152535455565758595a5b5c5d5e5f"
    "77 00 73 00 2d 00 30 00 30 00 30 00 31 00 2e 00 6c 00 61 00 62 00 2e 00 65 00 78 00 61 00 6d "
    "00"
    "70 00 6c 00 65 00";

static size_t request_bytes(uint8_t out[KMS_REQUEST_BODY])
{
    memset(out, 0, KMS_REQUEST_BODY);
    test_unhex(request_hex, out, KMS_REQUEST_BODY);
    return KMS_REQUEST_BODY;
}

/* sample_response(5, "55041-LAB"), after section 3.2; L = 20. */
static const char response_hex[] = "0000 0500  14000000"
                                   "3500 3500 3000 3400 3100 2d00 4c00 4100 4200 0000"
                                   "404142434445464748494a4b4c4d4e4f  00a0f6ff787add01"
                                   "07000000 78000000 60270000";

static void a_request_has_the_documented_layout(void **state)
{
    struct kms_request m = sample_request(6);
    struct buf out = BUF_INIT;
    uint8_t want[KMS_REQUEST_BODY];

    (void)state;
    kms_request_encode(&m, &out);
    assert_int_equal(out.len, request_bytes(want));
    assert_memory_equal(out.data, want, sizeof(want));
    buf_fini(&out);
}

static void a_request_decodes_to_its_fields(void **state)
{
    struct kms_request want = sample_request(6), got;
    uint8_t bytes[KMS_REQUEST_BODY];

    (void)state;
    assert_int_equal(kms_request_decode(bytes, request_bytes(bytes), &got), ERR_OK);
    assert_memory_equal(&got.version, &want.version, sizeof(got.version));
    assert_int_equal(got.is_virtual, 1);
    assert_int_equal(got.licence_status, 2);
    assert_int_equal(got.minutes_left, 43200);
    assert_true(guid_equal(&got.application_id, &want.application_id));
    assert_true(guid_equal(&got.activation_id, &want.activation_id));
    assert_true(guid_equal(&got.kms_id, &want.kms_id));
    assert_true(guid_equal(&got.client_id, &want.client_id));
    assert_int_equal(got.required_count, 25);
    assert_true(got.client_time == SAMPLE_FILETIME);
    assert_true(guid_equal(&got.previous_client_id, &want.previous_client_id));
    assert_memory_equal(got.workstation, want.workstation, sizeof(got.workstation));
}

static void a_response_has_the_documented_layout(void **state)
{
    struct kms_response m = sample_response(5, "55041-LAB");
    struct buf out = BUF_INIT;
    uint8_t want[128];
    size_t n = test_unhex(response_hex, want, sizeof(want));

    (void)state;
    assert_int_equal(n, 44 + 20);
    kms_response_encode(&m, &out);
    assert_int_equal(out.len, n);
    assert_memory_equal(out.data, want, n);
    buf_fini(&out);
}

static void a_response_decodes_to_its_fields(void **state)
{
    struct kms_response want = sample_response(5, "55041-LAB"), got;
    uint8_t bytes[128];
    size_t n = test_unhex(response_hex, bytes, sizeof(bytes));

    (void)state;
    assert_int_equal(kms_response_decode(bytes, n, &got), ERR_OK);
    assert_memory_equal(got.epid, want.epid, sizeof(got.epid));
    assert_true(guid_equal(&got.client_id, &want.client_id));
    assert_true(got.client_time == SAMPLE_FILETIME);
    assert_int_equal(got.count, 7);
    assert_int_equal(got.activation_interval, 120);
    assert_int_equal(got.renewal_interval, 10080);
}

static void the_shortest_and_the_longest_epid_round_trip(void **state)
{
    char longest[KMS_EPID_UNITS];
    const char *const epids[] = {"", longest};
    const size_t sizes[] = {KMS_RESPONSE_BODY_MIN, KMS_RESPONSE_BODY_MAX};

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    for (size_t i = 0; i < 2; i++) {
        struct kms_response m = sample_response(4, epids[i]), got;
        struct buf out = BUF_INIT;

        kms_response_encode(&m, &out);
        assert_int_equal(out.len, sizes[i]);
        assert_int_equal(kms_response_decode(out.data, out.len, &got), ERR_OK);
        assert_memory_equal(got.epid, m.epid, sizeof(m.epid));
        buf_fini(&out);
    }
}

static void every_prefix_is_truncated_and_one_byte_more_is_malformed(void **state)
{
    uint8_t bytes[KMS_REQUEST_BODY + 1] = {0};
    struct kms_request request;
    struct kms_response response;
    size_t n = request_bytes(bytes);

    (void)state;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(kms_request_decode(bytes, i, &request), ERR_TRUNCATED);
    assert_int_equal(kms_request_decode(bytes, n + 1, &request), ERR_MALFORMED);
    n = test_unhex(response_hex, bytes, sizeof(bytes));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(kms_response_decode(bytes, i, &response), ERR_TRUNCATED);
    assert_int_equal(kms_response_decode(bytes, n + 1, &response), ERR_MALFORMED);
}

/* One 32-bit little-endian value, or one byte, put at an offset of a good body. */
static const struct {
    const char *what;
    size_t offset;
    uint8_t bytes[4];
    enum err want;
} request_changes[] =
    {
        {"minor version 1", 0, {1, 0, 6, 0}, ERR_VERSION},
        {"major version 3", 0, {0, 0, 3, 0}, ERR_VERSION},
        {"major version 7", 0, {0, 0, 7, 0}, ERR_VERSION},
        {"is_virtual 0", 4, {0, 0, 0, 0}, ERR_OK},
        {"is_virtual 2", 4, {2, 0, 0, 0}, ERR_MALFORMED},
        {"is_virtual 0x01000000", 4, {0, 0, 0, 1}, ERR_MALFORMED},
        {"status 6", 8, {6, 0, 0, 0}, ERR_OK},
        {"status 7", 8, {7, 0, 0, 0}, ERR_MALFORMED},
        {"N-policy 0xffffffff, which is not judged here", 80, {255, 255, 255, 255}, ERR_OK},
        {"workstation without an end", 232, {'x', 0, 'x', 0}, ERR_MALFORMED},
        {"workstation of 63 units", 232, {'x', 0, 0, 0}, ERR_OK},
},
  response_changes[] = {
      {"major version 3", 0, {0, 0, 3, 0}, ERR_VERSION},
      {"ePID length 0", 4, {0, 0, 0, 0}, ERR_MALFORMED},
      {"ePID length odd", 4, {19, 0, 0, 0}, ERR_MALFORMED},
      {"ePID shorter than its text", 4, {18, 0, 0, 0}, ERR_MALFORMED},
      {"ePID longer than its text", 4, {22, 0, 0, 0}, ERR_MALFORMED},
      {"ePID of 130 bytes", 4, {130, 0, 0, 0}, ERR_MALFORMED},
      {"ePID of 4 GiB", 4, {254, 255, 255, 255}, ERR_MALFORMED},
      {"a NUL inside the ePID", 12, {0, 0, '4', 0}, ERR_MALFORMED},
      {"ePID without an end", 24, {'B', 0, 'x', 0}, ERR_MALFORMED},
      {"activation interval 14", 56, {14, 0, 0, 0}, ERR_MALFORMED},
      {"activation interval 15", 56, {15, 0, 0, 0}, ERR_OK},
      {"renewal interval 43200", 60, {0xc0, 0xa8, 0, 0}, ERR_OK},
      {"renewal interval 43201", 60, {0xc1, 0xa8, 0, 0}, ERR_MALFORMED},
};

static void values_that_are_not_allowed_are_refused(void **state)
{
    uint8_t bytes[KMS_REQUEST_BODY];
    struct kms_request request;
    struct kms_response response;

    (void)state;
    for (size_t i = 0; i < sizeof(request_changes) / sizeof(request_changes[0]); i++) {
        size_t n = request_bytes(bytes);

        memcpy(bytes + request_changes[i].offset, request_changes[i].bytes, 4);
        if (kms_request_decode(bytes, n, &request) != request_changes[i].want)
            fail_msg("request: %s", request_changes[i].what);
    }
    for (size_t i = 0; i < sizeof(response_changes) / sizeof(response_changes[0]); i++) {
        size_t n = test_unhex(response_hex, bytes, sizeof(bytes));

        memcpy(bytes + response_changes[i].offset, response_changes[i].bytes, 4);
        if (kms_response_decode(bytes, n, &response) != response_changes[i].want)
            fail_msg("response: %s", response_changes[i].what);
    }
}

/* What decodes encodes to the same bytes again; everything else is refused. */
static void every_changed_byte_is_safe(void **state)
{
    uint8_t bytes[KMS_REQUEST_BODY];
    size_t n = request_bytes(bytes);

    (void)state;
    for (size_t i = 0; i < 256 * n; i++) {
        uint8_t was = bytes[i / 256];
        struct kms_request m;
        struct buf out = BUF_INIT;

        bytes[i / 256] = (uint8_t)i;
        if (kms_request_decode(bytes, n, &m) == ERR_OK) {
            kms_request_encode(&m, &out);
            assert_memory_equal(out.data, bytes, n);
        }
        buf_fini(&out);
        bytes[i / 256] = was;
    }
}

static void every_changed_byte_of_a_response_is_safe(void **state)
{
    uint8_t bytes[128];
    size_t n = test_unhex(response_hex, bytes, sizeof(bytes));

    (void)state;
    for (size_t i = 0; i < 256 * n; i++) {
        uint8_t was = bytes[i / 256];
        struct kms_response m;
        struct buf out = BUF_INIT;

        bytes[i / 256] = (uint8_t)i;
        if (kms_response_decode(bytes, n, &m) == ERR_OK) {
            kms_response_encode(&m, &out);
            assert_int_equal(out.len, n);
            assert_memory_equal(out.data, bytes, n);
        }
        buf_fini(&out);
        bytes[i / 256] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_the_documented_layout),
        cmocka_unit_test(a_request_decodes_to_its_fields),
        cmocka_unit_test(a_response_has_the_documented_layout),
        cmocka_unit_test(a_response_decodes_to_its_fields),
        cmocka_unit_test(the_shortest_and_the_longest_epid_round_trip),
        cmocka_unit_test(every_prefix_is_truncated_and_one_byte_more_is_malformed),
        cmocka_unit_test(values_that_are_not_allowed_are_refused),
        cmocka_unit_test(every_changed_byte_is_safe),
        cmocka_unit_test(every_changed_byte_of_a_response_is_safe),
    };

    return cmocka_run_group_tests_name("kms_message", tests, NULL, NULL);
}
