/* header: what request headers say (RFC 9110), as functions of their text. Whatever a client sends,
 * the answer is yes or no. */
#ifndef ADBAD_WEB_HEADER_H
#define ADBAD_WEB_HEADER_H

#include <stdbool.h>

#include "base/conf.h"

/* Whether a Host header calls us: "localhost", an IPv4 address, an IPv6 address in brackets, or one
 * of names (may be NULL; case does not matter, nor one dot at the end), each with a port or
 * without. Addresses are harmless: nobody can make somebody else's address lead here. */
bool header_host_is_ours(const char *host, const struct conf_list *names);

/* Whether an Accept header prefers application/openmetrics-text, version 1.0.0 or without one, to
 * text/plain: its weight (q) is above 0 and not below text/plain's. */
bool header_wants_openmetrics(const char *accept);

/* Whether an If-None-Match header names etag (with its quotes), weakly compared, or is "*". */
bool header_has_etag(const char *list, const char *etag);

#endif
