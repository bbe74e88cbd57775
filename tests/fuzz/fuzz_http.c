/* What the HTTP server reads of request headers itself: Host, Accept, If-None-Match. Nothing that a
 * client sends may be taken for ours that names somebody else, or read beyond its end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "web/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char monitor[] = "monitor.example.com";
static char *list[] = {monitor};
static const struct conf_list names = {.n = 1, .v = list};

/* Of a name that is ours nothing is left but letters that addresses or these names have. */
static void check_host(const char *host)
{
    if (!header_host_is_ours(host, &names))
        return;
    if (strspn(host, "0123456789abcdefABCDEF.:[]") == strlen(host))
        return;
    if (strncasecmp(host, "localhost", 9) != 0 && strncasecmp(host, monitor, strlen(monitor)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_host(text);
    if (header_wants_openmetrics(text) && strcasestr(text, "openmetrics-text") == NULL)
        abort();
    if (header_has_etag(text, "\"0123\"") && strstr(text, "\"0123\"") == NULL &&
        strchr(text, '*') == NULL)
        abort();
    free(text);
    return 0;
}
