#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clearing/message.h"

struct pair {
    struct rng_seeded seed;
    struct rng rng;
    uint8_t confirm[REALM_CONFIRM_LEN];
    struct clearing_request request;
    struct clearing_answer answer;
    struct buf asked, answered;
};

static int setup(void **state)
{
    static struct pair p;
    struct errinfo ei;

    p = (struct pair){
        .request = {.pid = "adbad-0123456789abcdef-77", .name = "lab.example, B\xc3\xbcro"},
        .answer = {.used = 3, .left = 7, .hosts_used = 2, .hosts_left = 4, .when = 1790000000}};
    p.rng = test_rng(&p.seed);
    rng_fill(&p.rng, p.confirm, sizeof(p.confirm));
    rng_fill(&p.rng, p.request.target.b, sizeof(p.request.target.b));
    rng_fill(&p.rng, p.request.nonce, sizeof(p.request.nonce));
    for (unsigned i = 0; i < IID_DIGITS; i++)
        p.request.iid[i] = (char)('0' + rng_below(&p.rng, 10));
    for (unsigned i = 0; i < CID_DIGITS; i++)
        p.answer.cid[i] = (char)('0' + rng_below(&p.rng, 10));
    assert_ok(clearing_request_write(&p.request, p.confirm, &p.asked, &ei), &ei);
    assert_ok(clearing_answer_write(&p.answer, p.confirm, p.request.tag, &p.answered, &ei), &ei);
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;

    buf_fini(&p->asked);
    buf_fini(&p->answered);
    return 0;
}

static void messages_read_back_the_same(void **state)
{
    struct pair *p = *state;
    struct clearing_request request;
    struct clearing_answer answer;

    assert_int_equal(clearing_request_read(p->asked.data, p->asked.len, &request), ERR_OK);
    assert_memory_equal(&request, &p->request, sizeof(request));
    assert_int_equal(p->answered.len, CLEARING_ANSWER_LEN);
    assert_int_equal(clearing_answer_read(p->answered.data, p->answered.len, &answer), ERR_OK);
    assert_string_equal(answer.cid, p->answer.cid);
    assert_int_equal(answer.used, 3);
    assert_int_equal(answer.left, 7);
    assert_int_equal(answer.hosts_used, 2);
    assert_int_equal(answer.hosts_left, 4);
    assert_int_equal(answer.when, 1790000000);
    assert_true(clearing_request_is_of(p->asked.data, p->asked.len, p->confirm));
    assert_true(
        clearing_answer_is_of(p->answered.data, p->answered.len, p->confirm, p->request.tag));
}

/* Copies are as long as they are, so that a sanitizer sees a read behind the end. */
static void every_prefix_is_truncated(void **state)
{
    struct pair *p = *state;
    struct clearing_request request;
    struct clearing_answer answer;

    for (size_t n = 0; n < p->asked.len; n++) {
        uint8_t *cut = malloc(n + 1);

        memcpy(cut, p->asked.data, n);
        assert_int_equal(clearing_request_read(cut, n, &request), ERR_TRUNCATED);
        free(cut);
    }
    for (size_t n = 0; n < p->answered.len; n++) {
        uint8_t *cut = malloc(n + 1);

        memcpy(cut, p->answered.data, n);
        assert_int_equal(clearing_answer_read(cut, n, &answer), ERR_TRUNCATED);
        free(cut);
    }
}

static void a_byte_too_many_is_malformed(void **state)
{
    struct pair *p = *state;
    struct clearing_request request;
    struct clearing_answer answer;

    buf_add(&p->asked, "", 1);
    buf_add(&p->answered, "", 1);
    assert_int_equal(clearing_request_read(p->asked.data, p->asked.len, &request), ERR_MALFORMED);
    assert_int_equal(clearing_answer_read(p->answered.data, p->answered.len, &answer),
                     ERR_MALFORMED);
}

