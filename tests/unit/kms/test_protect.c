#include "kms/protect.h"

#include <string.h>

#include "samples.h"

#define MAJORS 3 /* 4, 5, 6 */

/* One exchange: a request sealed and opened, an answer to it sealed. */
struct exchange {
    struct rng_seeded seeded;
    struct rng rng;
    struct kms_protector *ours, *foreign; /* of two realms */
    struct buf request[MAJORS], answer[MAJORS];
    struct kms_exchange asked[MAJORS];
};

static int make_exchange(void **state)
{
    static struct exchange f;
    struct errinfo ei = {0};

    f = (struct exchange){0};
    f.rng = test_rng(&f.seeded);
    f.ours = sample_protector(1, f.rng);
    f.foreign = sample_protector(2, f.rng);
    for (uint16_t i = 0; i < MAJORS; i++) {
        struct kms_request m = sample_request((uint16_t)(4 + i));
        struct kms_response a = sample_response((uint16_t)(4 + i), "55041-LAB");

        assert_ok(kms_seal_request(f.ours, &m, &f.request[i], &f.asked[i], &ei), &ei);
        assert_ok(kms_seal_response(f.ours, &f.asked[i], &a, &f.answer[i], &ei), &ei);
    }
    *state = &f;
    return 0;
}

static int drop_exchange(void **state)
{
    struct exchange *f = *state;

    for (size_t i = 0; i < MAJORS; i++) {
        buf_fini(&f->request[i]);
        buf_fini(&f->answer[i]);
    }
    kms_protector_free(f->ours);
    kms_protector_free(f->foreign);
    return 0;
}

static enum err open_request(struct kms_protector *p, const struct buf *b)
{
    struct kms_request m;
    struct kms_exchange x;

    return kms_open_request(p, b->data, b->len, &m, &x, NULL);
}

static enum err open_answer(struct exchange *f, size_t i)
{
    struct kms_response m;

    return kms_open_response(f->ours, &f->asked[i], f->answer[i].data, f->answer[i].len, &m, NULL);
}

static void sealed_sizes_are_the_documented_ones(void **state)
{
    static const size_t requests[MAJORS] = {268, 308, 280};
    /* L = 20: 76 + L; 40 + L = 60 filled up to 64, + 68; 88 + L */
    static const size_t answers[MAJORS] = {96, 132, 108};
    struct exchange *f = *state;

    for (size_t i = 0; i < MAJORS; i++) {
        assert_int_equal(f->request[i].len, requests[i]);
        assert_int_equal(f->answer[i].len, answers[i]);
    }
}

static void a_request_opens_to_what_was_sealed(void **state)
{
    struct exchange *f = *state;

    for (uint16_t i = 0; i < MAJORS; i++) {
        struct kms_request want = sample_request((uint16_t)(4 + i)), got;
        struct kms_exchange x;
        struct buf a = BUF_INIT, b = BUF_INIT;
        struct errinfo ei = {0};

        assert_ok(kms_open_request(f->ours, f->request[i].data, f->request[i].len, &got, &x, &ei),
                  &ei);
        kms_request_encode(&want, &a);
        kms_request_encode(&got, &b);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        assert_int_equal(x.tag_len, f->asked[i].tag_len);
        assert_memory_equal(x.tag, f->asked[i].tag, x.tag_len);
        assert_memory_equal(x.nonce, f->asked[i].nonce, KMS_NONCE_LEN);
        buf_fini(&a);
        buf_fini(&b);
    }
}

static void an_answer_opens_to_what_was_sealed(void **state)
{
    struct exchange *f = *state;

    for (uint16_t i = 0; i < MAJORS; i++) {
        struct kms_response want = sample_response((uint16_t)(4 + i), "55041-LAB"), got;
        struct errinfo ei = {0};

        assert_ok(kms_open_response(f->ours, &f->asked[i], f->answer[i].data, f->answer[i].len,
                                    &got, &ei),
                  &ei);
        assert_memory_equal(got.epid, want.epid, sizeof(got.epid));
        assert_int_equal(got.version.major, 4 + i);
        assert_true(guid_equal(&got.client_id, &want.client_id));
        assert_true(got.client_time == want.client_time);
        assert_int_equal(got.count, 7);
    }
}

static void only_generation_4_shows_its_fields(void **state)
{
    static const bool visible[MAJORS] = {true, false, false};
    struct exchange *f = *state;
    struct guid client_id = sample_guid(0x40);

    for (size_t i = 0; i < MAJORS; i++)
        assert_true((memmem(f->request[i].data, f->request[i].len, client_id.b, 16) != NULL) ==
                    visible[i]);
}

