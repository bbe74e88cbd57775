#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"

static const char usage[] =
    "Usage: adbad [--config FILE] [--check]\n"
    "\n"
    "Answers KMS requests of the clients of a lab realm, watches the activation objects of its\n"
    "directory and keeps a ledger of what it answered. Stays in the foreground and logs to "
    "stderr;\n"
    "the line \"ready: listening on ...\" says that it serves. SIGTERM ends it in good order.\n"
    "\n"
    "  --config FILE  configuration (default: " SETTINGS_DEFAULT_PATH ");\n"
    "                 \"adbactl conf default\" prints every key\n"
    "  --check        only check the configuration, folders, realm, host keys and ledger; changes\n"
    "                 nothing\n"
    "  --help         this text\n"
    "  --version      the version\n"
    "\n"
    "Exit codes: 0 ended in good order, 2 usage, 3 configuration, 4 a file is missing,\n"
    "5 refused by a safety rule or by permissions, 7 a file is not valid, 8 storage,\n"
    "9 something is in use, 1 its steward process ended; the rest stands in\n"
    "adbactl(1).\n";

enum { OPT_CONFIG = 1, OPT_CHECK, OPT_HELP, OPT_VERSION };

int options_parse(int argc, char **argv, struct options *out)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, OPT_CONFIG},
        {"check", no_argument, NULL, OPT_CHECK},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {0},
    };
    int c;

    *out = (struct options){.config = SETTINGS_DEFAULT_PATH};
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case OPT_CONFIG:
            out->config = optarg;
            break;
        case OPT_CHECK:
            out->check = true;
            break;
        case OPT_HELP:
            fputs(usage, stdout);
            return EXIT_OK;
        case OPT_VERSION:
            puts("adbad " ADBAD_VERSION);
            return EXIT_OK;
        default: /* getopt_long has said what is wrong */
            fputs("Try: adbad --help\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "adbad: unexpected argument \"%s\"\nTry: adbad --help\n", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}
