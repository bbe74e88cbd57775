/* web: a small HTTP server for people and for monitoring. It only shows: GET and HEAD, nothing
 * else. It runs on a thread and loop of its own, so that no client of it can hold up anybody who
 * asks for an activation; the only room that sees libmicrohttpd.
 *
 * Who connects is bounded: connections in all and of one address, the size of a request's head,
 * and the time for sending it and for taking the answer. A request must name this server as itself
 * (localhost, an address, or a configured name), so that a page from elsewhere whose name was made
 * to lead here (DNS rebinding) gets nothing. Every answer tells browsers to load nothing from
 * elsewhere and to run no script or style but files of this server. */
#ifndef ADBAD_WEB_WEB_H
#define ADBAD_WEB_WEB_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/counter.h"
#include "base/log.h"

/* ---- routes ---- */

struct web_request {
    const char *path;   /* of the route */
    const char *accept; /* the Accept header; "" if there is none */
    void *connection;   /* the server's */
};

/* The value of an argument of the URL, decoded; NULL if it is not there, "" if it has no value. */
const char *web_query(const struct web_request *r, const char *name);

struct web_reply {
    const char *type;  /* media type; lives on. Set to "application/json; charset=utf-8" before */
    char filename[64]; /* not "": browsers save the answer under this name */
    struct buf body;   /* the server frees it */
};

/* Makes the answer to one request, on the server's thread: others wait meanwhile, so it shall take
 * milliseconds. The server adds headers, an ETag over the body, and says 304 where the client has
 * that already. On failure the body is thrown away and the client gets ei's text: 400 for
 * ERR_USAGE, 404 for ERR_NOTFOUND, 503 for ERR_NOT_NOW, ERR_BUSY and ERR_TIMEOUT, else 500. */
typedef enum err web_fn(void *arg, const struct web_request *r, struct web_reply *reply,
                        struct errinfo *ei);

/* One path: a function that answers, or a file that is always the same. */
struct web_route {
    const char *path; /* "/metrics"; matched whole */
    web_fn *fn;       /* answers are not kept by browsers; NULL: the file */
    const char *type; /* the file's media type, and its bytes; kept and asked for again by ETag */
    const void *data;
    size_t len;
};

/* ---- the server ---- */

struct web_stats { /* any thread may read them */
    struct counter accepted, closed;
    struct counter answered, unchanged; /* 200; 304 */
    struct counter refused;             /* other answers than these */
    struct counter source_limit; /* connections closed at once, one address having too many */
    struct counter timeout;      /* connections closed for being slow */
};

struct web_conf {
    /* What these point to outlives the server. */
    const struct conf_list *listen;        /* "127.0.0.1:8688"; "none" or nothing: no server */
    const struct conf_list *names;         /* by which it may be called; may be NULL */
    const struct web_route *const *routes; /* tables that end with a NULL path; a NULL table ends
                                              them. First match wins */
    /* A socket that listens at address n of listen; *fd is the server's. For those that were not to
     * be had at first; on the server's thread, on which nobody is served meanwhile. NULL: the
     * server makes those itself, too. */
    enum err (*listen_later)(void *arg, size_t n, int *fd, struct errinfo *ei);
    void *arg;                /* of the functions */
    struct web_stats *stats;  /* zeroed */
    uint32_t max_connections; /* further ones wait to be accepted */
    uint32_t max_per_source;  /* further ones are closed at once */
    unsigned timeout_ms;      /* for sending a request; for taking an answer */
    struct log log;
};

struct web_server;

/* Starts to serve; ERR_CONFIG for an address that is none; *out is NULL if conf wants no server. A
 * port that is in use, or an address that is not there yet, is no failure: the log says so once,
 * and it is tried again every few seconds. */
MUST_CHECK enum err web_open(const struct web_conf *conf, struct web_server **out,
                             struct errinfo *ei);
/* Ends the thread, once a function that runs has returned, and frees. NULL is fine. */
void web_close(struct web_server *s);

#endif
