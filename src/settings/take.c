/* take: which changes of the configuration a running program takes. */
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/buf.h"
#include "settings/settings.h"

/* Sections whose other keys mean something only together with one that needs a restart: while that
 * differs, so do they. Else one directory's password would go to another's controllers, and what is
 * refused would depend on a relay that is not there yet. */
static const struct {
    const char *section, *name; /* the keys; name NULL: all of them */
    const char *with;
} together[] = {
    {"directory", NULL, "domain"},
    {"relay", "only", "upstream"},
};
#define TOGETHER_COUNT (sizeof(together) / sizeof(together[0]))

/* A directory that appears or goes, too. */
struct torn {
    bool rule[TOGETHER_COUNT], directory;
};

static void find_torn(const struct settings *was, const struct settings *now, struct torn *t)
{
    *t = (struct torn){.directory = (was->dir_uri == NULL) != (now->dir_uri == NULL)};
    for (size_t i = 0; i < settings_table.n; i++) {
        const struct conf_key *k = &settings_table.keys[i];

        for (size_t r = 0; r < TOGETHER_COUNT; r++)
            if (strcmp(k->section, together[r].section) == 0 &&
                strcmp(k->name, together[r].with) == 0)
                t->rule[r] = !conf_equal(k, was, now);
    }
}

static bool takes_effect(const struct conf_key *k, const struct torn *t)
{
    bool torn = t->directory && strcmp(k->section, "directory") == 0;

    for (size_t r = 0; r < TOGETHER_COUNT; r++)
        if (strcmp(k->section, together[r].section) == 0 &&
            (together[r].name == NULL || strcmp(k->name, together[r].name) == 0))
            torn = torn || t->rule[r];
    return k->when == CONF_RELOAD && !torn;
}

enum err settings_take(const struct settings *was, struct settings *now, settings_change_fn *each,
                       void *arg, struct errinfo *ei)
{
    struct torn t;
    enum err e = ERR_OK;

    find_torn(was, now, &t);
    for (size_t i = 0; e == ERR_OK && i < settings_table.n; i++) {
        const struct conf_key *k = &settings_table.keys[i];
        bool takes = takes_effect(k, &t);

        if (conf_equal(k, was, now))
            continue;
        if (each != NULL)
            e = each(arg, k, takes, was, now, ei);
        if (e == ERR_OK && !takes && conf_copy(k, was, now) != ERR_OK)
            e = err_nomem(ei);
    }
    return e == ERR_OK ? settings_check_mixed(now, ei) : e;
}

/* "kms idle 30s", each word with its NUL; an unset key has no third word, a newline ends each. */
static enum err put_key(struct buf *b, const struct conf_key *k, const struct settings *s)
{
    char *text = NULL;
    enum err e = conf_text(k, s, &text);

    if (e == ERR_OK) {
        buf_add(b, k->section, strlen(k->section) + 1);
        buf_add(b, k->name, strlen(k->name) + 1);
        if (text != NULL)
            buf_add(b, text, strlen(text) + 1);
        buf_add(b, "\n", 1);
    }
    free(text);
    return e;
}

enum err settings_digest(const struct settings *s, uint8_t out[SETTINGS_DIGEST_LEN],
                         struct errinfo *ei)
{
    struct buf all = BUF_INIT;
    enum err e = ERR_OK;

    _Static_assert(SETTINGS_DIGEST_LEN == SHA256_DIGEST_LENGTH, "it is one of SHA-256");
    for (size_t i = 0; e == ERR_OK && i < settings_table.n; i++)
        if (settings_table.keys[i].when == CONF_RELOAD)
            e = put_key(&all, &settings_table.keys[i], s);
    if (e == ERR_OK)
        e = all.err;
    if (e == ERR_OK)
        SHA256(all.data, all.len, out);
    buf_fini(&all);
    return e == ERR_OK ? ERR_OK : err_nomem(ei);
}
