#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/header.h"
#include "web/server.h"

#define PLAIN "text/plain; charset=utf-8"
#define JSON  "application/json; charset=utf-8"
/* Nothing from elsewhere, nothing inline, no frame around us, no form. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "        \
    "'self'; "                                                                                     \
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

#define ETAG_MAX 40

/* What is being answered. */
struct answer {
    unsigned status;
    const char *type, *cache, *filename;
    const void *data;
    size_t len;
    bool close; /* the connection */
};

const char *web_query(const struct web_request *r, const char *name)
{
    const char *value = NULL;

    if (MHD_lookup_connection_value_n(r->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
                                      &value, NULL) == MHD_NO)
        return NULL;
    return value == NULL ? "" : value;
}

/* ---- answering ---- */

static void make_etag(const struct answer *a, char etag[ETAG_MAX])
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    size_t n = 0;

    SHA256(a->data, a->len, hash);
    etag[n++] = '"';
    for (size_t i = 0; i < 16; i++)
        n += (size_t)snprintf(etag + n, ETAG_MAX - n, "%02x", hash[i]);
    memcpy(etag + n, "\"", 2);
}

static bool add(struct MHD_Response *r, const char *name, const char *value)
{
    return MHD_add_response_header(r, name, value) == MHD_YES;
}

static bool add_headers(struct MHD_Response *r, const struct answer *a)
{
    char disposition[128];
    bool good =
        add(r, "Content-Security-Policy", POLICY) && add(r, "X-Content-Type-Options", "nosniff") &&
        add(r, "X-Frame-Options", "DENY") && add(r, "Referrer-Policy", "no-referrer") &&
        add(r, "Cross-Origin-Resource-Policy", "same-origin") &&
        add(r, "Cross-Origin-Opener-Policy", "same-origin") && add(r, "Cache-Control", a->cache) &&
        add(r, "Vary", "Accept") && add(r, "Content-Type", a->type);

    if (good && a->filename != NULL && *a->filename != '\0') {
        snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", a->filename);
        good = add(r, "Content-Disposition", disposition);
    }
    if (good && a->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        good = add(r, "Allow", "GET, HEAD");
    if (good && a->close)
        good = add(r, "Connection", "close");
    return good;
}

static enum MHD_Result queue(struct connection *c, const struct answer *a, const char *etag)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(a->len, (void *)(uintptr_t)a->data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result sent = MHD_NO;

    if (r == NULL)
        return MHD_NO;
    if (add_headers(r, a) && (etag == NULL || add(r, "ETag", etag)))
        sent = MHD_queue_response(c->mhd, a->status, r);
    MHD_destroy_response(r);
    web_give_time(c, true);
    return sent;
}

/* A whole answer, or 304 to who has it already. */
static enum MHD_Result give(struct connection *c, const struct answer *a)
{
    struct web_stats *stats = web_conf_of(c)->stats;
    struct answer unchanged = *a;
    char etag[ETAG_MAX];
    const char *has = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "If-None-Match");

    make_etag(a, etag);
    if (has == NULL || !header_has_etag(has, etag)) {
        counter_add(&stats->answered, 1);
        return queue(c, a, etag);
    }
    counter_add(&stats->unchanged, 1);
    unchanged.status = MHD_HTTP_NOT_MODIFIED;
    unchanged.data = "";
    unchanged.len = 0;
    return queue(c, &unchanged, etag);
}

static enum MHD_Result refuse(struct connection *c, unsigned status, bool end, const char *text)
{
    const struct answer a = {.status = status,
                             .type = PLAIN,
                             .cache = "no-store",
                             .data = text,
                             .len = strlen(text),
                             .close = end};

    counter_add(&web_conf_of(c)->stats->refused, 1);
    return queue(c, &a, NULL);
}

