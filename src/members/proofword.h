/* proofword: what comes of asking whether a caller on 1688 is a member of the domain, in a word and
 * in sentences for people. daemon/proof.h judges. */
#ifndef ADBAD_MEMBERS_PROOFWORD_H
#define ADBAD_MEMBERS_PROOFWORD_H

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
/* PROOF_COUNT for no such word. */
enum proof proof_named(const char *word);
/* One sentence on why it is not proven; never NULL. */
const char *proof_text(enum proof p);
/* What to do about it; "" for a member. */
const char *proof_remedy(enum proof p);

#endif
