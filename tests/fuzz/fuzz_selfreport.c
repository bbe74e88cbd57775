/* Clients' reports: what is parsed is written again as it was, and nothing passes whose tag was not
 * made with the key. First byte: 1 lets the rest have its right tag. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "selfreport/selfreport.h"

#define NOW INT64_C(1790000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[REALM_REPORT_LEN];

static struct catalog *catalog(void)
{
    static struct catalog *c;

    if (c == NULL && catalog_load(&c, NULL) != ERR_OK)
        abort();
    return c;
}

static void look(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT;
    struct selfreport m;
    enum selfreport_reason r = selfreport_receive(data, size, key, catalog(), NOW, &m, NULL);

    if ((r == SELFREPORT_MALFORMED) != (selfreport_read(data, size, &m) != ERR_OK))
        abort();
    if (r == SELFREPORT_MALFORMED)
        return;
    if (selfreport_write(&m, key, &out, NULL) != ERR_OK || out.len != size ||
        memcmp(out.data, data, size - SELFREPORT_TAG_LEN) != 0)
        abort();
    if ((r == SELFREPORT_FOREIGN) == (memcmp(out.data, data, size) == 0))
        abort();
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf b = BUF_INIT;
    uint8_t tag[SELFREPORT_TAG_LEN];

    if (size == 0)
        return 0;
    buf_add(&b, data + 1, size - 1);
    if (data[0] == 1 && b.err == ERR_OK &&
        realm_hmac(key, "adbad client report", b.data, b.len, tag))
        buf_add(&b, tag, sizeof(tag));
    if (b.err == ERR_OK)
        look(b.data, b.len);
    buf_fini(&b);
    return 0;
}
