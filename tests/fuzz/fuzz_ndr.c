/* NDR: the first byte chooses syntax and byte order, then each byte of the second half chooses
 * what to read from the first half; what was read is within it. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/ndr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_one(struct ndr_rd *n, uint8_t what)
{
    size_t unit = (size_t)(what >> 3) + 1;
    size_t count;

    switch (what & 7) {
    case 0:
        (void)ndr_u16(n);
        break;
    case 1:
        (void)ndr_u32(n);
        break;
    case 2:
        (void)ndr_u64(n);
        break;
    case 3:
        (void)ndr_pointer(n);
        break;
    default:
        count = ndr_count(n, unit);
        if (count * unit > wire_left(&n->r) ||
            (n->r.err == ERR_OK && wire_take(&n->r, count * unit) == NULL))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ndr_rd n;
    size_t half;

    if (size < 3)
        return 0;
    half = (size - 1) / 2;
    n = ndr_reader(data + 1, half, (data[0] & 1) != 0, (data[0] & 2) != 0);
    for (size_t i = 1 + half; i < size; i++)
        read_one(&n, data[i]);
    if (wire_offset(&n.r) > half)
        abort();
    return 0;
}
