#include "cli/state.h"

#include "base/owner.h"
#include "cli/cli.h"

enum err state_hostkeys(const struct settings *s, bool with_secrets, struct hostkey **keys,
                        size_t *n, struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin(s->state_dir, &was, ei);

    *keys = NULL;
    *n = 0;
    if (e != ERR_OK)
        return e;
    e = hostkey_installed(s->state_dir, with_secrets ? s->secrets_dir : NULL, keys, n, ei);
    owner_end(&was);
    return cli_denied(e, ei);
}

enum err state_host(const struct settings *s, const struct rng *rng, char name[GUID_TEXT_MAX],
                    struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin(s->state_dir, &was, ei);

    if (e != ERR_OK)
        return e;
    e = installation_host(s->state_dir, rng, name, ei);
    owner_end(&was);
    return cli_denied(e, ei);
}

enum err state_installation(const struct settings *s, const struct hostkey *k, const char *host,
                            struct installation *out, struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin(s->state_dir, &was, ei);

    *out = (struct installation){0};
    if (e != ERR_OK)
        return e;
    e = installation_load(s->state_dir, k, host, out, ei);
    owner_end(&was);
    return cli_denied(e, ei);
}
