/* proof: whether a request on 1688 comes from a member of the domain, and so may be granted as the
 * directory would grant it: [directory] proof. */
#ifndef ADBAD_DAEMON_PROOF_H
#define ADBAD_DAEMON_PROOF_H

#include "members/members.h"
#include "members/proofword.h"
#include "rpc/security.h"
#include "settings/settings.h"

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
