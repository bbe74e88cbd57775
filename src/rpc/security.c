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

enum err rpc_security_suffices(const struct rpc_security_facts *f, uint8_t level,
                               struct errinfo *ei)
{
    if (level == RPC_LEVEL_PRIVACY && !f->private)
        return err_fail(ei, ERR_CRYPTO, "the peer did not agree to sealing");
    if (level >= RPC_LEVEL_PACKET && !f->ordered)
        return err_fail(ei, ERR_CRYPTO,
                        "the peer did not agree to refusing messages that are "
                        "replayed or out of order");
    return ERR_OK;
}
