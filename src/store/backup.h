/* backup: a copy of the ledger while it is in use. */
#ifndef ADBAD_STORE_BACKUP_H
#define ADBAD_STORE_BACKUP_H

#include "store/store.h"

/* Writes one state of the ledger, as of the call, to a new file (0600) by SQLite's online backup:
 * whoever writes the ledger goes on meanwhile. The file appears under its name when it is whole,
 * checked and on the disk; it is a ledger without a log beside it. ERR_EXISTS: there is such a
 * file. */
MUST_CHECK enum err store_backup(struct store *s, const char *path, struct errinfo *ei);

#endif
