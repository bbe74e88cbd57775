/* shared: what the servers of one program have in common, on whichever threads they are:
 * association groups, which a client may enter through any of them, and the sum of their traffic.
 * Every function here may be called from any thread. */
#ifndef ADBAD_RPC_SHARED_H
#define ADBAD_RPC_SHARED_H

#include <stddef.h>
#include <stdint.h>

struct rpc_shared;

/* NULL: out of memory. first_group: the id of the first association group; 0: a default that no
 * client would guess by counting from 1. */
struct rpc_shared *rpc_shared_new(uint32_t first_group);
/* After its servers are finished. */
void rpc_shared_free(struct rpc_shared *shared);

/* What rpc.mgmt's inq_stats reports. */
struct rpc_stats {
    uint64_t calls_in, calls_out, pdus_in, pdus_out;
};

/* The sum over all servers. */
void rpc_shared_stats(struct rpc_shared *shared, struct rpc_stats *out);
/* How many association groups there are now. */
size_t rpc_shared_groups(struct rpc_shared *shared);

#endif
