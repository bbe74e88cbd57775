/* samples: a ledger in a folder of its own, and rows for it. */
#ifndef ADBAD_TESTS_STORE_SAMPLES_H
#define ADBAD_TESTS_STORE_SAMPLES_H

#include "support.h"

#include <stdbool.h>

#include "store/store.h"

struct fixture {
    char folder[256];
    char path[320];
    struct store *s; /* NULL until open_ledger */
    struct errinfo ei;
};

int setup(void **state);
int teardown(void **state);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

void open_ledger(struct fixture *f);
void close_ledger(struct fixture *f);
void reopen_ledger(struct fixture *f);

/* Of client 0x40 + n, which is all that tells them apart besides peer, workstation and status. */
struct store_activation activation(unsigned n, int64_t when);
/* Commits one. */
void add(struct fixture *f, unsigned n, int64_t when);
/* Commits count of them in one transaction. */
void add_many(struct fixture *f, unsigned count, int64_t when);

/* A store_activation_fn for an unsigned. */
enum err count_rows(void *arg, const struct store_activation *a);
/* One store_expire_step in a transaction; how many it removed. */
uint64_t expire(struct fixture *f, int64_t before, uint32_t limit);
/* Runs SQL on the file with a connection of its own. */
void sql(const char *path, const char *text);
/* What integrity_check says of the file. */
bool is_whole(const char *path);

#endif
