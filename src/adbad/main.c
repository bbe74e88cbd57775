/* adbad: the daemon, processes of one program: this one serves the network, the steward and the
 * relay's dialler work for it. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/sigkeep.h"
#include "steward/keeper.h"

int main(int argc, char **argv)
{
    struct daemon d;
    struct options options;
    struct errinfo ei = {0};
    int status;
    enum err e;

    sigkeep_ignore(); /* nor do these end us before they have a meaning */
    status = options_parse(argc, argv, &options);
    if (status >= 0)
        return status;
    signal(SIGCHLD, SIG_DFL); /* one that is ignored is inherited, and would lose how jobs end */
    options.steward = keeper_start;
    e = daemon_open(&d, &options, &ei);
    if (e != ERR_OK) {
        fprintf(stderr, "adbad: %s\n", ei.text);
        return err_exit_code(e);
    }
    if (options.check)
        puts("The configuration and all that it names are good.");
    else
        status = daemon_run(&d);
    daemon_close(&d);
    return options.check ? EXIT_OK : status;
}
