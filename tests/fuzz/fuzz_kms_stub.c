/* The stubs of RequestActivation. Bits of the first byte: request or answer, byte order, syntax. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kms/stub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_request(const uint8_t *stub, size_t len, bool big, bool ndr64)
{
    const uint8_t *message, *again;
    struct buf out = BUF_INIT;
    size_t n, m;

    if (kms_stub_read_request(stub, len, big, ndr64, &message, &n) != ERR_OK)
        return;
    if (message < stub || n > len || (size_t)(message - stub) > len - n)
        abort();
    kms_stub_write_request(message, n, ndr64, &out);
    if (kms_stub_read_request(out.data, out.len, false, ndr64, &again, &m) != ERR_OK || m != n ||
        memcmp(message, again, n) != 0)
        abort();
    buf_fini(&out);
}

static void read_response(const uint8_t *stub, size_t len, bool big, bool ndr64)
{
    const uint8_t *message, *again;
    struct buf out = BUF_INIT;
    uint32_t result, same;
    size_t n, m;

    if (kms_stub_read_response(stub, len, big, ndr64, &message, &n, &result) != ERR_OK)
        return;
    if ((message == NULL) != (n == 0) ||
        (n > 0 && (message < stub || n > len || (size_t)(message - stub) > len - n)))
        abort();
    kms_stub_write_response(message, n, result, ndr64, &out);
    if (kms_stub_read_response(out.data, out.len, false, ndr64, &again, &m, &same) != ERR_OK ||
        m != n || same != result || (n > 0 && memcmp(message, again, n) != 0))
        abort();
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if ((data[0] & 1) == 0)
        read_request(data + 1, size - 1, (data[0] & 2) != 0, (data[0] & 4) != 0);
    else
        read_response(data + 1, size - 1, (data[0] & 2) != 0, (data[0] & 4) != 0);
    return 0;
}
