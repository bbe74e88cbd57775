/* nomem: preloaded into a program, lets the n-th allocation of the whole process fail, whoever
 * makes it. The file that NOMEM names is shared with the test: struct nomem below. A program
 * without NOMEM is left alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own names for its allocator. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

struct nomem {
    _Atomic uint64_t fail_at; /* 0: nothing is counted */
    _Atomic uint64_t count;   /* allocations since the test wrote fail_at */
    _Atomic uint64_t failed;  /* how many of them failed */
};

static struct nomem *shared;

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("NOMEM");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map;

    if (fd < 0)
        return;
    map = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        shared = map;
}

static int fails_now(void)
{
    uint64_t at = shared != NULL ? atomic_load(&shared->fail_at) : 0;

    if (at == 0 || atomic_fetch_add(&shared->count, 1) + 1 != at)
        return 0;
    atomic_fetch_add(&shared->failed, 1);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __libc_realloc(old, size);
}
