/* pdu: the packets of connection-oriented DCE/RPC (C706 12.6, MS-RPCE 2.2.2), read and written.
 * Shared by the server (conn) and the client. */
#ifndef ADBAD_RPC_PDU_H
#define ADBAD_RPC_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "rpc/reason.h"
#include "wire/wire.h"

#define RPC_HDR_LEN      16u
#define RPC_REQUEST_LEN  24u /* header and fixed part; a response has the same */
#define RPC_BIND_LEN     25u /* header, sizes, group and count of contexts */
#define RPC_FRAG_MAX     5840u
#define RPC_FRAG_MIN     2048u /* below what MS-RPCE lets a peer ask for */
#define RPC_CONTEXTS_MAX 255u  /* in one bind: the count is one byte */

enum rpc_ptype {
    RPC_REQUEST = 0,
    RPC_PING = 1,
    RPC_RESPONSE = 2,
    RPC_FAULT = 3,
    RPC_BIND = 11,
    RPC_BIND_ACK = 12,
    RPC_BIND_NAK = 13,
    RPC_ALTER = 14,
    RPC_ALTER_RESP = 15,
    RPC_AUTH3 = 16,
    RPC_SHUTDOWN = 17,
    RPC_CO_CANCEL = 18,
    RPC_ORPHANED = 19,
};

/* pfc_flags (C706 12.6.3.1). */
#define RPC_PFC_FIRST           0x01u
#define RPC_PFC_LAST            0x02u
#define RPC_PFC_PENDING_CANCEL  0x04u /* in requests */
#define RPC_PFC_HDR_SIGNING     0x04u /* in bind, alter and their answers (MS-RPCE 2.2.2.3) */
#define RPC_PFC_CONC_MPX        0x10u
#define RPC_PFC_DID_NOT_EXECUTE 0x20u
#define RPC_PFC_MAYBE           0x40u
#define RPC_PFC_OBJECT_UUID     0x80u

/* provider_reject_reason of a BIND_NAK (C706 12.6.3.1, MS-RPCE 2.2.2.5). */
#define RPC_NAK_NOT_SPECIFIED 0u
#define RPC_NAK_CONGESTION    1u
#define RPC_NAK_VERSION       4u
#define RPC_NAK_AUTH_TYPE     8u
#define RPC_NAK_CHECKSUM      9u

/* Result and reason of one presentation context (C706 12.6.3.1, MS-RPCE 2.2.2.4). */
#define RPC_CTX_ACCEPTED      0u
#define RPC_CTX_REJECTED      2u /* provider rejection */
#define RPC_CTX_NEGOTIATE_ACK 3u /* the reason is the bitmask of features */
#define RPC_CTX_NO_ABSTRACT   1u
#define RPC_CTX_NO_TRANSFER   2u
#define RPC_CTX_LIMIT         3u

/* Features of a bind-time negotiation (MS-RPCE 2.2.2.14). */
#define RPC_FEATURE_SECURITY_MULTIPLEX 0x01u
#define RPC_FEATURE_KEEP_ON_ORPHAN     0x02u

struct rpc_hdr {
    uint8_t vers, minor, ptype, flags;
    uint8_t drep[4];
    bool big; /* integers are big-endian, from drep */
    uint16_t frag_len, auth_len;
    uint32_t call_id;
};

/* Reads a header of RPC_HDR_LEN bytes. *out is filled in any case; not RPC_OK: RPC_BAD_VERSION,
 * RPC_BAD_LENGTH or RPC_BAD_TYPE. */
enum rpc_reason rpc_hdr_read(const uint8_t *pdu, struct rpc_hdr *out);

/* An interface or a transfer syntax with its version. */
struct rpc_syntax {
    struct guid uuid;
    uint16_t major, minor;
};

extern const struct rpc_syntax rpc_ndr;   /* NDR 2.0 */
extern const struct rpc_syntax rpc_ndr64; /* NDR64 1.0 */

static inline bool rpc_syntax_equal(const struct rpc_syntax *a, const struct rpc_syntax *b)
{
    return guid_equal(&a->uuid, &b->uuid) && a->major == b->major && a->minor == b->minor;
}

