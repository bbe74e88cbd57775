/* A KMS request as a stranger may send it: the whole decision of a host; and, since no fuzz engine
 * finds a tag, a request whose fields are good, and any bytes, sealed for it. The first byte
 * chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kms/host.h"
#include "seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW       INT64_C(1795348800) /* 2026-11-22T12:00:00Z */
#define PLAIN_LEN 232 /* of a request behind its version (docs/protocol/kms.md, section 3.1) */

static void zero_fill(void *arg, void *out, size_t n)
{
    (void)arg;
    memset(out, 0, n);
}

static const struct rng zeros = {.fill = zero_fill};
static struct realm_keys keys;
static struct kms_protector *client;
static struct catalog *catalog;
static struct kms_host *host;

static void make_host(void)
{
    static const uint8_t secret[REALM_SECRET_LEN];
    const struct cat_group *groups;
    const bool activated = true;
    struct kms_host_conf conf = {.keys = &keys, .rng = zeros, .epid = "fuzz"};
    size_t n;

    if (realm_keys_derive(secret, &keys, NULL) != ERR_OK || catalog_load(&catalog, NULL) != ERR_OK)
        abort();
    conf.catalog = catalog;
    if (kms_protector_new(&keys, zeros, &client, NULL) != ERR_OK)
        abort();
    host = kms_host_new(&conf);
    n = catalog_groups(catalog, &groups);
    if (host == NULL || n == 0 || kms_host_set_groups(host, &groups, &activated, 1) != ERR_OK)
        abort();
}

static void decide(const uint8_t *data, size_t size)
{
    struct kms_decision d;

    kms_host_decide(host, data, size, NOW, &d);
    if ((d.reason == KMS_ANSWERED) != (d.hresult == 0) ||
        (d.reason == KMS_ANSWERED) != (d.response.len > 0) || d.count > 50)
        abort();
    buf_fini(&d.response);
}

/* What decodes must encode to the same, and get through the host with a good tag. */
static void seal_and_decide(const uint8_t *body, size_t size)
{
    struct kms_request m;
    struct kms_exchange x;
    struct buf again = BUF_INIT, sealed = BUF_INIT;
    char name[4 * KMS_WORKSTATION_UNITS];

    if (kms_request_decode(body, size, &m) != ERR_OK)
        return;
    kms_request_encode(&m, &again);
    if (again.len != size || memcmp(again.data, body, size) != 0)
        abort();
    kms_text_get(m.workstation, KMS_WORKSTATION_UNITS, name, sizeof(name));
    if (kms_seal_request(client, &m, &sealed, &x, NULL) != ERR_OK)
        abort();
    decide(sealed.data, sealed.len);
    buf_fini(&again);
    buf_fini(&sealed);
}

/* Both implementations seal good fields alike. */
static void compare(unsigned generation, const uint8_t *plain, const uint8_t *sealed, size_t len)
{
    uint8_t body[4 + PLAIN_LEN] = {0, 0, (uint8_t)(4 + generation)};
    struct buf same = BUF_INIT;
    struct kms_request m;
    struct kms_exchange x;

    memcpy(body + 4, plain, PLAIN_LEN);
    if (kms_request_decode(body, sizeof(body), &m) == ERR_OK &&
        (kms_seal_request(client, &m, &same, &x, NULL) != ERR_OK || same.len != len ||
         memcmp(same.data, sealed, len) != 0))
        abort();
    buf_fini(&same);
}

/* Bytes that nobody else would seal, of the only length that gets past the size check. how: two
 * bits say the generation, the next that generation 5 takes them as cipher text. */
static void seal_anything(unsigned how, const uint8_t *data, size_t size)
{
    uint8_t plain[PLAIN_LEN + 8] = {0}, sealed[PLAIN_LEN + 8 + SEAL_OVERHEAD];
    unsigned generation = how % 3;
    bool raw = generation == 1 && (how & 4) != 0;
    size_t len = raw ? PLAIN_LEN + 8 : PLAIN_LEN;

    memcpy(plain, data, size < len ? size : len);
    len = seal_any(&keys, generation, REALM_REQUEST, NULL, 0, raw, plain, len, sealed);
    if (!raw)
        compare(generation, plain, sealed, len);
    decide(sealed, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (host == NULL)
        make_host();
    if (size == 0)
        return 0;
    if (data[0] % 4 == 0)
        decide(data + 1, size - 1);
    else if (data[0] % 4 == 1)
        seal_and_decide(data + 1, size - 1);
    else
        seal_anything(data[0] >> 2, data + 1, size - 1);
    return 0;
}
