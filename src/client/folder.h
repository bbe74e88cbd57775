/* folder: where a simulated machine lives.
 *
 *   DIR/machine.json    its state; replaced atomically                  0600
 *   DIR/client.bundle   the realm's client bundle, a copy               0600
 *   DIR/keytab          of its account in an AD domain, if it has one   0600
 *   DIR/events.jsonl    its event log, one JSON object per line         0600
 *   DIR/lock            held while a program works on the folder */
#ifndef ADBAD_CLIENT_FOLDER_H
#define ADBAD_CLIENT_FOLDER_H

#include "client/machine.h"
#include "realm/realm.h"

struct folder {
    char *path;
    int lock; /* descriptor; -1: closed */
    struct machine machine;
};

/* Makes the folder (0700; it must not exist, or be empty) with a copy of the bundle in file
 * bundle, and locks it; f->machine is empty. ERR_EXISTS if a machine lives there. */
MUST_CHECK enum err folder_create(const char *path, const char *bundle, struct folder *f,
                                  struct errinfo *ei);
/* Locks the folder and reads the machine. ERR_NOTFOUND; ERR_BUSY while another process holds it;
 * ERR_VERSION or ERR_MALFORMED leave it untouched. */
MUST_CHECK enum err folder_open(const char *path, const struct catalog *cat, struct folder *f,
                                struct errinfo *ei);
/* Writes what changed: first the events, then the state. */
MUST_CHECK enum err folder_save(struct folder *f, struct errinfo *ei);
/* Does not save. */
void folder_close(struct folder *f);

/* The realm bundle in the folder. ERR_CONFIG with the remedy if it is missing. */
MUST_CHECK enum err folder_bundle(const struct folder *f, struct bundle *out, struct errinfo *ei);

#endif
