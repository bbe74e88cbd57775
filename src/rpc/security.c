#include "rpc/security.h"

const char *rpc_level_name(uint8_t level)
{
    static const char *const names[] = {
        [RPC_LEVEL_NONE] = "none",           [RPC_LEVEL_CONNECT] = "connect",
        [RPC_LEVEL_CALL] = "call",           [RPC_LEVEL_PACKET] = "packet",
        [RPC_LEVEL_INTEGRITY] = "integrity", [RPC_LEVEL_PRIVACY] = "privacy",
    };

    return level >= RPC_LEVEL_NONE && level <= RPC_LEVEL_PRIVACY ? names[level] : "unknown";
}
