/* overlay: the catalogue with its overlays, for commands that work without a configuration. */
#ifndef ADBAD_CLI_OVERLAY_H
#define ADBAD_CLI_OVERLAY_H

#include "catalog/catalog.h"
#include "cli/cli.h"

/* Loads the built-in tables and the overlays in path; NULL: those of [catalog] dir, where a
 * configuration is named or is at its usual place, else those at their usual place. The caller
 * frees. */
MUST_CHECK enum err cli_catalog(struct cli *cli, const char *path, struct catalog **out,
                                struct errinfo *ei);

#endif
