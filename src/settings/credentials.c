#include "settings/credentials.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    size_t offset;
} taken[] = {
    {"realm.bundle", offsetof(struct settings, realm_bundle)},
    {"kms.keytab", offsetof(struct settings, kms_keytab)},
    {"directory.keytab", offsetof(struct settings, dir_keytab)},
    {"directory.password_file", offsetof(struct settings, dir_password_file)},
};

/* Whether anything but white space stands in the file. */
static bool given(const char *path)
{
    FILE *f = fopen(path, "re");
    int c = EOF;

    if (f == NULL)
        return false;
    setvbuf(f, NULL, _IONBF, 0); /* no copy of a secret in a buffer */
    do
        c = getc(f);
    while (c != EOF && isspace(c));
    fclose(f);
    return c != EOF;
}

enum err credentials_apply(const char *folder, struct settings *s, struct errinfo *ei)
{
    for (size_t i = 0; folder != NULL && i < sizeof(taken) / sizeof(taken[0]); i++) {
        char **member = (char **)((char *)s + taken[i].offset), *path;

        if (asprintf(&path, "%s/%s", folder, taken[i].name) < 0)
            return err_nomem(ei);
        if (given(path)) {
            free(*member);
            *member = path;
            continue;
        }
        free(path);
    }
    return ERR_OK;
}
