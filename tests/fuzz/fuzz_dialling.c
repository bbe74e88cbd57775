/* What goes between the relay and the dialler. The first byte chooses: a request, which is the
 * dialler's boundary, or an answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/dialling.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken says the same when it is written again. */
static void check_same(enum err e, const struct buf *again, const uint8_t *data, size_t size)
{
    if (e != ERR_OK || again->len != size || memcmp(again->data, data, size) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf again = BUF_INIT;
    struct dialling_request r;
    struct dialling_answer a;

    if (size < 1)
        return 0;
    if (data[0] % 2 == 0 && dialling_read_request(data + 1, size - 1, &r) == ERR_OK)
        check_same(dialling_write_request(&r, &again), &again, data + 1, size - 1);
    if (data[0] % 2 == 1 && dialling_read_answer(data + 1, size - 1, &a) == ERR_OK) {
        if (a.found.n > RELAY_ADDRESSES_MAX)
            abort();
        check_same(dialling_write_answer(&a, &again), &again, data + 1, size - 1);
    }
    buf_fini(&again);
    return 0;
}
