#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "support.h"

static void memory_is_zeroed_and_aligned(void **state)
{
    struct arena a = ARENA_INIT;

    (void)state;
    for (size_t n = 1; n < 9000; n += 611) {
        unsigned char *p = arena_alloc(&a, n);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    arena_reset(&a);
}

static void limit_is_kept_and_reset_gives_it_back(void **state)
{
    struct arena a = {.limit = 64};

    (void)state;
    assert_non_null(arena_alloc(&a, 48));
    assert_null(arena_alloc(&a, 32));
    assert_non_null(arena_alloc(&a, 16));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 64));
    assert_null(arena_alloc(&a, SIZE_MAX));
    arena_reset(&a);
}

static void strndup_terminates(void **state)
{
    struct arena a = ARENA_INIT;

    (void)state;
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    assert_null(arena_strndup(&a, "", SIZE_MAX));
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(limit_is_kept_and_reset_gives_it_back),
        cmocka_unit_test(strndup_terminates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
