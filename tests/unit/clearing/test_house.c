#include "support.h"

#include <stdio.h>
#include <string.h>

#include "clearing/codes.h"
#include "clearing/house.h"

#define GROUP "Volume License for Windows Server 2022"
#define NOW   INT64_C(1790000000)

struct world {
    struct rng_seeded seed;
    struct rng rng;
    struct clearing_house house;
    struct hostkey key;
    struct guid forest;
    struct clearing_case asked;
    struct buf request;
    struct errinfo ei;
};

static const char *find_group(void *arg, uint32_t code)
{
    (void)arg;
    return code == iid_group_code(GROUP) ? GROUP : NULL;
}

/* What issuing does, without the certificate. */
static void issue(struct world *w, const char *group, struct hostkey *k)
{
    uint8_t values[HOSTKEY_FREE];

    for (size_t i = 0; i < HOSTKEY_FREE; i++)
        values[i] = (uint8_t)rng_below(&w->rng, 31);
    hostkey_text_from_values(values, k->key);
    k->group = (char *)(uintptr_t)group;
    snprintf(k->pid, sizeof(k->pid), "adbad-x-1");
    assert_ok(realm_confirm_derive(w->house.key, k->key, group, k->confirm, &w->ei), &w->ei);
}

static void ask(struct world *w)
{
    buf_clear(&w->request);
    assert_ok(clearing_ask(&w->key, IID_FOREST, &w->forest, "lab.example", &w->rng, &w->asked,
                           &w->request, &w->ei),
              &w->ei);
}

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.house = {.group = find_group}};
    w.rng = test_rng(&w.seed);
    rng_fill(&w.rng, w.house.key, sizeof(w.house.key));
    w.forest = iid_forest("lab.example", "");
    issue(&w, GROUP, &w.key);
    ask(&w);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    buf_fini(&w->request);
    return 0;
}

static enum clearing_reason receive(struct world *w, struct clearing_case *c, uint32_t *hresult)
{
    return clearing_receive(&w->house, w->request.data, w->request.len, c, hresult, &w->ei);
}

static void a_request_is_recognised_and_its_answer_accepted(void **state)
{
    struct world *w = *state;
    struct clearing_verdict v = {.used = 1, .left = 9, .hosts_used = 1, .hosts_left = 5};
    struct clearing_answer answer;
    struct clearing_case c;
    struct buf out = BUF_INIT;
    uint32_t hresult;

    assert_int_equal(receive(w, &c, &hresult), CLEARING_GRANTED);
    assert_int_equal(hresult, 0);
    assert_string_equal(c.group, GROUP);
    assert_string_equal(c.id.key, w->key.key);
    assert_string_equal(c.request.name, "lab.example");
    assert_ok(clearing_reply(&c, &v, NOW, &out, &w->ei), &w->ei);
    assert_ok(clearing_accept(&w->asked, out.data, out.len, &answer, &w->ei), &w->ei);
    assert_int_equal(answer.left, 9);
    assert_int_equal(answer.when, NOW);
    buf_fini(&out);
}

static void an_answer_to_an_earlier_request_is_not_accepted(void **state)
{
    struct world *w = *state;
    struct clearing_verdict v = {.used = 1};
    struct clearing_answer answer;
    struct clearing_case c;
    struct buf out = BUF_INIT;
    uint32_t hresult;

    assert_int_equal(receive(w, &c, &hresult), CLEARING_GRANTED);
    assert_ok(clearing_reply(&c, &v, NOW, &out, &w->ei), &w->ei);
    ask(w);
    assert_int_equal(clearing_accept(&w->asked, out.data, out.len, &answer, &w->ei), ERR_FOREIGN);
    buf_fini(&out);
}

static void a_key_of_another_realm_is_unknown(void **state)
{
    struct world *w = *state;
    struct clearing_case c;
    uint32_t hresult;

    w->house.key[0] ^= 1;
    assert_int_equal(receive(w, &c, &hresult), CLEARING_UNKNOWN_KEY);
    assert_int_equal(hresult, 0xC004C001);
}

