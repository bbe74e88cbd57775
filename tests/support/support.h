/* support: what every unit test includes: cmocka with its prerequisites, and helpers that our
 * tests share. */
#ifndef ADBAD_TESTS_SUPPORT_H
#define ADBAD_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"

/* A seeded generator for a random test. The seed comes from TEST_SEED or the system and is
 * printed, so that a failure can be repeated. */
struct rng test_rng(struct rng_seeded *state);

/* Fails the test with ei's text unless e is ERR_OK. */
#define assert_ok(e, ei)                                                                           \
    do {                                                                                           \
        enum err assert_ok_e = (e);                                                                \
        if (assert_ok_e != ERR_OK)                                                                 \
            fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, err_name(assert_ok_e), (ei)->text);      \
    } while (0)

/* Fails unless text contains part. */
#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (strstr((text), (part)) == NULL)                                                        \
            fail_msg("%s:%d: \"%s\" does not contain \"%s\"", __FILE__, __LINE__, (text), (part)); \
    } while (0)

/* A fresh empty folder under $TMPDIR (0700); path is written to out. */
void test_folder(char out[256]);
/* Removes the folder and all in it. */
void test_folder_remove(const char *path);

/* Bytes from hexadecimal text (blanks ignored); returns how many. Fails the test if max is too
 * small or the text is not hexadecimal. */
size_t test_unhex(const char *hex, uint8_t *out, size_t max);

/* Appends text to out with the first old replaced by new. Fails the test if there is none. */
void test_replaced(const char *text, const char *old, const char *new, struct buf *out);

#endif
