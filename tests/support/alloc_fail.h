/* alloc_fail: the n-th allocation of a program's own code fails. For programs linked with
 * adbad_alloc_fail, whose references to malloc, calloc and realloc the linker sends here; what
 * shared libraries allocate for themselves is theirs. One thread. */
#ifndef ADBAD_TESTS_ALLOC_FAIL_H
#define ADBAD_TESTS_ALLOC_FAIL_H

#include <stdbool.h>

/* The n-th allocation from now on fails (1: the next); with all, every later one, too. 0: none. */
void alloc_fail_at(unsigned n, bool all);
/* Whether it came to that since alloc_fail_at. */
bool alloc_has_failed(void);

#endif