static void a_key_for_another_group_than_it_was_issued_for_is_unknown(void **state)
{
    struct world *w = *state;
    struct clearing_case c;
    uint32_t hresult;

    issue(w, "Volume License for Windows 8.1", &w->key);
    w->key.group = (char *)(uintptr_t)GROUP;
    ask(w);
    assert_int_equal(receive(w, &c, &hresult), CLEARING_UNKNOWN_KEY);
}

static void a_group_that_nobody_knows_is_unsupported(void **state)
{
    struct world *w = *state;
    struct clearing_case c;
    uint32_t hresult;

    issue(w, "Volume License for Nothing", &w->key);
    ask(w);
    assert_int_equal(receive(w, &c, &hresult), CLEARING_UNSUPPORTED);
    assert_int_equal(hresult, 0xC004C007);
}

static void a_request_whose_tag_does_not_hold_is_unknown(void **state)
{
    struct world *w = *state;
    struct clearing_case c;
    uint32_t hresult;

    w->request.data[w->request.len - 1] ^= 1;
    assert_int_equal(receive(w, &c, &hresult), CLEARING_UNKNOWN_KEY);
}

static void a_request_for_another_target_than_its_id_is_refused(void **state)
{
    struct world *w = *state;
    struct clearing_case c;
    uint32_t hresult;

    buf_clear(&w->request);
    w->asked.request.target = iid_forest("other.example", "");
    assert_ok(clearing_request_write(&w->asked.request, w->key.confirm, &w->request, &w->ei),
              &w->ei);
    assert_int_equal(receive(w, &c, &hresult), CLEARING_BAD_BINDING);
    assert_int_equal(hresult, 0xC004C002);
}

static void noise_is_a_bad_message(void **state)
{
    struct world *w = *state;
    struct clearing_case c;
    uint32_t hresult;

    w->request.len--;
    assert_int_equal(receive(w, &c, &hresult), CLEARING_BAD_MESSAGE);
    assert_int_equal(hresult, SL_E_CHPA_INVALID_ARGUMENT);
}

static void a_clerk_is_told_which_group_of_digits_is_wrong(void **state)
{
    struct world *w = *state;
    char iid[IID_TEXT_MAX], cid[CID_TEXT_MAX];
    struct clearing_case c;
    uint32_t hresult;

    iid_write(&w->asked.id, iid);
    assert_int_equal(clearing_recognise(&w->house, iid, &c, &hresult, &w->ei), CLEARING_GRANTED);
    assert_ok(clearing_confirm(&c, cid, &w->ei), &w->ei);
    assert_ok(cid_check(cid, &w->asked.id, w->key.confirm, &w->ei), &w->ei);
    iid[8] = iid[8] == '0' ? '1' : '0';
    assert_int_equal(clearing_recognise(&w->house, iid, &c, &hresult, &w->ei), CLEARING_BAD_ID);
    assert_int_equal(hresult, SL_E_CIDIID_INVALID_CHECK_DIGITS);
    assert_contains(w->ei.text, "group 2");
}

static void a_clerk_confirms_nothing_for_a_key_of_another_realm(void **state)
{
    struct world *w = *state;
    char iid[IID_TEXT_MAX];
    struct clearing_case c;
    uint32_t hresult;

    iid_write(&w->asked.id, iid);
    w->house.key[31] ^= 1;
    assert_int_equal(clearing_recognise(&w->house, iid, &c, &hresult, &w->ei),
                     CLEARING_UNKNOWN_KEY);
    assert_int_equal(hresult, 0xC004C001);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_recognised_and_its_answer_accepted),
        TEST(an_answer_to_an_earlier_request_is_not_accepted),
        TEST(a_key_of_another_realm_is_unknown),
        TEST(a_key_for_another_group_than_it_was_issued_for_is_unknown),
        TEST(a_group_that_nobody_knows_is_unsupported),
        TEST(a_request_whose_tag_does_not_hold_is_unknown),
        TEST(a_request_for_another_target_than_its_id_is_refused),
        TEST(noise_is_a_bad_message),
        TEST(a_clerk_confirms_nothing_for_a_key_of_another_realm),
        TEST(a_clerk_is_told_which_group_of_digits_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
