/* proxy: the header of the PROXY protocol, version 2, in which a load balancer tells for whom it
 * connects (haproxy's doc/proxy-protocol.txt, 2.2). Bytes in, address out. Private to this room. */
#ifndef ADBAD_NET_PROXY_H
#define ADBAD_NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/* Most bytes of a header: far more than balancers send, so that nobody fills memory with one. */
#define PROXY_MAX 4096u

enum proxy_step {
    PROXY_MORE, /* a beginning; ask again with more */
    PROXY_DONE,
    PROXY_BAD,
};

struct proxy_header {
    size_t len;           /* bytes of the input that it took */
    bool told;            /* client is set; else the connection's own counts */
    union address client; /* with its port */
    const char *wrong;    /* PROXY_BAD: what, in English */
};

/* Reads the header at the front of data. Whatever is not one is PROXY_BAD with its first wrong
 * byte. */
enum proxy_step proxy_parse(const void *data, size_t len, struct proxy_header *out);

#endif