static void what_generation_4_shows_is_read_without_a_key(void **state)
{
    struct exchange *f = *state;
    struct kms_request want = sample_request(4), got;
    static const uint8_t zeros[512] = {0, 0, 4};

    assert_int_equal(kms_peek_clear(f->request[0].data, f->request[0].len, &got), ERR_OK);
    assert_true(guid_equal(&got.activation_id, &want.activation_id));
    assert_true(guid_equal(&got.client_id, &want.client_id));
    assert_memory_equal(got.workstation, want.workstation, sizeof(got.workstation));
    for (size_t i = 1; i < MAJORS; i++)
        assert_int_equal(kms_peek_clear(f->request[i].data, f->request[i].len, &got), ERR_VERSION);
    for (size_t n = 0; n < sizeof(zeros); n++) {
        if (n != f->request[0].len)
            assert_int_not_equal(kms_peek_clear(zeros, n, &got), ERR_OK);
    }
}

static void nonce_and_iv_of_two_seals_differ(void **state)
{
    struct exchange *f = *state;

    for (uint16_t i = 0; i < MAJORS; i++) {
        static const size_t iv_len[MAJORS] = {0, 16, 12};
        struct kms_request m = sample_request((uint16_t)(4 + i));
        struct kms_exchange x;
        struct buf again = BUF_INIT;
        struct errinfo ei = {0};

        assert_ok(kms_seal_request(f->ours, &m, &again, &x, &ei), &ei);
        assert_memory_not_equal(again.data + 4, f->request[i].data + 4, KMS_NONCE_LEN);
        if (iv_len[i] > 0)
            assert_memory_not_equal(again.data + 20, f->request[i].data + 20, iv_len[i]);
        assert_memory_not_equal(x.tag, f->asked[i].tag, x.tag_len);
        buf_fini(&again);
    }
}

