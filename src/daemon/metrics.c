/* /metrics: docs/metrics.md lists them. */
#include "daemon/daemon.h"
#include "daemon/website.h"
#include "web/exposition.h"
#include "web/header.h"

static enum err metrics(void *arg, const struct web_request *r, struct web_reply *reply,
                        struct errinfo *ei)
{
    struct expo x = {.out = &reply->body, .openmetrics = header_wants_openmetrics(r->accept)};

    (void)arg;
    (void)ei;
    reply->type = x.openmetrics ? EXPO_OPENMETRICS_TYPE : EXPO_CLASSIC_TYPE;
    expo_family(&x, EXPO_INFO, "adbad_build", NULL, "What is running here.");
    expo_sample(&x, 1, "version", ADBAD_VERSION, NULL);
    expo_end(&x);
    return ERR_OK;
}

const struct web_route metrics_routes[] = {{.path = "/metrics", .fn = metrics}, {0}};
