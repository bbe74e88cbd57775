/* lab: a private OpenLDAP server with our schema in a folder of its own, for when no Active
 * Directory is at hand. No root, no system configuration, nothing outside the folder. */
#ifndef ADBAD_LAB_LAB_H
#define ADBAD_LAB_LAB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define LAB_DOMAIN_DEFAULT "lab.example"
#define LAB_KMS_PORT       1688
#define LAB_SERVICE_NAME   "adbad"

/* What was asked for; NULL and 0 stand for what the lab has, or for the defaults in a new one. */
struct lab_wish {
    const char *domain;
    uint32_t ldap_port; /* also ldap://127.0.0.1:port; 0: the local socket only */
    uint32_t kms_port;  /* for the configuration file that is written */
};

struct lab {
    char *dir;    /* absolute */
    char *domain; /* lower case */
    char *suffix; /* DC=lab,DC=example */
    char *uri;    /* ldapi://%2F… */
    uint32_t ldap_port;
    uint32_t kms_port;
    pid_t pid; /* 0: not running */
};

void lab_fini(struct lab *l);

/* Starts the directory in folder dir, which is made if it does not exist. In a folder that runs
 * already nothing changes and *was_running is set. ERR_REFUSED for a folder that holds something
 * else or that others can enter, ERR_BUSY for a port in use, ERR_NOT_NOW without slapd. */
MUST_CHECK enum err lab_up(const char *dir, const struct lab_wish *wish, struct lab *out,
                           bool *was_running, struct errinfo *ei);

/* Reads what the folder says. ERR_NOTFOUND if it is no lab. */
MUST_CHECK enum err lab_status(const char *dir, struct lab *out, struct errinfo *ei);

/* Stops the directory if it runs; its data stays. */
MUST_CHECK enum err lab_down(const char *dir, struct lab *out, bool *was_running,
                             struct errinfo *ei);

#endif
