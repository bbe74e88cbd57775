#include "members/proofword.h"

#include <string.h>

static const struct {
    const char *name, *text, *remedy;
} told[PROOF_COUNT] = {
    [PROOF_MEMBER] = {"member", "it is a member", ""},
    [PROOF_OFF] = {"off", "[directory] proof lets nobody prove it",
                   "Set [directory] proof = kerberos and [kms] keytab, if members shall be granted "
                   "on 1688 what the directory covers."},
    [PROOF_UNAUTHENTICATED] = {"unauthenticated", "the caller did not authenticate",
                               "Nothing, if it is a client that never does (Windows asks KMS so): "
                               "it counts as everyone, and the directory can activate it itself."},
    [PROOF_WEAK] = {"weak",
                    "the call is not protected with its header; packet integrity with header "
                    "signing is",
                    "Call at level packet or above, with header signing."},
    [PROOF_OTHER_REALM] =
        {"other-realm", "the caller belongs to another Kerberos realm",
         "Nothing, if it is a machine of a trusted domain: only the service's own "
         "realm is believed."},
    [PROOF_NO_MACHINE] = {"no-machine", "the caller authenticated as a user, not as a machine",
                          "Ask as the machine account, NAME$."},
    [PROOF_OTHER_NAME] = {"other-name",
                          "the request names another workstation than the machine that "
                          "authenticated",
                          "Compare the computer's name with its account: after a rename, join or "
                          "restart it again."},
    [PROOF_NO_SID] = {"no-sid", "the ticket does not tell the SID of the account",
                      "Have domain controllers that sign it (Samba since 4.15.2, updated Windows), "
                      "and a service account that takes a PAC."},
    [PROOF_OTHER_ACCOUNT] = {"other-account",
                             "the ticket's SID is not that of the account whose name it bears",
                             "Look at who has that name: adbactl membership show SID. It may be "
                             "somebody who pretends, or an account made anew and not read yet: "
                             "adbactl membership sync."},
    [PROOF_DISABLED] = {"disabled", "the computer account is disabled",
                        "Enable it, if it shall be: adbactl membership show NAME."},
    [PROOF_NO_ACCOUNT] = {"no-account", "there is no one computer account of that name",
                          "If it was made just now: adbactl membership sync. If several have the "
                          "name, rename one."},
    [PROOF_STALE] = {"stale", "the computer accounts were read too long ago",
                     "Look at why the directory can't be read: adbactl membership status."},
};

const char *proof_name(enum proof p)
{
    return (unsigned)p < PROOF_COUNT ? told[p].name : "unknown";
}

enum proof proof_named(const char *word)
{
    int p = 0;

    while (p < PROOF_COUNT && strcmp(told[p].name, word) != 0)
        p++;
    return (enum proof)p;
}

const char *proof_text(enum proof p)
{
    return (unsigned)p < PROOF_COUNT ? told[p].text : "";
}

const char *proof_remedy(enum proof p)
{
    return (unsigned)p < PROOF_COUNT ? told[p].remedy : "";
}
