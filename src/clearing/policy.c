#include "clearing/policy.h"

#include <inttypes.h>

#include "clearing/codes.h"

static const struct {
    const char *name;
    uint32_t hresult;
    const char *text;
} reasons[CLEARING_REASONS] = {
    [CLEARING_GRANTED] = {"granted", 0, "granted"},
    [CLEARING_BAD_MESSAGE] = {"bad-message", SL_E_CHPA_INVALID_ARGUMENT,
                              "the request breaks its format"},
    [CLEARING_BAD_ID] = {"bad-id", SL_E_CIDIID_INVALID_DATA,
                         "the installation ID breaks its format; read it again"},
    [CLEARING_UNKNOWN_KEY] =
        {"unknown-key", SL_E_CHPA_PRODUCT_KEY_OUT_OF_RANGE,
         "this realm never issued that key; install one that it did, or name the "
         "clearing house of the realm that issued it"},
    [CLEARING_UNSUPPORTED] = {"unsupported-key", SL_E_CHPA_UNSUPPORTED_PRODUCT_KEY,
                              "the host key's group is not in the clearing house's catalogue"},
    [CLEARING_BAD_BINDING] = {"bad-binding", SL_E_CHPA_INVALID_BINDING,
                              "the installation ID was made for another host, forest or machine"},
    [CLEARING_BLOCKED] = {"blocked-key", SL_E_CHPA_PRODUCT_KEY_BLOCKED,
                          "the key is blocked; get another and install it"},
    [CLEARING_HOSTS_SPENT] = {"hosts-spent", SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED,
                              "the host key has been activated on as many hosts as it may be; ask "
                              "the clearing house to extend it"},
    [CLEARING_HOST_SPENT] = {"activations-spent", SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED,
                             "this host has been activated as often as it may be; ask the clearing "
                             "house to extend the host key"},
    [CLEARING_POOL_SPENT] = {"pool-spent", SL_E_CHPA_DMAK_LIMIT_EXCEEDED,
                             "the multiple activation key has no activation left; ask the clearing "
                             "house to extend it (there: adbactl mak extend)"},
    [CLEARING_MORE_SPENT] = {"extension-spent", SL_E_CHPA_DMAK_EXTENSION_LIMIT,
                             "the multiple activation key was extended, and that is used up too; "
                             "ask the clearing house for more (there: adbactl mak extend)"},
    [CLEARING_OEM] = {"oem-key", SL_E_CHPA_OEM_SLP_COA0,
                      "an OEM key is activated by the marker in its machine's firmware and by "
                      "nobody else; install a key of another kind"},
    [CLEARING_NOT_RECORDED] = {"not-recorded", SL_E_CHPA_DATABASE_ERROR,
                               "the clearing house cannot write its ledger; try again later"},
};

const char *clearing_reason_name(enum clearing_reason r)
{
    return (unsigned)r < CLEARING_REASONS ? reasons[r].name : "unknown";
}

uint32_t clearing_reason_hresult(enum clearing_reason r)
{
    return (unsigned)r < CLEARING_REASONS ? reasons[r].hresult : SL_E_CHPA_INVALID_ARGUMENT;
}

const char *clearing_reason_text(enum clearing_reason r)
{
    return (unsigned)r < CLEARING_REASONS ? reasons[r].text : "unknown";
}

const char *clearing_hresult_text(uint32_t hresult)
{
    if (hresult == SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED)
        return "the host key has no activation left for this host or forest, or for one more; ask "
               "the clearing house to extend it (there: adbactl clearing list)";
    for (int r = CLEARING_GRANTED + 1; r < CLEARING_REASONS; r++) {
        if (reasons[r].hresult == hresult)
            return reasons[r].text;
    }
    return "refused";
}

static uint32_t left_of(uint32_t limit, uint32_t used)
{
    return limit > used ? limit - used : 0;
}

struct clearing_verdict clearing_decide(const struct clearing_use *u)
{
    bool is_new = u->used == 0;
    struct clearing_verdict v = {
        .reason = CLEARING_GRANTED, .used = u->used, .hosts_used = u->hosts};

    if (u->blocked)
        v.reason = CLEARING_BLOCKED;
    else if (is_new && u->hosts >= u->limits.hosts)
        v.reason = CLEARING_HOSTS_SPENT;
    else if (u->used >= u->limits.per_host)
        v.reason = CLEARING_HOST_SPENT;
    if (v.reason == CLEARING_GRANTED) {
        v.used++;
        v.hosts_used += is_new ? 1 : 0;
    }
    v.left = left_of(u->limits.per_host, v.used);
    v.hosts_left = left_of(u->limits.hosts, v.hosts_used);
    return v;
}

struct clearing_verdict clearing_decide_pool(const struct clearing_pool *p)
{
    struct clearing_verdict v = {
        .reason = CLEARING_GRANTED, .used = p->used, .hosts_used = p->machines};

    if (p->blocked)
        v.reason = CLEARING_BLOCKED;
    else if (p->used >= p->size)
        v.reason = p->extended ? CLEARING_MORE_SPENT : CLEARING_POOL_SPENT;
    if (v.reason == CLEARING_GRANTED) {
        v.used++;
        v.hosts_used += p->had ? 0 : 1;
    }
    v.left = v.hosts_left = left_of(p->size, v.used);
    return v;
}

enum err clearing_extend_pool(struct clearing_pool *p, uint32_t more, struct errinfo *ei)
{
    if (more > left_of(CLEARING_LIMIT_MAX, p->size))
        return err_fail_hr(ei, ERR_LIMIT, SL_E_CHPA_DMAK_EXTENSION_LIMIT,
                           "extend key: a pool holds at most %u activations; this one has %" PRIu32,
                           CLEARING_LIMIT_MAX, p->size);
    p->extended = p->extended || more > 0;
    p->size += more;
    return ERR_OK;
}

enum err clearing_extend(struct clearing_limits *l, uint32_t more_hosts, uint32_t more_per_host,
                         struct errinfo *ei)
{
    if (more_hosts > left_of(CLEARING_LIMIT_MAX, l->hosts) ||
        more_per_host > left_of(CLEARING_LIMIT_MAX, l->per_host))
        return err_fail(ei, ERR_LIMIT,
                        "extend host key: at most %u hosts and %u activations of each; it has "
                        "%" PRIu32 " and %" PRIu32,
                        CLEARING_LIMIT_MAX, CLEARING_LIMIT_MAX, l->hosts, l->per_host);
    l->hosts += more_hosts;
    l->per_host += more_per_host;
    return ERR_OK;
}
