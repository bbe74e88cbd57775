/* process: what a process that adbad forked for work of its own begins with. */
#ifndef ADBAD_BASE_PROCESS_H
#define ADBAD_BASE_PROCESS_H

#include <stddef.h>

/* It is called name; nobody of our user looks into it or gets a core file of it or of a program
 * that it starts; and what ends or disturbs adbad as a whole does so through adbad's first process:
 * SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE and SIGXFSZ are ignored. */
void process_begin(const char *name);
/* Closes every descriptor from 3 on but those, which ascend. */
void process_keep(const int *fds, size_t n);

#endif
