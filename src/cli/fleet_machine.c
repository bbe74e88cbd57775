#include "cli/fleet_machine.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/rng.h"

struct guid fleet_machine_id(uint64_t seed, uint32_t machine)
{
    struct rng_seeded seeded;
    struct rng rng;
    struct guid id;

    rng_seeded_init(&seeded, seed << 32 ^ machine);
    rng = rng_from_seed(&seeded);
    rng_fill(&rng, id.b, sizeof(id.b));
    return id;
}

const char *fleet_machine_name(uint32_t machine, char name[FLEET_MACHINE_NAME_MAX])
{
    snprintf(name, FLEET_MACHINE_NAME_MAX, "FLEET-%" PRIu32, machine + 1);
    return name;
}

void fleet_codes_note(struct fleet_codes *c, uint32_t hresult)
{
    size_t i = 0;

    while (i < c->n && c->code[i].hresult != hresult)
        i++;
    if (i == FLEET_CODES_MAX)
        i--; /* more than a protocol here has */
    else if (i == c->n)
        c->code[c->n++].hresult = hresult;
    c->code[i].times++;
}

void fleet_codes_facts(const struct fleet_codes *c, const char *well, struct facts *f)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->code[i].hresult == 0)
            facts_add(f, well, "%" PRIu64, c->code[i].times);
        else
            facts_add(f, "  Refused", "%" PRIu64 " with 0x%08" PRIX32, c->code[i].times,
                      c->code[i].hresult);
    }
}

json_t *fleet_codes_json(const struct fleet_codes *c)
{
    json_t *o = json_object();
    char text[16];

    for (size_t i = 0; i < c->n; i++) {
        snprintf(text, sizeof(text), "0x%08" PRIX32, c->code[i].hresult);
        json_object_set_new(o, text, json_integer((json_int_t)c->code[i].times));
    }
    return o;
}
