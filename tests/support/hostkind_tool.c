/* hostkind_tool: what KMS hosts serve, for a test that reads the tables itself. Reads lines
 *
 *   SYSTEM|UPDATE,UPDATE…|PACK,PACK…
 *
 * and writes for each "group,kms_name,takes,serves,missing" rows and an empty line, or "error" and
 * why. An empty SYSTEM is a host that serves everything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/hostkind.h"

enum { LIST_ROOM = 64 };

static const char *const words[] = {
    [KMS_HOSTING_OK] = "ok",
    [KMS_HOSTING_UNLISTED] = "unlisted",
    [KMS_HOSTING_EDITION] = "edition",
    [KMS_HOSTING_DISPUTED] = "disputed",
    [KMS_HOSTING_CLIENT_HOST] = "client-host",
    [KMS_HOSTING_NO_PACK] = "no-pack",
    [KMS_HOSTING_NO_UPDATE] = "no-update",
    [KMS_HOSTING_IMPOSSIBLE] = "impossible",
};

static size_t split(char *text, const char *list[LIST_ROOM])
{
    size_t n = 0;

    for (char *part = strtok(text, ","); part != NULL && n < LIST_ROOM; part = strtok(NULL, ","))
        list[n++] = part;
    return n;
}

static void print_all(const struct catalog *c, const struct kms_hostkind *kind)
{
    const struct cat_group *g;
    size_t n = catalog_groups(c, &g);

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < g[i].kms_id_count; j++) {
            struct kms_hosting_verdict takes = kms_hostkind_takes(c, kind, &g[i]);
            struct kms_hosting_verdict serves =
                kms_hostkind_serves(c, kind, &g[i], &g[i].kms_ids[j]);

            printf("%s,%s,%s,%s,%s\n", g[i].name, catalog_kms_name(c, &g[i].kms_ids[j]),
                   words[takes.hosting], words[serves.hosting], serves.missing);
        }
    }
}

static void answer(const struct catalog *c, char *line)
{
    char *system = line, *updates = strchr(line, '|'), *packs;
    const char *update_list[LIST_ROOM], *pack_list[LIST_ROOM];
    struct kms_hostkind kind = {.updates = update_list, .packs = pack_list};
    struct errinfo ei = {0};

    line[strcspn(line, "\n")] = '\0';
    packs = updates != NULL ? strchr(updates + 1, '|') : NULL;
    if (packs == NULL)
        exit(EXIT_USAGE);
    *updates++ = '\0';
    *packs++ = '\0';
    kind.update_count = split(updates, update_list);
    kind.pack_count = split(packs, pack_list);
    if (kms_hostkind_read(c, *system != '\0' ? system : NULL, &kind, &ei) != ERR_OK)
        printf("error %s\n", ei.text);
    else
        print_all(c, &kind);
    puts("");
    fflush(stdout);
}

int main(void)
{
    struct catalog *c;
    char *line = NULL;
    size_t room = 0;

    if (catalog_load(&c, NULL) != ERR_OK)
        return EXIT_FAILED;
    while (getline(&line, &room, stdin) > 0)
        answer(c, line);
    free(line);
    catalog_free(c);
    return EXIT_OK;
}
