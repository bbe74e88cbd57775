/* peer: one connection to the measured server, blocking: what happens outside the measuring window.
 */
#ifndef ADBAD_BENCH_PEER_H
#define ADBAD_BENCH_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Connects to 127.0.0.1:port from 127.0.0.(2 + source); the descriptor, or -1 with errno. */
int peer_connect(uint16_t port, unsigned source);
/* Sends a PDU and receives one, of at most size bytes, within five seconds. */
MUST_CHECK enum err peer_exchange(int fd, const void *pdu, size_t len, uint8_t *answer, size_t size,
                                  size_t *answer_len, struct errinfo *ei);

#endif
