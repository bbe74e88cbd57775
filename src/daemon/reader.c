#include "daemon/reader.h"

#include "store/limit.h"

/* After any failure it is opened anew: another file may have the name by then. A question that
 * makes no sense is none of the ledger's. */
enum err reader_ask(struct reader *r,
                    enum err (*fn)(void *arg, struct store *s, struct errinfo *ei), void *arg,
                    struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (r->store != NULL && store_look(r->store, NULL) != ERR_OK)
        reader_close(r);
    if (r->store == NULL)
        e = store_open_readonly(r->path, &r->store, ei);
    if (e != ERR_OK) {
        r->store = NULL;
        return e;
    }
    store_limit(r->store, READER_MS);
    e = fn(arg, r->store, ei);
    if (e != ERR_OK && e != ERR_USAGE)
        reader_close(r);
    return e;
}

void reader_close(struct reader *r)
{
    if (r->store != NULL)
        store_close(r->store);
    r->store = NULL;
}
