/* fakesec: a security provider without cryptography, for tests and fuzzers of the RPC core.
 *
 * Tokens are text. Accepting: "one" finishes at once, without an answer; "two" is answered "more"
 * and waits for "end", which finishes without an answer, or "bye", which finishes and is answered
 * "ok". "loop" is answered "more", again and again. A "p" or "o" behind a first token takes away
 * sealing or the detection of replays; anything else fails. Beginning: the first token is "two",
 * "more" is answered "end".
 *
 * A signature is eight octets: a counter of the direction, the sum of the octets that are signed,
 * and the number of octets before and behind the stub. Sealing is XOR with 0x55. */
#ifndef ADBAD_TESTS_FAKESEC_H
#define ADBAD_TESTS_FAKESEC_H

#include "rpc/security.h"

#define FAKE_TYPE      16u
#define FAKE_SIGNATURE 8u

/* Serves FAKE_TYPE and RPC_AUTHN_SPNEGO. */
extern const struct rpc_acceptor fake_acceptor;

/* NULL: out of memory. */
struct rpc_security *fake_initiator(void);

/* Contexts that were not closed yet. */
extern int fake_contexts;

#endif
