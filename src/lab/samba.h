/* samba: a domain of real Samba AD DCs in a folder: each domain controller and one client machine
 * is a node (node.h) on a network that nobody else sees. For people to play in. Needs root. */
#ifndef ADBAD_LAB_SAMBA_H
#define ADBAD_LAB_SAMBA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "lab/lab.h"
#include "lab/node.h"

#define SAMBA_SERVICE_NAME "svc-adbad" /* docs/samba.md */
#define SAMBA_DCS_MAX      3

/* What was asked for; NULL and 0 stand for what the lab has, or for the defaults in a new one. */
struct samba_wish {
    const char *domain;
    uint32_t dcs; /* writable ones: 1 or 2 */
    bool rodc;
    bool schema47; /* the schema of Windows Server 2008 R2, without activation objects */
    uint32_t kms_port;
};

struct samba_dc {
    struct node node;
    bool read_only;
    char *fqdn;
    char address[16];
};

struct samba_lab {
    struct lab place; /* dir, domain and suffix; kms_port */
    char *realm;      /* upper case */
    char netbios[16];
    uint32_t writable;
    bool rodc, schema47;
    struct node client;
    struct samba_dc dc[SAMBA_DCS_MAX];
    size_t dcs;
};

/* Told what takes long, one line each. */
struct samba_talk {
    void (*say)(void *arg, const char *text);
    void *arg;
};

void samba_lab_fini(struct samba_lab *l);
/* Every node runs. */
bool samba_lab_runs(const struct samba_lab *l);

/* Whether dir holds a lab of this kind. */
bool samba_lab_is(const char *dir);

/* Makes the domain if there is none yet (about half a minute), and starts what does not run.
 * *was_running: everything did. A broken-off one is completed by the next. ERR_DENIED: not root;
 * ERR_NOT_NOW: packages are missing, and which. */
MUST_CHECK enum err samba_lab_up(const char *dir, const struct samba_wish *wish,
                                 const struct samba_talk *talk, struct samba_lab *out,
                                 bool *was_running, struct errinfo *ei);
MUST_CHECK enum err samba_lab_status(const char *dir, struct samba_lab *out, struct errinfo *ei);
/* Ends everything that runs in it; the data stay. */
MUST_CHECK enum err samba_lab_down(const char *dir, struct samba_lab *out, bool *was_running,
                                   struct errinfo *ei);

/* Runs a command on the client machine with our terminal, in our folder; *status is its exit
 * code. argv NULL: a shell. */
MUST_CHECK enum err samba_lab_run(const char *dir, char *const *argv, int *status,
                                  struct errinfo *ei);

#endif
