/* platform: what the machine's own surroundings vouch for: the OEM marker in its firmware, and the
 * virtualization host that it runs on (data/avma_matrix.csv). */
#ifndef ADBAD_CLIENT_PLATFORM_H
#define ADBAD_CLIENT_PLATFORM_H

#include "client/machine.h"

/* A guest's lease and how often it is renewed, in minutes. */
#define PLATFORM_AVMA_VALIDITY (INT64_C(180) * 24 * 60)
#define PLATFORM_AVMA_RENEWAL  10080

/* Looks at what p's key needs: 0, or the documented code. who (who was looked at) and why get
 * words. */
uint32_t platform_ask(const struct catalog *c, const struct machine *m,
                      const struct machine_product *p, char who[320], char why[512]);

/* The event that this makes. */
struct lic_event platform_event(const struct machine_product *p, uint32_t hresult);

#endif