static unsigned status_of(enum err e)
{
    switch (e) {
    case ERR_USAGE:
        return MHD_HTTP_BAD_REQUEST;
    case ERR_NOTFOUND:
        return MHD_HTTP_NOT_FOUND;
    case ERR_NOT_NOW:
    case ERR_BUSY:
    case ERR_TIMEOUT:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    default:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
}

static enum MHD_Result call(struct connection *c, const struct web_route *route)
{
    const struct web_conf *conf = web_conf_of(c);
    const char *accept = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "Accept");
    struct web_request request = {
        .path = route->path, .accept = accept == NULL ? "" : accept, .connection = c->mhd};
    struct web_reply reply = {.type = JSON};
    struct errinfo ei = {0};
    enum err e = route->fn(conf->arg, &request, &reply, &ei);
    enum MHD_Result sent;

    if (e == ERR_OK && reply.body.err != ERR_OK)
        e = err_nomem(&ei);
    if (e == ERR_OK) {
        const struct answer a = {.status = MHD_HTTP_OK,
                                 .type = reply.type,
                                 .cache = "no-store",
                                 .filename = reply.filename,
                                 .data = reply.body.len == 0 ? (const void *)"" : reply.body.data,
                                 .len = reply.body.len};

        sent = give(c, &a);
    } else {
        char text[ERR_TEXT_MAX + 2];

        snprintf(text, sizeof(text), "%s\n", ei.text);
        if (status_of(e) == MHD_HTTP_INTERNAL_SERVER_ERROR)
            log_as(&conf->log, LOGL_WARN, LOGK_WEB_BAD, NULL, "%s: %s", route->path, ei.text);
        sent = refuse(c, status_of(e), false, text);
    }
    buf_fini(&reply.body);
    return sent;
}

/* ---- what is asked for ---- */

static const struct web_route *find(const struct web_conf *conf, const char *path)
{
    for (const struct web_route *const *table = conf->routes; *table != NULL; table++) {
        for (const struct web_route *r = *table; r->path != NULL; r++) {
            if (strcmp(r->path, path) == 0)
                return r;
        }
    }
    return NULL;
}

static enum MHD_Result serve(struct connection *c, const char *path)
{
    const struct web_route *route = find(web_conf_of(c), path);

    if (route == NULL)
        return refuse(c, MHD_HTTP_NOT_FOUND, false, "There is nothing here.\n");
    if (route->fn == NULL) {
        const struct answer a = {.status = MHD_HTTP_OK,
                                 .type = route->type,
                                 .cache = "no-cache",
                                 .data = route->data,
                                 .len = route->len};

        return give(c, &a);
    }
    return call(c, route);
}

struct hosts {
    unsigned n;
    const char *last;
};

static enum MHD_Result count_host(void *arg, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct hosts *h = arg;

    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        h->n++;
        h->last = value;
    }
    return MHD_YES;
}

/* Before anything else of a request is looked at; *sent if it is refused. */
static bool refused(struct connection *c, const char *method, enum MHD_Result *sent)
{
    struct hosts hosts = {0};

    MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, count_host, &hosts);
    if (hosts.n != 1 || hosts.last == NULL)
        *sent = refuse(c, MHD_HTTP_BAD_REQUEST, true, "A request needs one Host header.\n");
    else if (!header_host_is_ours(hosts.last, web_conf_of(c)->names))
        *sent = refuse(c, MHD_HTTP_MISDIRECTED_REQUEST, true,
                       "This server does not go by that name. Call it localhost or by its "
                       "address, or list the name in [web] names.\n");
    else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        *sent =
            refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, true, "This server only shows: GET and HEAD.\n");
    else
        return false;
    return true;
}

enum MHD_Result request_handle(void *server, struct MHD_Connection *m, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state)
{
    static char seen; /* its address says that a request is not new */
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(m, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *c = info == NULL ? NULL : info->socket_context;
    enum MHD_Result sent;

    (void)server;
    (void)version;
    (void)upload;
    if (c == NULL)
        return MHD_NO;
    if (*state == NULL) {
        *state = &seen;
        return refused(c, method, &sent) ? sent : MHD_YES;
    }
    if (*upload_size > 0) /* nobody wants a body here */
        return MHD_NO;
    return serve(c, url);
}

void request_completed(void *server, struct MHD_Connection *m, void **state,
                       enum MHD_RequestTerminationCode how)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(m, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    (void)server;
    (void)state;
    (void)how;
    if (info != NULL && info->socket_context != NULL)
        web_give_time(info->socket_context, false);
}
