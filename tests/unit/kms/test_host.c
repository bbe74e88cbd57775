#include "kms/host.h"

#include <string.h>

#include "base/filetime.h"
#include "samples.h"

#define SERVER_GROUP "Volume License for Windows Server 2022"
#define EPID         "55041-LAB-0001"

/* A host with one activated server key, and a machine that asks it. */
struct lab {
    struct rng_seeded seeded;
    struct rng rng;
    struct realm_keys keys;
    struct kms_protector *own, *foreign; /* of the host's realm, and of another */
    struct kms_protector *client;        /* the one that seals the requests */
    struct catalog *catalog;
    struct kms_host *host;
    int64_t now;
    struct kms_request ask; /* what the next call of decide sends */
    struct buf request;
    struct kms_exchange exchange;
    struct kms_decision decision;
};

static void install(struct lab *l, const char *group, bool activated)
{
    const struct cat_group *g = catalog_group(l->catalog, group);

    assert_non_null(g);
    assert_int_equal(kms_host_set_groups(l->host, &g, &activated, 1), ERR_OK);
}

static struct kms_host *new_host(struct lab *l)
{
    struct kms_host_conf conf = {
        .keys = &l->keys,
        .catalog = l->catalog,
        .rng = l->rng,
        .activation_interval = 120,
        .renewal_interval = 10080,
        .epid = EPID,
    };

    return kms_host_new(&conf);
}

static struct kms_request ask_for(struct lab *l, const char *name, const char *edition)
{
    const struct cat_product *p = catalog_product(l->catalog, name, edition);
    struct kms_request m = sample_request(6);

    assert_non_null(p);
    m.version.major = (uint16_t)p->protocol;
    m.application_id = p->application_id;
    m.activation_id = p->activation_id;
    m.kms_id = p->kms_id;
    m.required_count = p->required_count;
    return m;
}

static int make_lab(void **state)
{
    static struct lab l;
    struct errinfo ei = {0};

    l = (struct lab){.now = SAMPLE_NOW};
    l.rng = test_rng(&l.seeded);
    l.keys = sample_keys(1);
    l.own = l.client = sample_protector(1, l.rng);
    l.foreign = sample_protector(2, l.rng);
    assert_ok(catalog_load(&l.catalog, &ei), &ei);
    l.host = new_host(&l);
    install(&l, SERVER_GROUP, true);
    l.ask = ask_for(&l, "Windows 11", "Enterprise");
    *state = &l;
    return 0;
}

static int drop_lab(void **state)
{
    struct lab *l = *state;

    buf_fini(&l->request);
    buf_fini(&l->decision.response);
    kms_protector_free(l->own);
    kms_protector_free(l->foreign);
    kms_host_free(l->host);
    catalog_free(l->catalog);
    return 0;
}

static enum kms_reason decide_bytes(struct lab *l)
{
    buf_fini(&l->decision.response);
    kms_host_decide(l->host, l->request.data, l->request.len, l->now, &l->decision);
    assert_int_equal(l->decision.response.len > 0, l->decision.reason == KMS_ANSWERED);
    return l->decision.reason;
}

static void seal_ask(struct lab *l)
{
    struct errinfo ei = {0};

    buf_clear(&l->request);
    assert_ok(kms_seal_request(l->client, &l->ask, &l->request, &l->exchange, &ei), &ei);
}

static enum kms_reason decide(struct lab *l)
{
    seal_ask(l);
    return decide_bytes(l);
}

/* Lets n more machines ask, each answered. */
static void ask_from(struct lab *l, uint8_t first, uint8_t n)
{
    for (uint8_t i = 0; i < n; i++) {
        l->ask.client_id = sample_guid((uint8_t)(first + i));
        assert_int_equal(decide(l), KMS_ANSWERED);
    }
}

static uint32_t counted(const struct lab *l)
{
    return kms_host_count(l->host, &cat_app_windows, l->now);
}

static void an_answer_tells_count_intervals_and_host(void **state)
{
    struct lab *l = *state;
    struct kms_response answer;
    char epid[KMS_EPID_UNITS];
    struct errinfo ei = {0};

    assert_int_equal(decide(l), KMS_ANSWERED);
    assert_int_equal(l->decision.hresult, 0);
    assert_ok(kms_open_response(l->client, &l->exchange, l->decision.response.data,
                                l->decision.response.len, &answer, &ei),
              &ei);
    kms_text_get(answer.epid, KMS_EPID_UNITS, epid, sizeof(epid));
    assert_string_equal(epid, EPID);
    assert_true(guid_equal(&answer.client_id, &l->ask.client_id));
    assert_true(answer.client_time == l->ask.client_time);
    assert_int_equal(answer.count, 1);
    assert_int_equal(l->decision.count, 1);
    assert_int_equal(answer.activation_interval, 120);
    assert_int_equal(answer.renewal_interval, 10080);
}

