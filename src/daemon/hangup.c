#include "daemon/hangup.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* libuv's own signal handles restore the default action as they close, which ends the process, and
 * keep nothing from before they start. */
static uv_async_t *_Atomic watching;
static atomic_bool kept;

/* uv_async_send may be called here. */
static void on_signal(int number)
{
    uv_async_t *a = atomic_load(&watching);

    (void)number;
    if (a != NULL)
        uv_async_send(a);
    else
        atomic_store(&kept, true);
}

void hangup_keep(void)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigemptyset(&sa.sa_mask);
    sigaction(SIGHUP, &sa, NULL);
}

void hangup_watch(uv_loop_t *loop, uv_async_t *a, uv_async_cb cb)
{
    uv_async_init(loop, a, cb);
    atomic_store(&watching, a);
    if (atomic_exchange(&kept, false))
        uv_async_send(a);
}

void hangup_ignore(void)
{
    signal(SIGHUP, SIG_IGN);
    atomic_store(&watching, NULL);
}
