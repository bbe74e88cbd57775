#include "support.h"

#include <ctype.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rng test_rng(struct rng_seeded *state)
{
    const char *text = getenv("TEST_SEED");
    uint64_t seed;

    if (text != NULL) {
        seed = strtoull(text, NULL, 0);
    } else {
        struct rng sys = rng_system();

        rng_fill(&sys, &seed, sizeof(seed));
    }
    fprintf(stderr, "TEST_SEED=%" PRIu64 "\n", seed);
    rng_seeded_init(state, seed);
    return rng_from_seed(state);
}

void test_folder(char out[256])
{
    const char *tmp = getenv("TMPDIR");

    snprintf(out, 256, "%s/adbad-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(out));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void test_folder_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

size_t test_unhex(const char *hex, uint8_t *out, size_t max)
{
    size_t n = 0;

    while (*hex != '\0') {
        char pair[3];
        char *end;

        if (isspace((unsigned char)*hex)) {
            hex++;
            continue;
        }
        memcpy(pair, hex, 2);
        pair[2] = '\0';
        assert_true(n < max);
        out[n++] = (uint8_t)strtoul(pair, &end, 16);
        assert_ptr_equal(end, pair + 2);
        hex += 2;
    }
    return n;
}

void test_replaced(const char *text, const char *old, const char *new, struct buf *out)
{
    const char *at = strstr(text, old);

    assert_non_null(at);
    buf_add(out, text, (size_t)(at - text));
    buf_add_str(out, new);
    buf_add_str(out, at + strlen(old));
}
