/* A client bundle: what parses is complete, what does not says why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "realm/realm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct errinfo ei = {0};
    struct bundle b;
    enum err e = bundle_parse(data, size, "bundle", &b, &ei);

    if (e != ERR_OK) {
        if (ei.code != e || ei.text[0] == '\0')
            abort(); /* every refusal says why */
        return 0;
    }
    if (b.issuer == NULL || strlen(b.id) != 16 || b.name[0] == '\0')
        abort();
    bundle_fini(&b);
    return 0;
}