static void every_generation_is_answered_in_its_own(void **state)
{
    struct lab *l = *state;

    for (uint16_t major = 4; major <= 6; major++) {
        struct kms_response answer;

        l->ask.version.major = major;
        assert_int_equal(decide(l), KMS_ANSWERED);
        assert_int_equal(kms_open_response(l->client, &l->exchange, l->decision.response.data,
                                           l->decision.response.len, &answer, NULL),
                         ERR_OK);
        assert_int_equal(answer.version.major, major);
    }
    assert_int_equal(counted(l), 1);
}

/* The host answers whatever the count: client 1 and client 30 alike. */
static void the_host_answers_below_and_above_any_threshold(void **state)
{
    struct lab *l = *state;

    ask_from(l, 1, 30);
    assert_int_equal(l->decision.count, 30);
}

/* The steps of a threaded host: what is opened is not counted, and an answer tells the count that
 * it was given. */
static void opening_counts_nobody_and_sealing_tells_the_count_given(void **state)
{
    struct lab *l = *state;
    struct kms_decision *d = &l->decision;
    struct kms_response answer;
    uint32_t count = 0;

    ask_from(l, 1, 4);
    l->ask.client_id = sample_guid(9);
    seal_ask(l);
    buf_fini(&d->response);
    kms_host_open(l->host, l->own, l->request.data, l->request.len, l->now, d);
    assert_int_equal(d->reason, KMS_ANSWERED);
    assert_int_equal(d->response.len, 0);
    assert_int_equal(counted(l), 4);
    assert_int_equal(kms_host_touch(l->host, &d->request.application_id, &d->request.client_id,
                                    d->request.required_count, l->now, &count),
                     ERR_OK);
    assert_int_equal(count, 5);
    assert_int_equal(counted(l), 5);
    assert_int_equal(kms_host_seal(l->host, l->own, &d->opened, 17, &d->response), ERR_OK);
    assert_int_equal(
        kms_open_response(l->own, &l->exchange, d->response.data, d->response.len, &answer, NULL),
        ERR_OK);
    assert_int_equal(answer.count, 17);
    assert_true(guid_equal(&answer.client_id, &l->ask.client_id));
    assert_true(answer.client_time == l->ask.client_time);
}

static void the_product_is_named_by_the_activation_id(void **state)
{
    struct lab *l = *state;

    assert_int_equal(decide(l), KMS_ANSWERED);
    assert_non_null(l->decision.product);
    assert_string_equal(l->decision.product->product, "Windows 11");
    assert_string_equal(l->decision.product->edition, "Enterprise");
}

static void an_unknown_activation_id_with_a_served_kms_id_is_answered(void **state)
{
    struct lab *l = *state;

    l->ask.activation_id = sample_guid(0x99);
    assert_int_equal(decide(l), KMS_ANSWERED);
    assert_null(l->decision.product);
    assert_int_equal(l->decision.count, 1);
}

static const struct cat_group *first_group(const struct catalog *c, enum cat_family family)
{
    const struct cat_group *all;
    size_t n = catalog_groups(c, &all);

    for (size_t i = 0; i < n; i++) {
        if (all[i].family == family)
            return &all[i];
    }
    return NULL;
}

static void servers_and_clients_count_together_and_office_apart(void **state)
{
    struct lab *l = *state;
    const struct cat_group *groups[] = {
        catalog_group(l->catalog, SERVER_GROUP),
        first_group(l->catalog, CAT_OFFICE),
    };
    const bool activated[] = {true, true};

    assert_non_null(groups[1]);
    assert_int_equal(kms_host_set_groups(l->host, groups, activated, 2), ERR_OK);
    l->ask = ask_for(l, "Windows Server 2022", "Standard");
    ask_from(l, 1, 3);
    l->ask = ask_for(l, "Windows 11", "Enterprise");
    ask_from(l, 4, 1);
    assert_int_equal(l->decision.count, 4);
    l->ask.application_id = cat_app_office;
    l->ask.kms_id = groups[1]->kms_ids[0];
    ask_from(l, 5, 1);
    assert_int_equal(l->decision.count, 1);
}

