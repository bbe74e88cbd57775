/* mail: what other threads want of a loop. Posting is cheap and from any thread; the loop is woken
 * once for all that was posted meanwhile. Private to this room. */
#ifndef ADBAD_NET_MAIL_H
#define ADBAD_NET_MAIL_H

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

enum mail_ask { MAIL_RESUME = 1, MAIL_STOP = 2, MAIL_ABORT = 4, MAIL_ENDED = 8, MAIL_LIMITS = 16 };

struct net_errand;

struct mail {
    uv_async_t async;
    pthread_mutex_t lock; /* of all below */
    unsigned asked;       /* enum mail_ask */
    struct net_errand *first, **end;
    bool closed; /* nothing is taken any more */
};

/* cb runs on the loop's thread, with data as the handle's. 0 or a negative error of libuv. */
int mail_init(struct mail *m, uv_loop_t *loop, uv_async_cb cb, void *data);
void mail_fini(struct mail *m);
void mail_ask(struct mail *m, enum mail_ask what);
/* False: the mail is closed, and the errand still the caller's. */
bool mail_post(struct mail *m, struct net_errand *e);
/* On the loop's thread: everything that was posted; returns enum mail_ask. */
unsigned mail_take(struct mail *m, struct net_errand **first);
/* On the loop's thread: closes the handle too. What was posted before comes with mail_take. */
void mail_close(struct mail *m, uv_close_cb cb);

#endif
