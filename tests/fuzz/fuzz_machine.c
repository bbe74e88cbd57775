/* machine.json: whatever it holds, it is refused, or it is a machine that is written and read back
 * the same and whose licences run out in an orderly way while nobody answers. */
#include <stdint.h>
#include <stdlib.h>

#include "client/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct catalog *tables(void)
{
    static struct catalog *cat;
    struct errinfo ei;

    if (cat == NULL && catalog_load(&cat, &ei) != ERR_OK)
        abort();
    return cat;
}

/* Reads doc; false if it is refused. */
static bool read(const json_t *doc, struct machine *m)
{
    struct errinfo ei = {0};

    if (machine_from_json(doc, tables(), "fuzz", m, &ei) == ERR_OK)
        return true;
    if (ei.text[0] == '\0')
        abort();
    return false;
}

static void must_come_back(const struct machine *m)
{
    static struct machine again;
    json_t *doc = machine_to_json(m), *back;

    if (!read(doc, &again))
        abort();
    back = machine_to_json(&again);
    if (!json_equal(doc, back))
        abort();
    machine_fini(&again);
    json_decref(doc);
    json_decref(back);
}

/* Everybody who is asked stays silent. */
static void silence(struct lic *l, const struct lic_site *site, int64_t now)
{
    static const enum lic_event_type no[LIC_PHASE_COUNT] = {
        [LIC_ASKING_AD] = LIC_EV_AD_FAILED,
        [LIC_ASKING_KMS] = LIC_EV_KMS_UNREACHABLE,
        [LIC_ASKING_CLEARING] = LIC_EV_CLEARING_FAILED,
        [LIC_ASKING_PLATFORM] = LIC_EV_PLATFORM_FAILED,
    };
    struct lic_outcome out;

    while (l->phase != LIC_REST && l->phase != LIC_NO_KEY) {
        struct lic_event ev = {.type = no[l->phase], .hresult = 0xC004F074};

        if (!lic_step(l, site, &ev, now, &out))
            abort();
    }
}

static void run_out(struct machine *m)
{
    for (int i = 0; i < 20; i++) {
        int64_t due = machine_due(m);

        if (due > INT64_C(1) << 40) /* or LIC_NEVER */
            return;
        for (size_t k = 0; k < m->products; k++) {
            struct machine_product *p = &m->product[k];
            struct lic_site site = machine_site(m, p);
            struct lic_event wake = {.type = LIC_EV_WAKE};
            struct lic_outcome out;

            if (lic_due(&p->lic) > due)
                continue;
            if (!lic_step(&p->lic, &site, &wake, due, &out))
                abort();
            silence(&p->lic, &site, due);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct machine m;
    json_error_t at;
    json_t *doc = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &at);

    if (doc != NULL && read(doc, &m)) {
        must_come_back(&m);
        run_out(&m);
        must_come_back(&m);
        machine_fini(&m);
    }
    json_decref(doc);
    return 0;
}
