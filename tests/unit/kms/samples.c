#include "samples.h"

#include <string.h>

struct guid sample_guid(uint8_t first)
{
    struct guid g;

    for (size_t i = 0; i < sizeof(g.b); i++)
        g.b[i] = (uint8_t)(first + i);
    return g;
}

struct kms_request sample_request(uint16_t major)
{
    struct kms_request m = {
        .version = {.minor = 0, .major = major},
        .is_virtual = 1,
        .licence_status = 2,
        .minutes_left = 43200,
        .application_id = sample_guid(0x10),
        .activation_id = sample_guid(0x20),
        .kms_id = sample_guid(0x30),
        .client_id = sample_guid(0x40),
        .required_count = 25,
        .client_time = SAMPLE_FILETIME,
        .previous_client_id = sample_guid(0x50),
    };

    kms_text_set(m.workstation, KMS_WORKSTATION_UNITS, "ws-0001.lab.example");
    return m;
}

struct kms_response sample_response(uint16_t major, const char *epid)
{
    struct kms_response m = {
        .version = {.minor = 0, .major = major},
        .client_id = sample_guid(0x40),
        .client_time = SAMPLE_FILETIME,
        .count = 7,
        .activation_interval = 120,
        .renewal_interval = 10080,
    };

    kms_text_set(m.epid, KMS_EPID_UNITS, epid);
    return m;
}

struct realm_keys sample_keys(uint8_t byte)
{
    uint8_t secret[REALM_SECRET_LEN];
    struct realm_keys keys;
    struct errinfo ei = {0};

    memset(secret, byte, sizeof(secret));
    assert_ok(realm_keys_derive(secret, &keys, &ei), &ei);
    return keys;
}

struct kms_protector *sample_protector(uint8_t byte, struct rng rng)
{
    struct realm_keys keys = sample_keys(byte);
    struct kms_protector *p;
    struct errinfo ei = {0};

    assert_ok(kms_protector_new(&keys, rng, &p, &ei), &ei);
    realm_keys_wipe(&keys); /* which the protector needs no more */
    return p;
}
