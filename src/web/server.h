/* server: what server.c (thread, sockets, deadlines) and request.c (one request) share. */
#ifndef ADBAD_WEB_SERVER_H
#define ADBAD_WEB_SERVER_H

#include <microhttpd.h>

#include "base/address.h"
#include "web/web.h"

struct web_server;

/* One client. */
struct connection {
    struct web_server *server;
    struct connection *prev, *next;
    struct MHD_Connection *mhd;
    uint8_t source[16];
    uint64_t deadline; /* ms on the loop's clock: for what the client does now */
    bool answering;    /* else it waits for a request */
    bool answered;     /* once at least: it may be idle, and is no slow client then */
    bool cut;          /* libmicrohttpd is about to see its end */
};

/* The client has time again: for taking an answer, or for a request. */
void web_give_time(struct connection *c, bool answering);
const struct web_conf *web_conf_of(const struct connection *c);

/* Callbacks of libmicrohttpd. */
enum MHD_Result request_handle(void *server, struct MHD_Connection *m, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state);
void request_completed(void *server, struct MHD_Connection *m, void **state,
                       enum MHD_RequestTerminationCode how);

#endif
