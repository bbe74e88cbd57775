/* ids_tool SECRET: activation IDs for tests that hold another implementation against ours. SECRET
 * is a realm secret in hexadecimal. Reads lines
 *
 *   make KIND KEY TARGET GROUP…   KIND 0 or 1, KEY a host key's text, TARGET 16 bytes in
 *                                 hexadecimal
 *   machine KEY HARDWARE          KEY any lab key's text, HARDWARE a GUID
 *   read IID
 *   check CID IID GROUP…
 *
 * and writes one line for each: "ok IID CID", "ok KIND GROUP KEY BINDING SEAL", "ok", or "error"
 * and the documented code. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clearing/house.h"

static bool unhex(const char *text, uint8_t *out, size_t n)
{
    if (text == NULL || strlen(text) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned v;

        if (sscanf(text + 2 * i, "%2x", &v) != 1)
            return false;
        out[i] = (uint8_t)v;
    }
    return true;
}

static enum err make(const uint8_t *clearing, const char *kind, const char *key, const char *target,
                     char *group, struct errinfo *ei)
{
    struct hostkey k = {.group = group};
    char iid[IID_TEXT_MAX], cid[CID_TEXT_MAX];
    struct guid t;
    struct iid id;
    enum err e;

    if (group == NULL || !hostkey_text_valid(key) || !unhex(target, t.b, sizeof(t.b)))
        return err_fail(ei, ERR_USAGE, "make: arguments");
    snprintf(k.key, sizeof(k.key), "%s", key);
    e = realm_confirm_derive(clearing, key, group, k.confirm, ei);
    if (e == ERR_OK)
        e = iid_make(kind[0] == '1' ? IID_FOREST : IID_HOST, &k, &t, &id, ei);
    if (e == ERR_OK)
        e = cid_make(&id, k.confirm, cid, ei);
    if (e != ERR_OK)
        return e;
    iid_write(&id, iid);
    printf("ok %s %s\n", iid, cid);
    return ERR_OK;
}

static enum err machine(const uint8_t *secret, const char *key, const char *hardware,
                        struct errinfo *ei)
{
    char iid[IID_TEXT_MAX], cid[CID_TEXT_MAX];
    struct realm_keys keys;
    struct clearing_case c;
    struct guid g;
    enum err e = realm_keys_derive(secret, &keys, ei);

    if (e == ERR_OK && (hardware == NULL || !guid_parse(hardware, &g)))
        e = err_fail(ei, ERR_USAGE, "machine: arguments");
    if (e == ERR_OK)
        e = clearing_machine(&keys, key, &g, &c, ei);
    if (e == ERR_OK)
        e = clearing_confirm(&c, cid, ei);
    if (e != ERR_OK)
        return e;
    iid_write(&c.id, iid);
    printf("ok %s %s\n", iid, cid);
    return ERR_OK;
}

static enum err read_back(const char *text, struct errinfo *ei)
{
    struct iid id;
    enum err e = iid_read(text, &id, ei);

    if (e == ERR_OK)
        printf("ok %d %" PRIu32 " %s %" PRIu32 " %" PRIu32 "\n", (int)id.kind, id.group, id.key,
               id.binding, id.seal);
    return e;
}

static enum err check(const uint8_t *clearing, const char *cid, const char *iid, const char *group,
                      struct errinfo *ei)
{
    uint8_t confirm[REALM_CONFIRM_LEN];
    struct iid id;
    enum err e = iid_read(iid, &id, ei);

    if (e == ERR_OK)
        e = realm_confirm_derive(clearing, id.key, group, confirm, ei);
    if (e == ERR_OK)
        e = cid_check(cid, &id, confirm, ei);
    if (e == ERR_OK)
        puts("ok");
    return e;
}

static enum err run(const uint8_t *secret, const uint8_t *clearing, char *line, struct errinfo *ei)
{
    char *verb = strtok(line, " \n"), *a = strtok(NULL, " \n"), *b, *c;

    if (a != NULL && strcmp(verb, "read") == 0)
        return read_back(a, ei);
    b = strtok(NULL, " \n");
    if (b != NULL && strcmp(verb, "check") == 0)
        return check(clearing, a, b, strtok(NULL, "\n"), ei);
    if (b != NULL && strcmp(verb, "machine") == 0)
        return machine(secret, a, b, ei);
    c = strtok(NULL, " \n");
    if (c != NULL && strcmp(verb, "make") == 0)
        return make(clearing, a, b, c, strtok(NULL, "\n"), ei);
    return err_fail(ei, ERR_USAGE, "unknown verb");
}

int main(int argc, char **argv)
{
    uint8_t secret[REALM_SECRET_LEN], clearing[REALM_CLEARING_LEN];
    char *line = NULL;
    size_t room = 0;

    if (argc != 2 || !unhex(argv[1], secret, sizeof(secret)) ||
        realm_clearing_derive(secret, clearing, NULL) != ERR_OK)
        return EXIT_USAGE;
    while (getline(&line, &room, stdin) > 0) {
        struct errinfo ei = {0};

        if (run(secret, clearing, line, &ei) != ERR_OK)
            printf("error 0x%08X\n", ei.hresult);
        fflush(stdout);
    }
    free(line);
    return EXIT_OK;
}
