/* text: settings on their way to another process, as what they were read from. */
#include <string.h>

#include "settings/settings.h"

void settings_text_pack(const struct settings_text *t, struct buf *out)
{
    buf_add(out, &t->credentials, sizeof(t->credentials));
    conf_files_pack(&t->files, out);
}

enum err settings_text_unpack(const struct buf *packed, struct settings_text *out,
                              struct errinfo *ei)
{
    const size_t head = sizeof(out->credentials);

    *out = (struct settings_text){0};
    if (packed->len < head)
        return err_fail(ei, ERR_MALFORMED, "what should be configuration files is none");
    memcpy(&out->credentials, packed->data, head);
    return conf_files_unpack(packed->data + head, packed->len - head, &out->files, ei);
}

void settings_text_free(struct settings_text *t)
{
    conf_files_free(&t->files);
    *t = (struct settings_text){0};
}
