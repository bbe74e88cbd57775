/* The PROXY protocol's header: what is refused at one length is refused at every greater one, what
 * is a beginning stays one of all that is shorter, and the header ends where it says. */
#include <stdint.h>
#include <stdlib.h>

#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole, part;
    enum proxy_step step;

    if (size == 0)
        return 0;
    step = proxy_parse(data, size, &whole);
    if ((step == PROXY_BAD) != (whole.wrong != NULL))
        abort();
    if (step == PROXY_DONE && (whole.len > size || whole.len > PROXY_MAX || whole.len < 16))
        abort();
    for (size_t n = 1; n < size && n < PROXY_MAX; n++) {
        enum proxy_step s = proxy_parse(data, n, &part);

        if (s == PROXY_BAD && step != PROXY_BAD)
            abort();
        if (s == PROXY_DONE && (step != PROXY_DONE || n < whole.len))
            abort();
        if (s == PROXY_MORE && step == PROXY_DONE && n >= whole.len)
            abort();
    }
    return 0;
}
