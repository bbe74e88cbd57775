/* A KMS answer as a stranger may send it: opened for a request of each generation; and, since no
 * fuzz engine finds a tag, good fields and any bytes, sealed for it. The first byte chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kms/protect.h"
#include "seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MOST 1000

static struct realm_keys keys;
static struct kms_protector *protector;

static void zero_fill(void *arg, void *out, size_t n)
{
    (void)arg;
    memset(out, 0, n);
}

/* The exchange of a request whose tag is zero. */
static struct kms_exchange exchange_of(unsigned generation)
{
    return (struct kms_exchange){
        .version = {.major = (uint16_t)(4 + generation)},
        .tag_len = generation == 1 ? 32 : 16,
    };
}

/* What decodes must encode to the same, and open again once sealed. */
static void seal_and_open(const uint8_t *body, size_t size)
{
    struct kms_response m;
    struct buf again = BUF_INIT, sealed = BUF_INIT;
    struct kms_exchange x;

    if (kms_response_decode(body, size, &m) != ERR_OK)
        return;
    kms_response_encode(&m, &again);
    if (again.len != size || memcmp(again.data, body, size) != 0)
        abort();
    x = exchange_of(m.version.major - 4u);
    if (kms_seal_response(protector, &x, &m, &sealed, NULL) != ERR_OK ||
        kms_open_response(protector, &x, sealed.data, sealed.len, &m, NULL) != ERR_OK)
        abort();
    buf_fini(&again);
    buf_fini(&sealed);
}

static void make_protector(void)
{
    static const uint8_t secret[REALM_SECRET_LEN];
    static const struct rng zeros = {.fill = zero_fill};

    if (realm_keys_derive(secret, &keys, NULL) != ERR_OK ||
        kms_protector_new(&keys, zeros, &protector, NULL) != ERR_OK)
        abort();
}

/* Bytes that no host would seal; what comes out of them must be fields that encode again. */
static void seal_anything(unsigned how, const uint8_t *data, size_t size)
{
    uint8_t sealed[SIZE_MOST + SEAL_OVERHEAD];
    unsigned generation = how % 3;
    struct kms_exchange x = exchange_of(generation);
    struct buf again = BUF_INIT;
    struct kms_response m;
    size_t len;

    if (size > SIZE_MOST)
        return;
    len = seal_any(&keys, generation, REALM_RESPONSE, x.tag, x.tag_len, (how & 4) != 0, data, size,
                   sealed);
    if (kms_open_response(protector, &x, sealed, len, &m, NULL) != ERR_OK)
        return;
    kms_response_encode(&m, &again);
    if (again.err != ERR_OK || again.len < 4)
        abort();
    if (generation != 1 && (again.len - 4 != size || memcmp(again.data + 4, data, size) != 0))
        abort();
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kms_response m;

    if (protector == NULL)
        make_protector();
    if (size == 0)
        return 0;
    if (data[0] >= 0x80) {
        seal_anything(data[0] & 0x7f, data + 1, size - 1);
    } else if (data[0] % 4 == 3) {
        seal_and_open(data + 1, size - 1);
    } else {
        struct kms_exchange x = exchange_of(data[0] % 4);

        (void)!kms_open_response(protector, &x, data + 1, size - 1, &m, NULL);
    }
    return 0;
}