static void every_flipped_bit_of_a_request_is_refused(void **state)
{
    struct exchange *f = *state;

    for (size_t i = 0; i < MAJORS; i++) {
        for (size_t bit = 0; bit < 8 * f->request[i].len; bit++) {
            enum err e;

            f->request[i].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            e = open_request(f->ours, &f->request[i]);
            /* In the version: another generation, so another size; or none at all. */
            if (bit / 8 < 4 ? e == ERR_OK : e != ERR_FOREIGN)
                fail_msg("version %zu, bit %zu: %s", 4 + i, bit, err_name(e));
            f->request[i].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(open_request(f->ours, &f->request[i]), ERR_OK);
    }
}

static void every_flipped_bit_of_an_answer_is_refused(void **state)
{
    struct exchange *f = *state;

    for (size_t i = 0; i < MAJORS; i++) {
        for (size_t bit = 0; bit < 8 * f->answer[i].len; bit++) {
            enum err e;

            f->answer[i].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            e = open_answer(f, i);
            if (bit / 8 < 4 ? e == ERR_OK : e != ERR_FOREIGN)
                fail_msg("version %zu, bit %zu: %s", 4 + i, bit, err_name(e));
            f->answer[i].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(open_answer(f, i), ERR_OK);
    }
}

static void every_prefix_of_a_request_is_truncated(void **state)
{
    struct exchange *f = *state;
    struct kms_request m;
    struct kms_exchange x;

    for (size_t i = 0; i < MAJORS; i++) {
        for (size_t n = 0; n < f->request[i].len; n++)
            assert_int_equal(kms_open_request(f->ours, f->request[i].data, n, &m, &x, NULL),
                             ERR_TRUNCATED);
        buf_add(&f->request[i], "x", 1);
        assert_int_equal(open_request(f->ours, &f->request[i]), ERR_MALFORMED);
    }
}

/* An answer's size depends on its ePID, which only the tag vouches for: a prefix of a possible
 * size is refused by the tag. */
static void no_prefix_of_an_answer_opens(void **state)
{
    static const size_t least[MAJORS] = {78, 116, 90}, most[MAJORS] = {204, 244, 216};
    struct exchange *f = *state;
    struct kms_response m;

    for (size_t i = 0; i < MAJORS; i++) {
        struct buf *b = &f->answer[i];

        for (size_t n = 0; n < b->len; n++) {
            enum err e = kms_open_response(f->ours, &f->asked[i], b->data, n, &m, NULL);

            assert_true(n < least[i] ? e == ERR_TRUNCATED
                                     : e == ERR_FOREIGN || (i == 1 && e == ERR_MALFORMED));
        }
        while (b->len <= most[i])
            buf_add(b, "x", 1);
        assert_int_equal(open_answer(f, i), ERR_MALFORMED);
    }
}

static void another_realms_request_is_foreign(void **state)
{
    struct exchange *f = *state;

    for (size_t i = 0; i < MAJORS; i++)
        assert_int_equal(open_request(f->foreign, &f->request[i]), ERR_FOREIGN);
}

static void another_realms_answer_is_foreign(void **state)
{
    struct exchange *f = *state;

    for (size_t i = 0; i < MAJORS; i++) {
        struct kms_response m;

        assert_int_equal(kms_open_response(f->foreign, &f->asked[i], f->answer[i].data,
                                           f->answer[i].len, &m, NULL),
                         ERR_FOREIGN);
    }
}

static void an_answer_fits_no_other_request(void **state)
{
    struct exchange *f = *state;

    for (uint16_t i = 0; i < MAJORS; i++) {
        struct kms_request m = sample_request((uint16_t)(4 + i));
        struct buf again = BUF_INIT;
        struct errinfo ei = {0};

        assert_ok(kms_seal_request(f->ours, &m, &again, &f->asked[i], &ei), &ei);
        assert_int_equal(open_answer(f, i), ERR_FOREIGN);
        buf_fini(&again);
    }
}

/* Even one that somebody with the realm's keys bound to this request. */
static void an_answer_of_another_generation_is_foreign(void **state)
{
    struct exchange *f = *state;
    struct kms_exchange weaker = f->asked[2];
    struct kms_response m = sample_response(4, "55041-LAB");
    struct errinfo ei = {0};

    weaker.version.major = 4;
    buf_clear(&f->answer[2]);
    assert_ok(kms_seal_response(f->ours, &weaker, &m, &f->answer[2], &ei), &ei);
    assert_int_equal(open_answer(f, 2), ERR_FOREIGN);
    f->asked[2] = weaker;
    assert_int_equal(open_answer(f, 2), ERR_OK);
}

/* The keys of the two directions differ, so neither can stand for the other. */
static void a_request_sent_back_is_no_answer(void **state)
{
    struct exchange *f = *state;

    for (size_t i = 0; i < MAJORS; i++) {
        struct kms_exchange nothing = f->asked[i];
        struct kms_response m;

        nothing.tag_len = 0;
        assert_int_not_equal(
            kms_open_response(f->ours, &nothing, f->request[i].data, f->request[i].len, &m, NULL),
            ERR_OK);
    }
}

static void fields_that_are_not_allowed_are_refused_behind_a_good_tag(void **state)
{
    struct exchange *f = *state;

    for (uint16_t i = 0; i < MAJORS; i++) {
        struct kms_request m = sample_request((uint16_t)(4 + i));
        struct kms_exchange x;
        struct buf b = BUF_INIT;
        struct errinfo ei = {0};

        m.is_virtual = 2;
        assert_ok(kms_seal_request(f->ours, &m, &b, &x, &ei), &ei);
        assert_int_equal(open_request(f->ours, &b), ERR_MALFORMED);
        buf_fini(&b);
    }
}

static void an_unknown_version_is_named(void **state)
{
    struct exchange *f = *state;
    struct kms_request m;
    struct kms_exchange x;
    struct errinfo ei = {0};

    f->request[0].data[2] = 3;
    assert_int_equal(kms_open_request(f->ours, f->request[0].data, f->request[0].len, &m, &x, &ei),
                     ERR_VERSION);
    assert_contains(ei.text, "3.0");
    m = sample_request(7);
    assert_int_equal(kms_seal_request(f->ours, &m, &f->request[0], &x, &ei), ERR_VERSION);
}

#define EXCHANGE_TEST(name) cmocka_unit_test_setup_teardown(name, make_exchange, drop_exchange)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXCHANGE_TEST(sealed_sizes_are_the_documented_ones),
        EXCHANGE_TEST(a_request_opens_to_what_was_sealed),
        EXCHANGE_TEST(an_answer_opens_to_what_was_sealed),
        EXCHANGE_TEST(only_generation_4_shows_its_fields),
        EXCHANGE_TEST(what_generation_4_shows_is_read_without_a_key),
        EXCHANGE_TEST(nonce_and_iv_of_two_seals_differ),
        EXCHANGE_TEST(every_flipped_bit_of_a_request_is_refused),
        EXCHANGE_TEST(every_flipped_bit_of_an_answer_is_refused),
        EXCHANGE_TEST(every_prefix_of_a_request_is_truncated),
        EXCHANGE_TEST(no_prefix_of_an_answer_opens),
        EXCHANGE_TEST(another_realms_request_is_foreign),
        EXCHANGE_TEST(another_realms_answer_is_foreign),
        EXCHANGE_TEST(an_answer_fits_no_other_request),
        EXCHANGE_TEST(an_answer_of_another_generation_is_foreign),
        EXCHANGE_TEST(a_request_sent_back_is_no_answer),
        EXCHANGE_TEST(fields_that_are_not_allowed_are_refused_behind_a_good_tag),
        EXCHANGE_TEST(an_unknown_version_is_named),
    };

    return cmocka_run_group_tests_name("kms_protect", tests, NULL, NULL);
}
