/* machine: one simulated Windows or Office machine: plain state, no I/O.
 *
 * The state machine is in licensing.h; what it needs from outside (directory, KMS exchange, DNS)
 * it asks for as actions and gets as events, so a fleet of 100,000 runs in process on virtual
 * time. */
#ifndef ADBAD_CLIENT_MACHINE_H
#define ADBAD_CLIENT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/guid.h"
#include "catalog/catalog.h"

/* license_states.csv */
enum lic_status {
    LIC_UNLICENSED = 0,
    LIC_LICENSED = 1,
    LIC_OOB_GRACE = 2,
    LIC_OOT_GRACE = 3,
    LIC_NON_GENUINE = 4,
    LIC_NOTIFICATION = 5,
    LIC_EXTENDED_GRACE = 6,
    LIC_STATUS_COUNT
};

enum lic_channel { LIC_NONE, LIC_BY_AD, LIC_BY_KMS };

#endif