static void no_changed_byte_passes_for_a_message_of_ours(void **state)
{
    struct pair *p = *state;

    for (size_t i = 0; i < p->asked.len * 8; i++) {
        struct clearing_request m;

        p->asked.data[i / 8] ^= (uint8_t)(1U << i % 8);
        (void)!clearing_request_read(p->asked.data, p->asked.len, &m);
        assert_false(clearing_request_is_of(p->asked.data, p->asked.len, p->confirm));
        p->asked.data[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    for (size_t i = 0; i < p->answered.len * 8; i++) {
        struct clearing_answer m;

        p->answered.data[i / 8] ^= (uint8_t)(1U << i % 8);
        (void)!clearing_answer_read(p->answered.data, p->answered.len, &m);
        assert_false(
            clearing_answer_is_of(p->answered.data, p->answered.len, p->confirm, p->request.tag));
        p->answered.data[i / 8] ^= (uint8_t)(1U << i % 8);
    }
}

static void an_answer_fits_one_request_only(void **state)
{
    struct pair *p = *state;

    p->request.tag[0] ^= 1;
    assert_false(
        clearing_answer_is_of(p->answered.data, p->answered.len, p->confirm, p->request.tag));
}

static void texts_that_move_a_terminal_are_malformed(void **state)
{
    struct pair *p = *state;
    struct clearing_request m;

    p->asked.data[2 + 16 + 63 + 1] = 0x1b;
    assert_int_equal(clearing_request_read(p->asked.data, p->asked.len, &m), ERR_MALFORMED);
}

static void a_name_that_is_no_utf8_is_malformed(void **state)
{
    static const char *const bad[] = {"\xff", "\xc3", "a\xc3(", "\xed\xa0\x80", "\xc2\x9b"};
    struct pair *p = *state;
    struct buf out = BUF_INIT;
    struct clearing_request m;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t at = 2 + 16 + 63 + 1 + strlen(p->request.pid) + 1;

        buf_clear(&out);
        buf_add(&out, p->asked.data, at - 1);
        buf_add(&out, &(uint8_t){(uint8_t)strlen(bad[i])}, 1);
        buf_add_str(&out, bad[i]);
        buf_add(&out, p->asked.data + p->asked.len - 48, 48);
        assert_int_equal(clearing_request_read(out.data, out.len, &m), ERR_MALFORMED);
        snprintf(p->request.name, sizeof(p->request.name), "%s", bad[i]);
        assert_int_equal(clearing_request_write(&p->request, p->confirm, &out, NULL), ERR_USAGE);
    }
    buf_fini(&out);
}

static void another_version_is_told(void **state)
{
    struct pair *p = *state;
    struct clearing_request request;
    struct clearing_answer answer;

    p->asked.data[0] = 2;
    p->answered.data[0] = 2;
    assert_int_equal(clearing_request_read(p->asked.data, p->asked.len, &request), ERR_VERSION);
    assert_int_equal(clearing_answer_read(p->answered.data, p->answered.len, &answer), ERR_VERSION);
}

static void the_longest_request_is_as_long_as_said(void **state)
{
    struct pair *p = *state;
    struct clearing_request m;
    struct buf out = BUF_INIT;
    struct errinfo ei;

    memset(p->request.pid, 'p', CLEARING_PID_MAX);
    memset(p->request.name, 'n', CLEARING_NAME_MAX);
    assert_ok(clearing_request_write(&p->request, p->confirm, &out, &ei), &ei);
    assert_int_equal(out.len, CLEARING_REQUEST_MAX);
    assert_int_equal(clearing_request_read(out.data, out.len, &m), ERR_OK);
    buf_fini(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_read_back_the_same),
        TEST(every_prefix_is_truncated),
        TEST(a_byte_too_many_is_malformed),
        TEST(no_changed_byte_passes_for_a_message_of_ours),
        TEST(an_answer_fits_one_request_only),
        TEST(texts_that_move_a_terminal_are_malformed),
        TEST(a_name_that_is_no_utf8_is_malformed),
        TEST(another_version_is_told),
        TEST(the_longest_request_is_as_long_as_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