/* One row for each check: what is changed in a good request, and what comes of it. */
enum change {
    NO_CHANGE,
    MAJOR_VERSION_3,
    MINOR_VERSION_1,
    EMPTY,
    THREE_BYTES,
    ONE_BYTE_LESS,
    ONE_BYTE_MORE,
    OTHER_REALM,
    IS_VIRTUAL_2,
    REFUSING,
    NPOLICY_1000,
    NPOLICY_1001,
    EARLY_4_HOURS,
    LATE_4_HOURS,
    EARLY_MORE,
    LATE_MORE,
    OTHER_KMS_ID,
    NO_GROUPS,
    KEY_NOT_ACTIVATED,
};

#define TICKS_4_HOURS (UINT64_C(4) * 3600 * 10000000)

static void change_fields(struct lab *l, enum change c)
{
    switch (c) {
    case OTHER_REALM:
        l->client = l->foreign; /* the caller puts ours back */
        break;
    case IS_VIRTUAL_2:
        l->ask.is_virtual = 2;
        break;
    case NPOLICY_1000:
        l->ask.required_count = 1000;
        break;
    case NPOLICY_1001:
        l->ask.required_count = 1001;
        break;
    case EARLY_4_HOURS:
        l->ask.client_time -= TICKS_4_HOURS;
        break;
    case LATE_4_HOURS:
        l->ask.client_time += TICKS_4_HOURS;
        break;
    case EARLY_MORE:
        l->ask.client_time -= TICKS_4_HOURS + 1;
        break;
    case LATE_MORE:
        l->ask.client_time += TICKS_4_HOURS + 1;
        break;
    case OTHER_KMS_ID:
        l->ask.kms_id = sample_guid(0x77);
        break;
    default:
        break;
    }
}

static void change_host(struct lab *l, enum change c)
{
    if (c == NO_GROUPS)
        assert_int_equal(kms_host_set_groups(l->host, NULL, NULL, 0), ERR_OK);
    if (c == KEY_NOT_ACTIVATED)
        install(l, SERVER_GROUP, false);
    if (c == REFUSING)
        kms_host_set_refusing(l->host, true);
}

static void change_bytes(struct lab *l, enum change c)
{
    struct buf *b = &l->request;

    if (c == MAJOR_VERSION_3)
        b->data[2] = 3;
    else if (c == MINOR_VERSION_1)
        b->data[0] = 1;
    else if (c == EMPTY)
        buf_clear(b);
    else if (c == THREE_BYTES)
        b->len = 3;
    else if (c == ONE_BYTE_LESS)
        b->len--;
    else if (c == ONE_BYTE_MORE)
        buf_add(b, "", 1);
}

static const struct {
    enum change change;
    enum kms_reason reason;
    uint32_t hresult;
} checks[] = {
    {NO_CHANGE, KMS_ANSWERED, 0},
    {MAJOR_VERSION_3, KMS_BAD_VERSION, 0x8007000d},
    {MINOR_VERSION_1, KMS_BAD_VERSION, 0x8007000d},
    {EMPTY, KMS_BAD_SIZE, 0x8007000d},
    {THREE_BYTES, KMS_BAD_SIZE, 0x8007000d},
    {ONE_BYTE_LESS, KMS_BAD_SIZE, 0x8007000d},
    {ONE_BYTE_MORE, KMS_BAD_SIZE, 0x8007000d},
    {OTHER_REALM, KMS_FOREIGN, 0xc004f042},
    {IS_VIRTUAL_2, KMS_BAD_SIZE, 0x8007000d},
    {REFUSING, KMS_REFUSING, 0xc004f042},
    {NPOLICY_1000, KMS_ANSWERED, 0},
    {NPOLICY_1001, KMS_BAD_NPOLICY, 0x8007000d},
    {EARLY_4_HOURS, KMS_ANSWERED, 0},
    {LATE_4_HOURS, KMS_ANSWERED, 0},
    {EARLY_MORE, KMS_CLOCK_SKEW, 0xc004f06c},
    {LATE_MORE, KMS_CLOCK_SKEW, 0xc004f06c},
    {OTHER_KMS_ID, KMS_NOT_SERVED, 0xc004f042},
    {NO_GROUPS, KMS_NOT_SERVED, 0xc004f042},
    {KEY_NOT_ACTIVATED, KMS_NOT_ACTIVATED, 0xc004f041},
};

#define CHECKS (sizeof(checks) / sizeof(checks[0]))

/* Makes the good request with one or two things wrong, and asks. */
static enum kms_reason decide_changed(struct lab *l, enum change one, enum change other)
{
    struct kms_request good = l->ask;

