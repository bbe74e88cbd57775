#include "net/mail.h"

#include "net/errand.h"

int mail_init(struct mail *m, uv_loop_t *loop, uv_async_cb cb, void *data)
{
    int rc = uv_async_init(loop, &m->async, cb);

    if (rc != 0)
        return rc;
    m->async.data = data;
    m->end = &m->first;
    pthread_mutex_init(&m->lock, NULL);
    return 0;
}

void mail_fini(struct mail *m)
{
    pthread_mutex_destroy(&m->lock);
}

void mail_ask(struct mail *m, enum mail_ask what)
{
    pthread_mutex_lock(&m->lock);
    m->asked |= what;
    if (!m->closed)
        uv_async_send(&m->async);
    pthread_mutex_unlock(&m->lock);
}

bool mail_post(struct mail *m, struct net_errand *e)
{
    bool taken;

    pthread_mutex_lock(&m->lock);
    taken = !m->closed;
    if (taken) {
        e->next = NULL;
        *m->end = e;
        m->end = &e->next;
        uv_async_send(&m->async);
    }
    pthread_mutex_unlock(&m->lock);
    return taken;
}

unsigned mail_take(struct mail *m, struct net_errand **first)
{
    unsigned asked;

    pthread_mutex_lock(&m->lock);
    asked = m->asked;
    m->asked = 0;
    *first = m->first;
    m->first = NULL;
    m->end = &m->first;
    pthread_mutex_unlock(&m->lock);
    return asked;
}

void mail_close(struct mail *m, uv_close_cb cb)
{
    pthread_mutex_lock(&m->lock);
    m->closed = true;
    pthread_mutex_unlock(&m->lock);
    uv_close((uv_handle_t *)&m->async, cb);
}
