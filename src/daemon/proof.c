#include "daemon/proof.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NETBIOS_MAX 15 /* characters of a machine account's name, without its "$" */

/* The account's name of "PC01$@LAB.EXAMPLE", without the "$". False: no machine account. The
 * registry overlooks one "$", so a name that still ends in one would pass for another's. */
static bool machine_of(const char *principal, char *name, size_t size)
{
    size_t n = strcspn(principal, "@/\\");

    if (n < 2 || n > size || principal[n] != '@' || principal[n - 1] != '$' ||
        principal[n - 2] == '$')
        return false;
    snprintf(name, size, "%.*s", (int)(n - 1), principal);
    return true;
}

/* Whether the workstation's first label is the account's name, which AD cuts to 15 characters. */
static bool same_machine(const char *account, const char *workstation)
{
    size_t n = strcspn(workstation, ".");

    if (n > NETBIOS_MAX && strlen(account) == NETBIOS_MAX)
        n = NETBIOS_MAX;
    return n == strlen(account) && strncasecmp(account, workstation, n) == 0;
}

static enum proof by_kerberos(const struct proof_question *q, char *name, size_t size)
{
    if (q->peer == NULL)
        return PROOF_UNAUTHENTICATED;
    if (q->level < RPC_LEVEL_PACKET || !q->header_signed)
        return PROOF_WEAK;
    if (!q->peer->own_realm)
        return PROOF_OTHER_REALM;
    if (!machine_of(q->peer->principal, name, size))
        return PROOF_NO_MACHINE;
    if (!same_machine(name, q->workstation))
        return PROOF_OTHER_NAME;
    return q->peer->sid_len > 0 ? PROOF_MEMBER : PROOF_NO_SID;
}

/* Who may choose a user principal name can be called by a machine's name; SIDs are not chosen. */
static enum proof same_account(const struct proof_question *q, struct members *members,
                               const struct guid *named)
{
    struct member_answer a;

    members_judge(members, MEMBER_BY_SID, q->peer->sid, q->peer->sid_len, q->now, &a);
    return a.verdict == MEMBER_YES && !guid_is_zero(named) && guid_equal(&a.guid, named)
               ? PROOF_MEMBER
               : PROOF_OTHER_ACCOUNT;
}

enum proof proof_judge(const struct proof_question *q, struct members *members)
{
    static const enum proof of[MEMBER_VERDICTS] = {
        [MEMBER_YES] = PROOF_MEMBER,
        [MEMBER_DISABLED] = PROOF_DISABLED,
        [MEMBER_UNKNOWN] = PROOF_NO_ACCOUNT,
        [MEMBER_STALE] = PROOF_STALE,
    };
    char name[ROSTER_NAME_MAX + 1];
    enum proof p = PROOF_MEMBER;
    struct member_answer a;

    if (q->how == SET_PROOF_NONE || members == NULL)
        return PROOF_OFF;
    if (q->how == SET_PROOF_KERBEROS)
        p = by_kerberos(q, name, sizeof(name));
    else
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(q->workstation, "."), q->workstation);
    if (p != PROOF_MEMBER)
        return p;
    members_judge(members, MEMBER_BY_NAME, name, strlen(name), q->now, &a);
    if (q->how == SET_PROOF_KERBEROS && a.verdict == MEMBER_YES)
        return same_account(q, members, &a.guid);
    return of[a.verdict];
}
