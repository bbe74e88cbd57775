#include "cli/overlay.h"

#include <stdlib.h>
#include <unistd.h>

#include "settings/settings.h"

enum err cli_catalog(struct cli *cli, const char *path, struct catalog **out, struct errinfo *ei)
{
    const struct settings *s;

    if (path == NULL && (cli->conf_path != NULL || getenv("ADBAD_CONF") != NULL ||
                         access(SETTINGS_DEFAULT_PATH, R_OK) == 0)) {
        enum err e = cli_settings(cli, &s, ei);

        if (e != ERR_OK)
            return e;
        path = s->catalog_dir;
    }
    return catalog_load_overlays(path, out, ei);
}
