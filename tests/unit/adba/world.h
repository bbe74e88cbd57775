/* world: two realms in a scratch folder, host keys, and licences, for the tests of src/adba. */
#ifndef ADBAD_TESTS_WORLD_H
#define ADBAD_TESTS_WORLD_H

#include "support.h"

#include "adba/licence.h"
#include "base/clk.h"

#define NOW    INT64_C(1790000000) /* 2026-09-21T14:13:20Z */
#define FOREST "lab.example"
#define SERVER "Volume License for Windows Server 2022"
#define CLIENT "Volume License for Windows 8.1"

struct world {
    char folder[256];
    struct rng_seeded state;
    struct rng rng;
    struct realm ours, other;
    struct hostkey server, client; /* ours */
    struct hostkey foreign;        /* SERVER, of the other realm */
};

/* cmocka fixtures; *state is a struct world *. */
int world_setup(void **state);
int world_teardown(void **state);

/* A licence with two KMS ids for FOREST; licence_fini. */
struct licence world_licence(const struct bundle *b, const char *group);

#endif
