/* What adbactl kms makes of rows of the ledger. */
#include "support.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/kms.h"
#include "cli/kms_event.h"

/* The example of the Volume Activation 2.0 Operations Guide, event 12290. */
static struct store_activation of_the_guide(void)
{
    struct store_activation a = {
        .id = 17,
        .when = 1700000000,
        .required_count = 25,
        .client_when = 1137278160, /* 2006-01-14T22:36:00Z */
        .is_virtual = true,
        .licence_status = 2,
        .minutes_left = 40123,
        .count = 4,
        .peer = "192.0.2.7:40000",
        .workstation = "kms03.site5.contoso.com",
    };

    assert_true(guid_parse("e5c98033-aab6-4d0b-9af9-1d399597dd56", &a.client_id));
    assert_true(guid_parse("cf67834d-db4a-402c-ab1f-2c134f02b700", &a.activation_id));
    return a;
}

static void the_insertion_string_is_the_documented_one(void **state)
{
    struct store_activation a = of_the_guide();
    const struct kms_event e = {.of.answered = &a};
    char text[KMS_EVENT_INFO_MAX];

    (void)state;
    assert_string_equal(kms_event_info(&e, text),
                        "0x0,25,kms03.site5.contoso.com,e5c98033-aab6-4d0b-9af9-1d399597dd56,"
                        "2006/1/14 22:36,1,2,40123,cf67834d-db4a-402c-ab1f-2c134f02b700");
}

static void a_client_time_that_was_not_recorded_is_left_empty(void **state)
{
    struct store_activation a = of_the_guide();
    const struct kms_event e = {.of.answered = &a};
    json_t *j;
    char text[KMS_EVENT_INFO_MAX];

    (void)state;
    a.client_when = 0;
    assert_contains(kms_event_info(&e, text), "1d399597dd56,,1,");
    j = kms_event_json(&e);
    assert_true(json_is_null(json_object_get(j, "client_time")));
    json_decref(j);
}

static void who_a_member_proved_to_be_is_told(void **state)
{
    struct store_activation a = of_the_guide();
    const struct kms_event e = {.of.answered = &a};
    char text[1000];
    json_t *j;

    (void)state;
    a.channel = STORE_ADBA;
    j = kms_event_json(&e);
    assert_true(json_is_null(json_object_get(j, "principal")));
    assert_true(json_is_null(json_object_get(j, "sid")));
    json_decref(j);
    assert_contains(kms_event_message(&e, text, sizeof(text)), "channel adba)");
    snprintf(a.principal, sizeof(a.principal), "KMS03$@SITE5.CONTOSO.COM");
    snprintf(a.sid, sizeof(a.sid), "S-1-5-21-1-2-3-1104");
    j = kms_event_json(&e);
    assert_string_equal(json_string_value(json_object_get(j, "principal")), a.principal);
    assert_string_equal(json_string_value(json_object_get(j, "sid")), a.sid);
    json_decref(j);
    assert_contains(kms_event_message(&e, text, sizeof(text)),
                    "channel adba, proven to be KMS03$@SITE5.CONTOSO.COM, S-1-5-21-1-2-3-1104)");
}

static void a_name_of_any_length_fits(void **state)
{
    struct store_activation a = of_the_guide();
    const struct kms_event e = {.of.answered = &a};
    char text[KMS_EVENT_INFO_MAX];

    (void)state;
    memset(a.workstation, 'x', sizeof(a.workstation) - 1);
    kms_event_info(&e, text);
    assert_string_equal(text + strlen(text) - 12, "2c134f02b700");
}

static void refusals_tell_their_number_and_reason(void **state)
{
    const struct store_refusal r = {.when = 1700000040,
                                    .source = "192.0.2.9",
                                    .reason = "not-served",
                                    .hresult = 0xc004f042,
                                    .times = 12};
    const struct kms_event e = {.of.refusals = &r};
    char info[KMS_EVENT_INFO_MAX], message[300];
    json_t *j = kms_event_json(&e);

    (void)state;
    assert_string_equal(kms_event_info(&e, info), "0xC004F042,,,,,,,,");
    kms_event_message(&e, message, sizeof(message));
    assert_contains(message, "12 requests from 192.0.2.9");
    assert_contains(message, "not-served");
    assert_int_equal(json_integer_value(json_object_get(j, "times")), 12);
    assert_string_equal(json_string_value(json_object_get(j, "hresult")), "0xC004F042");
    json_decref(j);
}

