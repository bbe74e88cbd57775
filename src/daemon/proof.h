/* proof: whether a request on 1688 comes from a member of the domain, and so may be granted as the
 * directory would grant it: [directory] proof. */
#ifndef ADBAD_DAEMON_PROOF_H
#define ADBAD_DAEMON_PROOF_H

#include "members/members.h"
#include "rpc/security.h"
#include "settings/settings.h"

enum proof {
    PROOF_MEMBER,          /* proven */
    PROOF_OFF,             /* nothing is believed: proof = none, or no registry */
    PROOF_UNAUTHENTICATED, /* the call is nobody's in particular */
    PROOF_WEAK,            /* its level does not protect the request, or not with the header */
    PROOF_OTHER_REALM,
    PROOF_NO_MACHINE,    /* the principal is no machine account */
    PROOF_OTHER_NAME,    /* the request names another workstation than was authenticated */
    PROOF_NO_SID,        /* the ticket tells none that its domain signed */
    PROOF_OTHER_ACCOUNT, /* its SID is not that of the account of its name */
    PROOF_DISABLED,      /* the account */
    PROOF_NO_ACCOUNT,    /* the registry has none of that name, or several */
    PROOF_STALE,         /* the registry is too old to say */
    PROOF_COUNT
};

/* A lower-case word ("other-name"); never NULL. */
const char *proof_name(enum proof p);
/* One sentence on why it is not proven; never NULL. */
const char *proof_text(enum proof p);

struct proof_question {
    int how;       /* enum settings_proof */
    uint8_t level; /* of the call: enum rpc_level */
    bool header_signed;
    const struct rpc_security_facts *peer; /* NULL: not authenticated */
    const char *workstation;               /* as the request names it; may be a DNS name */
    int64_t now;                           /* lab time */
};

/* members may be NULL: no directory is configured. */
enum proof proof_judge(const struct proof_question *q, struct members *members);

#endif
