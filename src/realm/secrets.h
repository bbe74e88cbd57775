/* secrets: what of a host's installed keys the steward alone may have: each key's private half, its
 * confirmation key, and the confirmation ID of its forest. They lie in SECRETS_DIR/hostkeys,
 * outside the state folder, whose files are within reach of the process that strangers talk to.
 * Earlier versions kept them in STATE_DIR/hostkeys: they are moved, and are read there until they
 * are. */
#ifndef ADBAD_REALM_SECRETS_H
#define ADBAD_REALM_SECRETS_H

#include "base/buf.h"
#include "base/err.h"

#define SECRETS_PATH_MAX 4096

/* A secret file of the key that slug (hostkey_slug) names. */
#define SECRETS_KEY     ".key"
#define SECRETS_CONFIRM ".confirm"
#define SECRETS_CID     ".cid"

/* ERR_REFUSED, with the remedy, if others may do anything with the folder, or if it is neither ours
 * nor root's. One that is not there yet is fine. */
MUST_CHECK enum err secrets_check(const char *secrets_dir, struct errinfo *ei);

/* As secrets_check, and if it is not there whether it could be made. */
MUST_CHECK enum err secrets_could_open(const char *secrets_dir, struct errinfo *ei);

/* Makes the folder (0700, and if we are root the state folder's owner's) and moves there what lies
 * in the state folder: a file is copied, flushed and only then removed, so that whatever a crash
 * leaves, the next call goes on from; two processes do so one after the other. Also ends what an
 * interrupted hostkey_install began. Links stay where
 * they are, and root does this with no more rights than the state folder's owner has. ERR_CONFLICT:
 * both places have the file, and not the same one; ERR_REFUSED: hostkeys there is a link; ERR_BUSY:
 * the folder stayed locked for ten seconds. */
MUST_CHECK enum err secrets_open(const char *state_dir, const char *secrets_dir,
                                 struct errinfo *ei);

/* Waits until nobody else changes which keys are installed (ERR_BUSY: not within ten seconds), and
 * keeps others from it until *fd is closed. The folder is there. */
MUST_CHECK enum err secrets_lock(const char *state_dir, const char *secrets_dir, int *fd,
                                 struct errinfo *ei);

/* Appends the file to out; path gets its name, for messages. ERR_NOTFOUND: neither place has it. */
MUST_CHECK enum err secrets_read(const char *state_dir, const char *secrets_dir, const char *slug,
                                 const char *ending, struct buf *out, char path[SECRETS_PATH_MAX],
                                 struct errinfo *ei);
/* Puts it in the place of what was there; the folder is made if it is missing. Root has the state
 * folder's owner's rights for it. */
MUST_CHECK enum err secrets_write(const char *state_dir, const char *secrets_dir, const char *slug,
                                  const char *ending, const void *data, size_t len,
                                  struct errinfo *ei);
/* Removes all of slug's, with the rights of the folder's owner. What is not there is fine. */
MUST_CHECK enum err secrets_remove(const char *secrets_dir, const char *slug, struct errinfo *ei);

#endif