    install(l, SERVER_GROUP, true);
    kms_host_set_refusing(l->host, false);
    change_fields(l, one);
    change_fields(l, other);
    seal_ask(l);
    l->client = l->own;
    l->ask = good;
    change_host(l, one);
    change_host(l, other);
    change_bytes(l, one);
    change_bytes(l, other);
    return decide_bytes(l);
}

static void each_check_has_its_reason_and_result(void **state)
{
    struct lab *l = *state;

    for (size_t i = 0; i < CHECKS; i++) {
        enum kms_reason got;

        kms_host_forget(l->host);
        got = decide_changed(l, checks[i].change, NO_CHANGE);
        if (got != checks[i].reason || l->decision.hresult != checks[i].hresult)
            fail_msg("row %zu: %s %08x", i, kms_reason_name(got), l->decision.hresult);
        assert_int_equal(counted(l), got == KMS_ANSWERED ? 1 : 0);
        assert_int_equal(l->decision.count, counted(l));
    }
}

/* With two things wrong the earlier check speaks; this is their order. */
static void the_earlier_check_speaks_first(void **state)
{
    static const enum change order[] = {
        MAJOR_VERSION_3, ONE_BYTE_LESS, OTHER_REALM,  IS_VIRTUAL_2,      REFUSING,
        NPOLICY_1001,    LATE_MORE,     OTHER_KMS_ID, KEY_NOT_ACTIVATED,
    };
    struct lab *l = *state;

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        enum kms_reason alone = decide_changed(l, order[i], NO_CHANGE);

        for (size_t j = i + 1; j < sizeof(order) / sizeof(order[0]); j++)
            assert_int_equal(decide_changed(l, order[i], order[j]), alone);
    }
}

static void refusals_never_enter_the_count(void **state)
{
    struct lab *l = *state;

    for (size_t i = 0; i < CHECKS; i++) {
        if (checks[i].reason != KMS_ANSWERED)
            assert_int_not_equal(decide_changed(l, checks[i].change, NO_CHANGE), KMS_ANSWERED);
    }
    assert_int_equal(counted(l), 0);
    assert_int_equal(kms_host_capacity(l->host, &cat_app_windows), 0);
}

static void a_decision_knows_the_fields_once_the_tag_held(void **state)
{
    struct lab *l = *state;

    decide_changed(l, OTHER_KMS_ID, NO_CHANGE);
    assert_true(l->decision.request_known);
    assert_true(guid_equal(&l->decision.request.client_id, &l->ask.client_id));
    decide_changed(l, OTHER_REALM, NO_CHANGE);
    assert_false(l->decision.request_known);
    assert_int_equal(l->decision.version.major, 6);
    decide_changed(l, MAJOR_VERSION_3, NO_CHANGE);
    assert_int_equal(l->decision.version.major, 3);
    decide_changed(l, THREE_BYTES, NO_CHANGE);
    assert_int_equal(l->decision.version.major, 0);
}

static void one_activated_group_of_several_is_enough(void **state)
{
    struct lab *l = *state;
    const struct cat_group *g = catalog_group(l->catalog, SERVER_GROUP);
    const struct cat_group *twice[] = {g, g};
    const bool second[] = {false, true};

    assert_int_equal(kms_host_set_groups(l->host, twice, second, 2), ERR_OK);
    assert_int_equal(decide(l), KMS_ANSWERED);
}

/* host_updates.csv: a Windows Server 2016 host needs KB5003638 for Windows Server 2022. */
static void a_key_serves_what_its_host_could_when_it_was_installed(void **state)
{
    static const char *const update[] = {"KB5003638"};
    struct kms_hostkind bare = {.system = "Windows Server 2016"};
    struct kms_hostkind updated = {
        .system = "Windows Server 2016", .updates = update, .update_count = 1};
    struct lab *l = *state;
    struct kms_key keys[] = {
        {.group = catalog_group(l->catalog, SERVER_GROUP), .activated = true, .kind = &bare},
        {.group = catalog_group(l->catalog, SERVER_GROUP), .activated = false, .kind = &updated},
    };

    assert_int_equal(kms_host_set_keys(l->host, keys, 1), ERR_OK);
    l->ask = ask_for(l, "Windows Server 2016", "Standard");
    assert_int_equal(decide(l), KMS_ANSWERED);
    l->ask = ask_for(l, "Windows Server 2022", "Standard");
    assert_int_equal(decide(l), KMS_NO_UPDATE);
    assert_int_equal(l->decision.hresult, 0xc004f042);
    assert_string_equal(l->decision.missing, "KB5003638");
    assert_int_equal(kms_host_set_keys(l->host, keys, 2), ERR_OK);
    assert_int_equal(decide(l), KMS_NOT_ACTIVATED); /* the second would do: that is nearer */
    keys[1].activated = true;
    assert_int_equal(kms_host_set_keys(l->host, keys, 2), ERR_OK);
    assert_int_equal(decide(l), KMS_ANSWERED);
}

