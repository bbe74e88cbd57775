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
    struct realm_keys keys;
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
    rng_fill(&w.rng, &w.keys, sizeof(w.keys));
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

/* ---- machines ---- */

static const struct guid hardware = {{1, 2, 3}};

/* A MAK's text is in the realm's hands as soon as somebody reads it out. */
static void ask_machine(struct world *w, const struct realm_keys *keys, enum labkey_kind kind,
                        struct clearing_case *asked)
{
    char key[HOSTKEY_TEXT_LEN + 1];

    memcpy(key, w->key.key, sizeof(key));
    if (kind != LABKEY_HOST)
        labkey_make(kind, &w->forest, &w->rng, key);
    buf_clear(&w->request);
    assert_ok(
        clearing_ask_machine(keys, key, &hardware, "PC01", &w->rng, asked, &w->request, &w->ei),
        &w->ei);
}

static void a_machine_is_recognised_by_its_realm(void **state)
{
    struct world *w = *state;
    struct clearing_verdict v = {.used = 3, .left = 22};
    struct clearing_case asked, c;
    struct clearing_answer answer;
    struct buf out = BUF_INIT;
    uint32_t hresult;

    w->house.keys = &w->keys;
    for (int kind = 0; kind < LABKEY_KINDS; kind++) {
        ask_machine(w, &w->keys, (enum labkey_kind)kind, &asked);
        assert_int_equal(receive(w, &c, &hresult), CLEARING_GRANTED);
        assert_int_equal(c.id.kind, IID_MACHINE);
        assert_string_equal(c.id.key, asked.id.key);
        assert_string_equal(c.request.name, "PC01");
        assert_string_equal(c.group, "");
        buf_clear(&out);
        assert_ok(clearing_reply(&c, &v, NOW, &out, &w->ei), &w->ei);
        assert_ok(clearing_accept(&asked, out.data, out.len, &answer, &w->ei), &w->ei);
        assert_int_equal(answer.left, 22);
    }
    buf_fini(&out);
}

static void a_machine_of_another_realm_is_unknown(void **state)
{
    struct world *w = *state;
    struct realm_keys other = w->keys;
    struct clearing_case asked, c;
    uint32_t hresult;

    w->house.keys = &w->keys;
    other.gen[2][REALM_REQUEST].mac[0] ^= 1;
    ask_machine(w, &other, LABKEY_MAK, &asked);
    assert_int_equal(receive(w, &c, &hresult), CLEARING_UNKNOWN_KEY);
    assert_int_equal(hresult, 0xC004C001);
    w->house.keys = NULL;
    ask_machine(w, &w->keys, LABKEY_MAK, &asked);
    assert_int_equal(receive(w, &c, &hresult), CLEARING_UNKNOWN_KEY);
}

static void a_confirmation_id_is_for_one_machine_and_one_key(void **state)
{
    static const struct guid elsewhere = {{9}};
    struct world *w = *state;
    struct clearing_case here, there, other_key;
    char cid[CID_TEXT_MAX], key[HOSTKEY_TEXT_LEN + 1];

    labkey_make(LABKEY_MAK, &w->forest, &w->rng, key);
    assert_ok(clearing_machine(&w->keys, key, &hardware, &here, &w->ei), &w->ei);
    assert_ok(clearing_machine(&w->keys, key, &elsewhere, &there, &w->ei), &w->ei);
    labkey_make(LABKEY_MAK, &w->forest, &w->rng, key);
    assert_ok(clearing_machine(&w->keys, key, &hardware, &other_key, &w->ei), &w->ei);
    assert_ok(clearing_confirm(&here, cid, &w->ei), &w->ei);
    assert_ok(cid_check(cid, &here.id, here.confirm, &w->ei), &w->ei);
    assert_int_equal(cid_check(cid, &there.id, there.confirm, &w->ei), ERR_REFUSED);
    assert_int_equal(w->ei.hresult, SL_E_CIDIID_NOT_BOUND);
    assert_int_equal(cid_check(cid, &other_key.id, other_key.confirm, &w->ei), ERR_REFUSED);
    assert_int_equal(w->ei.hresult, SL_E_CIDIID_MISMATCHED_PKEY);
}

static void what_is_no_lab_key_has_no_installation_id(void **state)
{
    struct world *w = *state;
    struct clearing_case c;

    assert_int_equal(
        clearing_machine(&w->keys, "22222-22222-22222-22222-22222", &hardware, &c, &w->ei),
        ERR_USAGE);
    assert_int_equal(w->ei.hresult, 0xC004C001);
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
        TEST(a_machine_is_recognised_by_its_realm),
        TEST(a_machine_of_another_realm_is_unknown),
        TEST(a_confirmation_id_is_for_one_machine_and_one_key),
        TEST(what_is_no_lab_key_has_no_installation_id),
        TEST(a_clerk_is_told_which_group_of_digits_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
