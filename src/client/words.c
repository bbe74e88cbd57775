#include "client/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/utf8.h"

void words_copy(char *out, size_t size, const char *text)
{
    utf8_copy(out, size, text);
}

const char *words_reason(uint32_t code)
{
    static const struct {
        uint32_t code;
        const char *text;
    } rows[] = {
        {LIC_HR_OOB_GRACE, "within the grace period after installation"},
        {LIC_HR_OOT_GRACE, "within the grace period after its licence ran out"},
        {LIC_HR_NON_GENUINE, "within the grace period after a failed validation"},
        {LIC_HR_EXTENDED, "within an extended grace period"},
        {LIC_HR_GRACE_EXPIRED, "the grace period is over"},
        {LIC_HR_NO_KEY, "no product key is installed"},
        {LIC_HR_NO_LICENCE, "it was never activated"},
        {LIC_HR_NOT_BOUND, "its volume licence ran out without a renewal"},
        {LIC_HR_GENUINE_OVER, "validation failed, and the grace period after it is over"},
        {LIC_HR_NOT_GENUINE, "validation failed"},
        {LIC_HR_OUT_OF_TOL, "the hardware changed too much since it was activated"},
        {LIC_HR_OTHER_FOREST, "its directory licence belongs to a forest that it has left"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].code == code)
            return rows[i].text;
    }
    return NULL;
}

void words_state(const struct machine_product *p, char *out, size_t size)
{
    const struct lic *l = &p->lic;
    const char *why = words_reason(l->reason);

    if (l->reason == 0)
        snprintf(out, size, "%s", lic_status_text((enum lic_status)l->status));
    else
        snprintf(out, size, "%s (0x%08X%s%s)", lic_status_text((enum lic_status)l->status),
                 l->reason, why != NULL ? ": " : "", why != NULL ? why : "");
}

void words_before(const struct machine_product *p, enum lic_status was, unsigned notes, char *out,
                  size_t size)
{
    const char *now = lic_status_name((enum lic_status)p->lic.status);

    out[0] = '\0';
    if (notes & LIC_UNBOUND)
        snprintf(out, size,
                 "the directory's licence failed: the machine is no longer in that forest; %s",
                 now);
    else if (notes & LIC_OUT_OF_TOL)
        snprintf(out, size, "the firmware's marker is gone; %s", now);
    else if (notes & LIC_LAPSED)
        snprintf(out, size, "%s ran out; %s", lic_status_name(was), now);
}

static void granted_words(const struct machine_product *p, char *out, size_t size)
{
    const struct lic *l = &p->lic;
    char until[CLK_TEXT_MAX], next[CLK_TEXT_MAX];

    clk_format(l->expires, until);
    clk_format(l->next, next);
    if (l->channel == LIC_BY_AD)
        snprintf(out, size,
                 "Licensed by activation object \"%.160s\" until %s; the directory is asked again "
                 "at %s and at every service start",
                 p->object.name, until, next);
    else if (l->channel == LIC_BY_KMS)
        snprintf(out, size, "Licensed by KMS until %s; renewal at %s", until, next);
    else if (l->key == LIC_KEY_CSVLK)
        snprintf(out, size,
                 "Licensed, as a KMS host: this is a host's key and one of its activations is "
                 "spent; on a client install the client setup key instead (/ipk)");
    else if (l->expires == LIC_NEVER)
        snprintf(out, size, "Licensed for good (%s, %s key)",
                 lic_channel_name((enum lic_channel)l->channel),
                 lic_key_name((enum lic_key)l->key));
    else
        snprintf(out, size, "Licensed until %s (%s, %s key)", until,
                 lic_channel_name((enum lic_channel)l->channel),
                 lic_key_name((enum lic_key)l->key));
}

void words_follows(const struct machine_product *p, unsigned notes, char *out, size_t size)
{
    const struct lic *l = &p->lic;
    char until[CLK_TEXT_MAX], next[CLK_TEXT_MAX];
    int n = 0;

    if (notes & LIC_GRANTED) {
        granted_words(p, out, size);
        return;
    }
    if (l->next == LIC_NEVER)
        snprintf(next, sizeof(next), "no time of its own");
    else
        clk_format(l->next, next);
    if (notes & LIC_BELOW)
        n = snprintf(out, size, "%u more machines must ask the host within 30 days; ",
                     l->product->required_count - p->count);
    else if (l->last == LIC_HR_NO_TOKEN)
        n = snprintf(out, size,
                     "activation type 3 is set and tokens are not modelled: /act-type 0 lets the "
                     "directory and KMS activate; ");
    if (n < 0 || (size_t)n >= size)
        return;
    if (l->expires == LIC_NEVER)
        snprintf(out + n, size - (size_t)n, "%s; next attempt at %s",
                 lic_status_name((enum lic_status)l->status), next);
    else
        snprintf(out + n, size - (size_t)n, "%s until %s as before; next attempt at %s",
                 lic_status_name((enum lic_status)l->status), clk_format(l->expires, until), next);
}
