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
    {"realm.secret", offsetof(struct settings, realm_secret)},
    {"kms.keytab", offsetof(struct settings, kms_keytab)},
    {"directory.keytab", offsetof(struct settings, dir_keytab)},
    {"directory.password_file", offsetof(struct settings, dir_password_file)},
};

#define TAKEN_COUNT (sizeof(taken) / sizeof(taken[0]))

static char *path_of(const char *folder, size_t i)
{
    char *path;

    return asprintf(&path, "%s/%s", folder, taken[i].name) < 0 ? NULL : path;
}

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

unsigned credentials_given(const char *folder)
{
    unsigned all = 0;

    for (size_t i = 0; folder != NULL && i < TAKEN_COUNT; i++) {
        char *path = path_of(folder, i);

        if (path != NULL && given(path))
            all |= 1U << i;
        free(path);
    }
    return all;
}

enum err credentials_apply(const char *folder, unsigned which, struct settings *s,
                           struct errinfo *ei)
{
    for (size_t i = 0; folder != NULL && i < TAKEN_COUNT; i++) {
        char **member = (char **)((char *)s + taken[i].offset), *path;

        if ((which & 1U << i) == 0)
            continue;
        path = path_of(folder, i);
        if (path == NULL)
            return err_nomem(ei);
        free(*member);
        *member = path;
    }
    return ERR_OK;
}
