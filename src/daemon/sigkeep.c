#include "daemon/sigkeep.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* libuv's own signal handles restore the default action as they close, which ends the process, and
 * keep nothing from before they start. */
static struct place {
    int number;
    uv_async_t *_Atomic watching;
    atomic_bool kept;
} places[] = {{.number = SIGHUP}, {.number = SIGUSR1}};

#define PLACES (sizeof(places) / sizeof(places[0]))

static struct place *place_of(int number)
{
    size_t i = 0;

    while (i + 1 < PLACES && places[i].number != number)
        i++;
    return &places[i];
}

/* uv_async_send may be called here. */
static void on_signal(int number)
{
    struct place *p = place_of(number);
    uv_async_t *a = atomic_load(&p->watching);

    if (a != NULL)
        uv_async_send(a);
    else
        atomic_store(&p->kept, true);
}

void sigkeep_ignore(void)
{
    for (size_t i = 0; i < PLACES; i++)
        signal(places[i].number, SIG_IGN);
}

void sigkeep_begin(void)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < PLACES; i++)
        sigaction(places[i].number, &sa, NULL);
}

void sigkeep_watch(int number, uv_loop_t *loop, uv_async_t *a, uv_async_cb cb)
{
    struct place *p = place_of(number);

    uv_async_init(loop, a, cb);
    atomic_store(&p->watching, a);
    if (atomic_exchange(&p->kept, false))
        uv_async_send(a);
}

void sigkeep_end(void)
{
    sigkeep_ignore();
    for (size_t i = 0; i < PLACES; i++)
        atomic_store(&places[i].watching, NULL);
}
