/* A KMS request as a stranger may send it: the whole decision of a host, and, since no fuzz engine
 * finds a tag, the plain body behind it. The first byte chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kms/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1795348800) /* 2026-11-22T12:00:00Z */

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (host == NULL)
        make_host();
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        decide(data + 1, size - 1);
    else
        seal_and_decide(data + 1, size - 1);
    return 0;
}
