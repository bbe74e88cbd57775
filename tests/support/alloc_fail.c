#include "alloc_fail.h"

#include <errno.h>
#include <stddef.h>

/* What the linker calls the two sides of --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned left; /* allocations up to the one that fails; 0: none will */
static bool all_later, failed;

void alloc_fail_at(unsigned n, bool all)
{
    left = n;
    all_later = all;
    failed = false;
}

bool alloc_has_failed(void)
{
    return failed;
}

static bool fails_now(void)
{
    if (failed && all_later)
        return true;
    if (left == 0 || --left > 0)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    if (!fails_now())
        return __real_malloc(size);
    errno = ENOMEM;
    return NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    if (!fails_now())
        return __real_calloc(n, size);
    errno = ENOMEM;
    return NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
    if (!fails_now())
        return __real_realloc(old, size);
    errno = ENOMEM;
    return NULL;
}
