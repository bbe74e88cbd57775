/* installation: what a host keeps beside an installed host key: what kind of host it was when the
 * key was installed, and the key's activation on this host (docs/hostkeys.md).
 *
 * A host is known by state/host.id, made once. Activations hold for the host and the key for which
 * they were given: a copied folder of host keys is not activated elsewhere. */
#ifndef ADBAD_REALM_INSTALLATION_H
#define ADBAD_REALM_INSTALLATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/guid.h"
#include "base/rng.h"
#include "realm/hostkey.h"

#define INSTALLATION_CID_MAX 56

enum installation_how {
    INSTALLATION_NOT, /* not activated */
    INSTALLATION_ONLINE,
    INSTALLATION_PHONE,
    INSTALLATION_LAB, /* no clearing house; nothing was counted */
    INSTALLATION_HOWS
};
/* "not", "online", "phone", "lab". */
const char *installation_how_name(enum installation_how how);

struct installation {
    /* When the key was installed; owned. */
    char *host_os; /* NULL: a host that serves everything */
    struct conf_list updates;
    /* The activation. */
    enum installation_how how;
    int64_t when;
    char cid[INSTALLATION_CID_MAX];  /* online and phone: the confirmation ID */
    uint32_t used, left;             /* online: activations of this host */
    uint32_t hosts_used, hosts_left; /* online: hosts of the key */
};

void installation_fini(struct installation *i);

/* The name that this host keeps, from state/host.id; the file is made if it is missing and rng is
 * not NULL, else ERR_NOTFOUND. */
MUST_CHECK enum err installation_host(const char *state_dir, const struct rng *rng,
                                      char name[GUID_TEXT_MAX], struct errinfo *ei);

/* Appends what is kept of k on the host of that name. */
MUST_CHECK enum err installation_text(const struct hostkey *k, const char *host,
                                      const struct installation *i, struct buf *out,
                                      struct errinfo *ei);
/* Writes hostkeys/<slug>.host for k on the host of that name. The strings are only read. */
MUST_CHECK enum err installation_save(const char *state_dir, const struct hostkey *k,
                                      const char *host, const struct installation *i,
                                      struct errinfo *ei);
/* Reads it. What is missing or of another key is all zero; of another host it is not activated.
 * host NULL: this host has no name yet. The caller frees with installation_fini. */
MUST_CHECK enum err installation_load(const char *state_dir, const struct hostkey *k,
                                      const char *host, struct installation *out,
                                      struct errinfo *ei);

#endif