static void one_flipped_byte_is_foreign_or_refused_never_answered(void **state)
{
    struct lab *l = *state;

    for (uint16_t major = 4; major <= 6; major++) {
        l->ask.version.major = major;
        seal_ask(l);
        for (size_t i = 0; i < l->request.len; i++) {
            l->request.data[i] ^= 0xff;
            assert_int_not_equal(decide_bytes(l), KMS_ANSWERED);
            l->request.data[i] ^= 0xff;
        }
    }
    assert_int_equal(counted(l), 0);
}

/* After a crash: replay of what was answered, in order, gives the same count. */
static void replaying_answered_requests_restores_the_count(void **state)
{
    struct lab *l = *state;

    ask_from(l, 1, 12);
    kms_host_forget(l->host);
    assert_int_equal(counted(l), 0);
    for (uint8_t i = 1; i <= 12; i++) {
        struct guid id = sample_guid(i);

        assert_int_equal(kms_host_remember(l->host, &cat_app_windows, &id, 25, l->now), ERR_OK);
    }
    assert_int_equal(counted(l), 12);
    ask_from(l, 12, 1);
    assert_int_equal(l->decision.count, 12);
}

static void intervals_are_what_was_set_within_their_bounds(void **state)
{
    static const uint32_t set[] = {0, 14, 15, 60, 43200, 43201, 0xffffffff};
    static const uint32_t want[] = {15, 15, 15, 60, 43200, 43200, 43200};
    struct lab *l = *state;

    for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
        struct kms_response answer;

        kms_host_set_intervals(l->host, set[i], set[i]);
        assert_int_equal(decide(l), KMS_ANSWERED);
        assert_int_equal(kms_open_response(l->client, &l->exchange, l->decision.response.data,
                                           l->decision.response.len, &answer, NULL),
                         ERR_OK);
        assert_int_equal(answer.activation_interval, want[i]);
        assert_int_equal(answer.renewal_interval, want[i]);
    }
}

static void clocks_far_from_each_other_do_not_overflow(void **state)
{
    static const int64_t host_times[] = {INT64_MIN, 0,
                                         INT64_C(253402300799)}; /* the end of year 9999 */
    static const uint64_t client_times[] = {0, UINT64_MAX};
    struct lab *l = *state;

    for (size_t i = 0; i < 6; i++) {
        l->now = host_times[i / 2];
        l->ask.client_time = client_times[i % 2];
        (void)decide(l);
    }
    l->now = 0;
    l->ask.client_time = UINT64_MAX;
    assert_int_equal(decide(l), KMS_CLOCK_SKEW);
}

static void every_reason_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KMS_REASONS; i++) {
        assert_non_null(kms_reason_name((enum kms_reason)i));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(kms_reason_name((enum kms_reason)i),
                                    kms_reason_name((enum kms_reason)j));
    }
    assert_string_equal(kms_reason_name(KMS_CLOCK_SKEW), "clock-skew");
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, make_lab, drop_lab)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(an_answer_tells_count_intervals_and_host),
        LAB_TEST(every_generation_is_answered_in_its_own),
        LAB_TEST(the_host_answers_below_and_above_any_threshold),
        LAB_TEST(opening_counts_nobody_and_sealing_tells_the_count_given),
        LAB_TEST(the_product_is_named_by_the_activation_id),
        LAB_TEST(an_unknown_activation_id_with_a_served_kms_id_is_answered),
        LAB_TEST(servers_and_clients_count_together_and_office_apart),
        LAB_TEST(each_check_has_its_reason_and_result),
        LAB_TEST(the_earlier_check_speaks_first),
        LAB_TEST(refusals_never_enter_the_count),
        LAB_TEST(a_decision_knows_the_fields_once_the_tag_held),
        LAB_TEST(one_activated_group_of_several_is_enough),
        LAB_TEST(a_key_serves_what_its_host_could_when_it_was_installed),
        LAB_TEST(one_flipped_byte_is_foreign_or_refused_never_answered),
        LAB_TEST(replaying_answered_requests_restores_the_count),
        LAB_TEST(intervals_are_what_was_set_within_their_bounds),
        LAB_TEST(clocks_far_from_each_other_do_not_overflow),
        cmocka_unit_test(every_reason_has_a_word_of_its_own),
    };

    return cmocka_run_group_tests_name("kms_host", tests, NULL, NULL);
}