/* Whether the syntax asks for bind-time features; which, in *features. */
bool rpc_syntax_features(const struct rpc_syntax *s, uint64_t *features);

/* The auth trailer (MS-RPCE 2.2.2.11). */
struct rpc_auth {
    uint8_t type, level, pad;
    uint32_t context_id;
    const uint8_t *value;
    uint16_t len;
};

/* Finds the trailer of a PDU with auth_length > 0 behind body bytes of header and fixed part.
 * ERR_MALFORMED if it does not fit. */
MUST_CHECK enum err rpc_auth_read(const struct rpc_hdr *h, const uint8_t *pdu, size_t body,
                                  struct rpc_auth *out);

#define RPC_TRAILER_LEN 8u
/* The stub with its padding is a multiple of this where it is signed (MS-RPCE 2.2.2.11). */
#define RPC_AUTH_ALIGN 16u

/* A trailer to write. */
struct rpc_trailer {
    uint8_t type, level;
    uint32_t context_id;
    size_t len; /* of the value */
};

/* Ends the PDU that began at offset start of out with a trailer, the stub from offset body on
 * padded for it; the value is zeros, for the caller to write. Without a stub to pad body is
 * SIZE_MAX. Returns the offset of the trailer. */
size_t rpc_put_trailer(struct buf *out, size_t start, size_t body, const struct rpc_trailer *t);

/* Bind or alter_context. The contexts were walked once and are read again with the cursor. */
struct rpc_bind {
    uint16_t max_xmit, max_recv;
    uint32_t group;
    uint8_t contexts;
    struct wire_rd list;
};

/* One proposed presentation context. */
struct rpc_proposal {
    uint16_t id;
    uint8_t transfers;
    struct rpc_syntax abstract;
    struct wire_rd list; /* transfer syntaxes */
};

/* ERR_TRUNCATED: counts larger than the body; ERR_MALFORMED: much left over behind them. */
MUST_CHECK enum err rpc_bind_read(const struct rpc_hdr *h, const uint8_t *pdu,
                                  struct rpc_bind *out);
struct rpc_proposal rpc_bind_next(struct wire_rd *list);
struct rpc_syntax rpc_syntax_read(struct wire_rd *r);

struct rpc_request {
    uint32_t alloc_hint;
    uint16_t context_id, opnum;
    bool has_object;
    struct guid object;
    const uint8_t *stub;
    size_t stub_len;
};

/* The stub is what lies between the fixed part and the auth trailer's padding. */
MUST_CHECK enum err rpc_request_read(const struct rpc_hdr *h, const uint8_t *pdu,
                                     struct rpc_request *out);

/* Fills in frag_length of the PDU that started at offset start of out. */
void rpc_pdu_finish(struct wire_wr *w);
/* Begins a PDU of ours: little-endian, version 5.0. */
struct wire_wr rpc_pdu_begin(struct buf *out, uint8_t ptype, uint8_t flags, uint32_t call_id);

struct rpc_result {
    uint16_t result, reason;
    struct rpc_syntax syntax;
};

struct rpc_ack {
    uint8_t ptype, flags; /* flags beside FIRST and LAST */
    uint32_t call_id;
    uint16_t max_frag;
    uint32_t group;
    const char *address; /* "": none */
    const struct rpc_result *results;
    size_t count;
};

void rpc_put_syntax(struct wire_wr *w, const struct rpc_syntax *s);
void rpc_put_ack(struct buf *out, const struct rpc_ack *ack);
void rpc_put_nak(struct buf *out, uint32_t call_id, uint16_t reason);
void rpc_put_fault(struct buf *out, uint32_t call_id, uint16_t context_id, uint8_t flags,
                   uint32_t status);
/* One fragment of a response; hint is what is left of the stub, this fragment included. */
void rpc_put_response(struct buf *out, uint32_t call_id, uint16_t context_id, uint8_t flags,
                      size_t hint, const void *stub, size_t len);

#endif
