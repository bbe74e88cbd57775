/* The clearing house's messages, and what it recognises. First byte: request or answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clearing/house.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *group(void *arg, uint32_t code)
{
    (void)arg;
    return code % 2 == 0 ? "a group" : NULL;
}

/* A request that parses is, but for its tag, written the same way again. */
static void read_request(const uint8_t *data, size_t size)
{
    static const struct realm_keys keys;
    static const struct clearing_house house = {.group = group, .keys = &keys};
    struct clearing_case c;
    struct clearing_request m;
    struct buf out = BUF_INIT;
    uint32_t hresult = 0;

    if ((clearing_receive(&house, data, size, &c, &hresult, NULL) == CLEARING_GRANTED) !=
        (hresult == 0))
        abort();
    if (clearing_request_read(data, size, &m) != ERR_OK)
        return;
    if (clearing_request_write(&m, house.key, &out, NULL) != ERR_OK || out.len != size ||
        memcmp(out.data, data, size - CLEARING_TAG_LEN) != 0)
        abort();
    buf_fini(&out);
}

static void read_answer(const uint8_t *data, size_t size)
{
    static const uint8_t confirm[REALM_CONFIRM_LEN], tag[CLEARING_TAG_LEN];
    struct clearing_answer m;
    struct buf out = BUF_INIT;

    if (clearing_answer_read(data, size, &m) != ERR_OK)
        return;
    if (clearing_answer_write(&m, confirm, tag, &out, NULL) != ERR_OK || out.len != size ||
        memcmp(out.data, data, size - CLEARING_TAG_LEN) != 0)
        abort();
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if ((data[0] & 1) == 0)
        read_request(data + 1, size - 1);
    else
        read_answer(data + 1, size - 1);
    return 0;
}
