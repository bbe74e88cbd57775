/* fleet_machine: who a fleet's machines are to hosts that run, and what those answered them. */
#ifndef ADBAD_CLI_FLEET_MACHINE_H
#define ADBAD_CLI_FLEET_MACHINE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "cli/cli.h"

/* Always the same machine for the same seed: a second run meets a host that knows it. */
struct guid fleet_machine_id(uint64_t seed, uint32_t machine);
#define FLEET_MACHINE_NAME_MAX 32
/* "FLEET-1"; returns name. */
const char *fleet_machine_name(uint32_t machine, char name[FLEET_MACHINE_NAME_MAX]);

#define FLEET_CODES_MAX 16

/* How often hosts answered with which result; 0: as wanted. */
struct fleet_codes {
    struct {
        uint32_t hresult;
        uint64_t times;
    } code[FLEET_CODES_MAX];
    size_t n;
};

void fleet_codes_note(struct fleet_codes *c, uint32_t hresult);
/* A line for each, "  Refused" but for 0. */
void fleet_codes_facts(const struct fleet_codes *c, const char *well, struct facts *f);
/* {"0x00000000": 5, …} */
json_t *fleet_codes_json(const struct fleet_codes *c);

#endif
