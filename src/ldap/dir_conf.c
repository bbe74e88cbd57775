#include <stdlib.h>
#include <string.h>

#include "ldap/dir.h"

/* Every text of struct dir_conf. */
static const size_t texts[] = {
    offsetof(struct dir_conf, uri),     offsetof(struct dir_conf, user),
    offsetof(struct dir_conf, keytab),  offsetof(struct dir_conf, password),
    offsetof(struct dir_conf, bind_dn), offsetof(struct dir_conf, tls_ca),
    offsetof(struct dir_conf, domain),  offsetof(struct dir_conf, lab_forest),
    offsetof(struct dir_conf, site),
};

static char **text_at(struct dir_conf *c, size_t i)
{
    return (char **)(void *)((char *)c + texts[i]);
}

enum err dir_conf_copy(const struct dir_conf *from, struct dir_conf *out, struct errinfo *ei)
{
    bool bad = false;

    *out = *from;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char **text = text_at(out, i);

        if (*text == NULL)
            continue;
        *text = strdup(*text);
        bad = bad || *text == NULL;
    }
    if (!bad)
        return ERR_OK;
    dir_conf_fini(out);
    return err_nomem(ei);
}

void dir_conf_fini(struct dir_conf *c)
{
    if (c->password != NULL)
        explicit_bzero((char *)(uintptr_t)c->password, strlen(c->password));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        free(*text_at(c, i));
    *c = (struct dir_conf){0};
}
