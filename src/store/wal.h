/* wal: what SQLite leaves to us about its write-ahead log when flushes fail; private to this room.
 * The formats: https://sqlite.org/fileformat2.html section 4, https://sqlite.org/walformat.html. */
#ifndef ADBAD_STORE_WAL_H
#define ADBAD_STORE_WAL_H

#include "store/store.h"

/* Makes sure that the log that we found is on the disk, as SQLite takes for granted. If a flush of
 * it failed, now or in another life, the kernel may call its pages clean although they never got
 * there, and a second flush would say yes and write nothing. Pages could then be moved into the
 * database of which, after a power loss, the log holds older ones only: a mixture of both. */
MUST_CHECK enum err wal_harden(struct store *s, struct errinfo *ei);

/* Takes a transaction out of the log whose commit failed (s->in_doubt). It may stand there whole,
 * only its flush failed, and whoever reads the log next would take it for committed. On the
 * connection that wrote it, which still knows where it begins. Ends the doubt, or fails (ERR_IO,
 * ERR_BUSY) and may be tried again; that it is taken out is seen also before it was flushed. */
enum err wal_undo(struct store *s, struct errinfo *ei);

#endif
