/* take: which changes of the configuration a running program takes. */
#include <string.h>

#include "settings/settings.h"

/* All of [directory] belongs together. */
static bool takes_effect(const struct conf_key *k, bool same_directory)
{
    return k->when == CONF_RELOAD && (same_directory || strcmp(k->section, "directory") != 0);
}

enum err settings_take(const struct settings *was, struct settings *now, settings_change_fn *each,
                       void *arg, struct errinfo *ei)
{
    bool same_directory = (was->dir_uri == NULL) == (now->dir_uri == NULL);
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < settings_table.n; i++) {
        const struct conf_key *k = &settings_table.keys[i];
        bool takes = takes_effect(k, same_directory);

        if (conf_equal(k, was, now))
            continue;
        if (each != NULL)
            e = each(arg, k, takes, was, now, ei);
        if (e == ERR_OK && !takes && conf_copy(k, was, now) != ERR_OK)
            e = err_nomem(ei);
    }
    return e == ERR_OK ? settings_check_mixed(now, ei) : e;
}
