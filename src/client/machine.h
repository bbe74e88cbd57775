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

#endif
