#include "net/reason.h"

static const struct {
    const char *name, *text;
} reasons[NET_REASONS] = {
    [NET_PEER_CLOSED] = {"peer-closed", "the other side ended it, as every client does"},
    [NET_PEER_RESET] = {"peer-reset", "the other side or something on the way broke it off"},
    [NET_BIND_TIMEOUT] = {"bind-timeout", "it bound no interface in time; a port scan and a "
                                          "balancer's health check look like this"},
    [NET_EXCHANGE_TIMEOUT] = {"exchange-timeout", "it began a PDU or a call and did not go on in "
                                                  "time"},
    [NET_IDLE_TIMEOUT] = {"idle-timeout", "it was bound and asked nothing more; [kms] idle is how "
                                          "long it may"},
    [NET_WRITE_TIMEOUT] = {"write-timeout", "it did not take its answers in time"},
    [NET_SOURCE_LIMIT] = {"source-limit", "its address had too many connections already; where "
                                          "many clients share one address, raise [kms] "
                                          "max_per_source, or name their balancer in [kms] "
                                          "proxies"},
    [NET_NOT_ALLOWED] = {"not-allowed", "[kms] allow and deny do not let its address in"},
    [NET_BAD_PROXY_HEADER] = {"bad-proxy-header", "an address of [kms] proxies did not begin with "
                                                  "a whole header of the PROXY protocol, version "
                                                  "2; have the balancer send it (haproxy: "
                                                  "send-proxy-v2)"},
    [NET_UNANSWERED] = {"unanswered", "nothing could be recorded, so nothing was answered; see "
                                      "adbactl kms status"},
    [NET_SHUTDOWN] = {"shutdown", "adbad ended"},
};

const char *net_reason_name(unsigned reason)
{
    return reason < NET_REASONS ? reasons[reason].name
                                : rpc_reason_name((enum rpc_reason)(reason - NET_REASONS));
}

const char *net_reason_text(unsigned reason)
{
    return reason < NET_REASONS ? reasons[reason].text
                                : rpc_reason_text((enum rpc_reason)(reason - NET_REASONS));
}
