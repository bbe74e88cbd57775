#include "client/platform.h"

#include <stdio.h>

#include "catalog/avma.h"

#define SL_E_SLP_MISSING_ACPI_SLIC              0xC004F057u
#define SL_E_SLP_MISSING_SLP_MARKER             0xC004F058u
#define SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM 0xC004FD01u
#define SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED  0xC004FD02u
#define SL_E_IA_ID_MISMATCH                     0xC004FD03u

static uint32_t firmware(const struct machine *m, char why[512])
{
    static const struct {
        uint32_t hresult;
        const char *text;
    } rows[FIRMWARE_COUNT] = {
        [FIRMWARE_NONE] = {SL_E_SLP_MISSING_ACPI_SLIC,
                           "the firmware has no licensing table: an OEM key never moves to another "
                           "machine"},
        [FIRMWARE_TABLE] = {SL_E_SLP_MISSING_SLP_MARKER,
                            "the firmware's licensing table has no marker for Windows"},
        [FIRMWARE_MARKED] = {0, "the firmware holds the marker"},
    };

    snprintf(why, 512, "%s", rows[m->firmware].text);
    return rows[m->firmware].hresult;
}

/* A Datacenter host with Hyper-V, itself activated, vouches for guests of its version or older. */
static uint32_t vmhost(const struct catalog *c, const struct machine *m,
                       const struct machine_product *p, char why[512])
{
    const struct machine_vmhost *h = &m->vmhost;
    enum cat_avma says = catalog_avma(c, h->system, p->lic.product);

    if (!h->hyperv || says == CAT_AVMA_NO_HOST) {
        snprintf(why, 512,
                 "automatic activation needs a Datacenter host of Windows Server 2012 R2 or later "
                 "with Hyper-V");
        return SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM;
    }
    if (!h->activated) {
        snprintf(why, 512, "the host itself is not activated");
        return SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED;
    }
    if (says != CAT_AVMA_OK) {
        snprintf(why, 512,
                 "%.90s cannot vouch for %.90s: the host must not be older than its guest",
                 h->system, p->lic.product->product);
        return SL_E_IA_ID_MISMATCH;
    }
    snprintf(why, 512, "%.90s vouches for its guest", h->system);
    return 0;
}

uint32_t platform_ask(const struct catalog *c, const struct machine *m,
                      const struct machine_product *p, char who[320], char why[512])
{
    if (p->lic.key == LIC_KEY_OEM) {
        snprintf(who, 320, "firmware of %s", m->name);
        return firmware(m, why);
    }
    snprintf(who, 320, "%s",
             m->vmhost.system[0] != '\0' ? m->vmhost.system : "no virtualization host");
    return vmhost(c, m, p, why);
}

struct lic_event platform_event(const struct machine_product *p, uint32_t hresult)
{
    struct lic_event ev = {.type = LIC_EV_PLATFORM_FAILED, .hresult = hresult};

    if (hresult == 0)
        ev.type = LIC_EV_PLATFORM_GRANTED;
    if (hresult == 0 && p->lic.key == LIC_KEY_AVMA) {
        ev.validity = (uint32_t)PLATFORM_AVMA_VALIDITY;
        ev.renewal = PLATFORM_AVMA_RENEWAL;
    }
    return ev;
}
