/* registry: computer accounts as the ledger keeps them, back into a roster. */
#ifndef ADBAD_REPORT_REGISTRY_H
#define ADBAD_REPORT_REGISTRY_H

#include "store/members.h"

/* For store_each_member: puts the row into arg, a struct roster. A row that none can hold is passed
 * over: it is none of ours, and the next full reading replaces it. */
enum err registry_take(void *arg, const struct store_member *row);

#endif
