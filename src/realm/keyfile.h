/* keyfile: the files of an installed host key, which lie in two folders, and how all of them are
 * replaced as one. Inside the room only.
 *
 * Whoever installs a key puts every file beside the one in use, with KEYFILE_STAGED after its
 * name; the .json comes last and says that all are there. From then on a reader takes a staged file
 * wherever there is one, and keyfile_finish renames them, the .json last. A crash at any moment
 * thus leaves the former key, or the new one. One process at a time does so, under secrets_lock,
 * and root with no more rights than the state folder's owner has. */
#ifndef ADBAD_REALM_KEYFILE_H
#define ADBAD_REALM_KEYFILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

#define KEYFILE_PATH_MAX 4096

/* In the state folder. */
#define KEYFILE_NAMES ".json"
#define KEYFILE_CERT  ".crt"
#define KEYFILE_HOST  ".host"

#define KEYFILE_STAGED ".new"

/* hostkeys/<slug><ending> of a folder; with neither, hostkeys itself. */
MUST_CHECK enum err keyfile_path(const char *folder, const char *slug, const char *ending,
                                 char path[KEYFILE_PATH_MAX], struct errinfo *ei);

/* Where the replacing of a key stands: two equal ones have the same files between them. */
struct keyfile_phase {
    bool staged; /* all of the new key is there */
    struct stat names, new_names;
};
void keyfile_phase(const char *state_dir, const char *slug, struct keyfile_phase *out);
bool keyfile_phase_equal(const struct keyfile_phase *a, const struct keyfile_phase *b);

/* For every key that has staged files: puts them in their places if all are there, else removes
 * them. ERR_OK too where there is no folder yet. */
MUST_CHECK enum err keyfile_finish(const char *state_dir, const char *secrets_dir,
                                   struct errinfo *ei);

#endif
