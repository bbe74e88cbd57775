#include "kms/reason.h"

#include "base/docs.h"

static const struct {
    const char *name;
    uint32_t hresult;
    const char *text;
} reasons[KMS_REASONS] = {
    [KMS_ANSWERED] = {"answered", 0, "answered"},
    [KMS_BAD_VERSION] = {"bad-version", 0x8007000d,
                         "its protocol version is none of 4.0, 5.0 and 6.0"},
    [KMS_BAD_SIZE] = {"bad-size", 0x8007000d,
                      "the message breaks the format of its version; a genuine client is served "
                      "by its own KMS host only ([relay] upstream, " DOCS_DIR "/relay.md)"},
    [KMS_FOREIGN] =
        {"foreign", 0xc004f042,
         "request of another realm, or of a genuine client, and no relay is configured: "
         "name the organisation's licensed KMS host in [relay] upstream "
         "(" DOCS_DIR "/relay.md), or give a lab client this realm's client.bundle"},
    [KMS_REFUSING] = {"refusing", 0xc004f042,
                      "this host answers nobody ([kms] mode = refuse); point the client at its new "
                      "host"},
    [KMS_BAD_NPOLICY] = {"bad-npolicy", 0x8007000d, "it names a required count above 1000"},
    [KMS_CLOCK_SKEW] = {"clock-skew", 0xc004f06c,
                        "the client's clock is more than 4 hours away from ours; set it right"},
    [KMS_NOT_SERVED] = {"not-served", 0xc004f042,
                        "no installed host key serves its KMS id; install one whose group lists "
                        "it"},
    [KMS_CLIENT_HOST] = {"client-host", 0xc004f042,
                         "a host on a client system activates no servers; ask one on a server "
                         "system"},
    [KMS_NO_PACK] = {"no-pack", 0xc004f042,
                     "the host lacks the volume licence pack of this Office; add it to [kms] "
                     "packs"},
    [KMS_NO_UPDATE] = {"no-update", 0xc004f042,
                       "the host lacked an update for this product when the key was installed; add "
                       "it to [kms] updates, then uninstall, install and activate the host key"},
    [KMS_NOT_ACTIVATED] = {"not-activated", 0xc004f041,
                           "the host key that serves its KMS id is not activated; run \"adbactl "
                           "hostkey activate\""},
    [KMS_FAILED] = {"failed", 0x80004005, "our own failure"}, /* E_FAIL; it never leaves */
};

const char *kms_reason_name(enum kms_reason reason)
{
    return (unsigned)reason < KMS_REASONS ? reasons[reason].name : "unknown";
}

uint32_t kms_reason_hresult(enum kms_reason reason)
{
    return (unsigned)reason < KMS_REASONS ? reasons[reason].hresult : reasons[KMS_FAILED].hresult;
}

const char *kms_reason_text(enum kms_reason reason)
{
    return (unsigned)reason < KMS_REASONS ? reasons[reason].text : "unknown";
}
