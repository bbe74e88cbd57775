#include "daemon/proofs.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PLACES      1024
#define NETBIOS_MAX 15 /* AD cuts names of accounts to so many characters */

struct proofs {
    pthread_mutex_t lock;
    struct proofs_case place[PLACES];
};

struct proofs *proofs_new(void)
{
    struct proofs *p = calloc(1, sizeof(*p));

    if (p != NULL)
        pthread_mutex_init(&p->lock, NULL);
    return p;
}

void proofs_free(struct proofs *p)
{
    if (p == NULL)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* "PC01" of "pc01.lab.example" and of "PC01$", cut as its account's name is. */
static void machine_of(const char *name, char machine[PROOFS_NAME_MAX])
{
    size_t n = strcspn(name, ".$");

    if (n > NETBIOS_MAX)
        n = NETBIOS_MAX;
    for (size_t i = 0; i < n; i++)
        machine[i] = (char)toupper((unsigned char)name[i]);
    machine[n] = '\0';
}

/* FNV-1a. */
static struct proofs_case *place_of(struct proofs *p, const char *machine)
{
    uint32_t h = 2166136261u;

    for (; *machine != '\0'; machine++)
        h = (h ^ (unsigned char)*machine) * 16777619u;
    return &p->place[h % PLACES];
}

void proofs_note(struct proofs *p, const char *workstation, const struct proofs_case *c)
{
    char machine[PROOFS_NAME_MAX];
    struct proofs_case *at;

    machine_of(workstation, machine);
    pthread_mutex_lock(&p->lock);
    at = place_of(p, machine);
    *at = *c;
    snprintf(at->machine, sizeof(at->machine), "%s", machine);
    pthread_mutex_unlock(&p->lock);
}

bool proofs_last(struct proofs *p, const char *name, struct proofs_case *out)
{
    char machine[PROOFS_NAME_MAX];
    bool found;

    machine_of(name, machine);
    pthread_mutex_lock(&p->lock);
    *out = *place_of(p, machine);
    pthread_mutex_unlock(&p->lock);
    found = out->when != 0 && strcmp(out->machine, machine) == 0;
    return found;
}