/* The guide: the event is written for refused requests too, with the same fields. */
static void a_refused_request_tells_what_its_client_said(void **state)
{
    struct store_refused r = {
        .request = of_the_guide(), .reason = "not-activated", .hresult = 0xc004f041};
    const struct kms_event e = {.of.refused = &r};
    char info[KMS_EVENT_INFO_MAX], message[300];
    json_t *j = kms_event_json(&e);

    (void)state;
    assert_string_equal(kms_event_info(&e, info),
                        "0xC004F041,25,kms03.site5.contoso.com,e5c98033-aab6-4d0b-9af9-1d399597dd56"
                        ",2006/1/14 22:36,1,2,40123,cf67834d-db4a-402c-ab1f-2c134f02b700");
    assert_contains(kms_event_message(&e, message, sizeof(message)), "reason not-activated");
    assert_string_equal(json_string_value(json_object_get(j, "hresult")), "0xC004F041");
    assert_int_equal(json_integer_value(json_object_get(j, "times")), 1);
    assert_int_equal(json_integer_value(json_object_get(j, "refused_record")), 17);
    assert_null(json_object_get(j, "count"));
    json_decref(j);
}

static void an_event_of_the_host_has_a_code_and_a_cause(void **state)
{
    const struct store_host_event h = {
        .when = 1700000000, .event_id = 12291, .hresult = 0x80072740, .text = "no room to listen"};
    const struct kms_event e = {.of.host = &h};
    char info[KMS_EVENT_INFO_MAX], message[300];
    json_t *j = kms_event_json(&e);

    (void)state;
    assert_string_equal(kms_event_info(&e, info), "0x80072740");
    assert_contains(kms_event_message(&e, message, sizeof(message)), "no room to listen");
    assert_int_equal(json_integer_value(json_object_get(j, "event_id")), 12291);
    json_decref(j);
}

/* The fields of data/event_ids.csv: HRESULT and domain, or domain. */
static void an_event_of_publishing_names_the_domain(void **state)
{
    const struct store_host_event hosts[] = {
        {.event_id = 12293, .hresult = 0x80072338, .text = "lab.example: refused"},
        {.event_id = 12294, .text = "lab.example"}};
    static const char *const infos[] = {"0x80072338,lab.example", "lab.example"};
    static const char *const messages[] = {"was not published in lab.example: refused",
                                           "was published in lab.example"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct kms_event e = {.of.host = &hosts[i]};
        char info[KMS_EVENT_INFO_MAX], message[300];

        assert_string_equal(kms_event_info(&e, info), infos[i]);
        assert_contains(kms_event_message(&e, message, sizeof(message)), messages[i]);
    }
}

static void a_product_has_a_name_or_its_id(void **state)
{
    const struct cat_product p = {.product = "Windows 11", .edition = "Pro"};
    struct store_activation a = of_the_guide();
    char text[KMS_NAME_MAX];

    (void)state;
    assert_string_equal(kms_product_name(&p, &a.activation_id, text), "Windows 11 Pro");
    assert_string_equal(kms_product_name(NULL, &a.activation_id, text),
                        "cf67834d-db4a-402c-ab1f-2c134f02b700");
    assert_string_equal(kms_status_name(7), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_insertion_string_is_the_documented_one),
        cmocka_unit_test(a_client_time_that_was_not_recorded_is_left_empty),
        cmocka_unit_test(who_a_member_proved_to_be_is_told),
        cmocka_unit_test(a_name_of_any_length_fits),
        cmocka_unit_test(refusals_tell_their_number_and_reason),
        cmocka_unit_test(a_refused_request_tells_what_its_client_said),
        cmocka_unit_test(an_event_of_the_host_has_a_code_and_a_cause),
        cmocka_unit_test(an_event_of_publishing_names_the_domain),
        cmocka_unit_test(a_product_has_a_name_or_its_id),
    };

    return cmocka_run_group_tests_name("cli_kms", tests, NULL, NULL);
}
