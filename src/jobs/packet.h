/* packet: what goes over a job's socket between the network process and the steward. A job is one
 * request packet, any number of answer packets, and PACKET_END or PACKET_FAILED as the last of
 * them. One packet is one record of a SOCK_SEQPACKET socket: a type (u8) and fields in order,
 * integers little-endian, texts and bytes with their length (u16) before them. Both ends are the
 * same program, so there is no version. Reading trusts nothing of it. */
#ifndef ADBAD_JOBS_PACKET_H
#define ADBAD_JOBS_PACKET_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/wire.h"

#define PACKET_MAX 65536

enum packet_type {
    PACKET_REQUEST = 1, /* jobs/request.h */
    PACKET_END,
    PACKET_FAILED,
    PACKET_LOOK, /* jobs/look.h */
    PACKET_LOOK_OBJECT,
    PACKET_LOOK_COVERED,
    PACKET_LOOK_LINE,
    PACKET_NOTES, /* jobs/reading.h */
    PACKET_READING,
    PACKET_DOMAIN, /* jobs/update.h */
    PACKET_RECORD,
    PACKET_UPDATE,
    PACKET_CLEARING,   /* jobs/secret.h */
    PACKET_LOOK_CHECK, /* jobs/look.h */
};

/* Sends one whole packet. */
typedef enum err packet_send_fn(void *arg, const struct buf *packet, struct errinfo *ei);

/* Where packets of a job go. buf holds the one that is being made. */
struct packet_out {
    packet_send_fn *send;
    void *arg;
    struct buf buf;
};

/* Empties buf and begins a packet in it. */
struct wire_wr packet_begin(struct packet_out *o, enum packet_type type);
/* ERR_LIMIT for a packet above PACKET_MAX. */
MUST_CHECK enum err packet_send(struct packet_out *o, const struct wire_wr *w, struct errinfo *ei);
MUST_CHECK enum err packet_send_end(struct packet_out *o, struct errinfo *ei);
MUST_CHECK enum err packet_send_failed(struct packet_out *o, const struct errinfo *why,
                                       struct errinfo *ei);

/* Fields. A text or bytes of more than 65535: ERR_LIMIT, sticky. */
void packet_put_text(struct wire_wr *w, const char *text); /* NULL is "" */
void packet_put_bytes(struct wire_wr *w, const void *data, size_t n);
void packet_put_error(struct wire_wr *w, const struct errinfo *e);

/* The reader rejects what does not fit out, or holds a NUL. */
void packet_text(struct wire_rd *r, char *out, size_t size);
#define packet_text_into(r, array) packet_text((r), (array), sizeof(array))
/* In place; *n bytes, which may be 0. */
const uint8_t *packet_bytes(struct wire_rd *r, size_t *n);
bool packet_bool(struct wire_rd *r);                   /* 0 or 1 */
unsigned packet_enum(struct wire_rd *r, unsigned end); /* below end */
void packet_error(struct wire_rd *r, struct errinfo *out);

/* The answer of a reader to a packet: ERR_OK, or why it is none of ours. */
MUST_CHECK enum err packet_read(const struct wire_rd *r, struct errinfo *ei);

#endif
