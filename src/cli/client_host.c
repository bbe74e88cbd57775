#include "cli/client_host.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/words.h"

static char *text_of(struct machine *m, const struct client_host *h)
{
    return (char *)m + h->at;
}

static enum err set(struct machine *m, const struct client_host *h, const char *text,
                    struct errinfo *ei)
{
    if (strcasecmp(text, "none") == 0)
        text = "";
    if (strlen(text) >= h->size)
        return err_fail(ei, ERR_USAGE, "%s \"%.40s…\": at most %zu bytes", h->what, text,
                        h->size - 1);
    words_copy(text_of(m, h), h->size, text);
    m->changed = true;
    return ERR_OK;
}

static enum err set_all(struct client *c, const struct client_host *h, const char *text,
                        struct errinfo *ei)
{
    enum err e = client_open(c, ei);

    for (size_t i = 0; e == ERR_OK && text != NULL && i < c->count; i++)
        e = set(&c->station[i].folder.machine, h, text, ei);
    return e;
}

int client_run_host(struct client *c, int argc, char **argv, const struct client_host *h)
{
    struct errinfo ei = {0};
    int status = client_begin(c, NULL, &argc, argv, 0, 1);
    enum err e;

    if (status < 0)
        status = client_need_machine(c);
    if (status >= 0)
        return status;
    e = set_all(c, h, argc > 0 ? argv[0] : NULL, &ei);
    status = client_saved(c, e, &ei);
    for (size_t i = 0; status == EXIT_OK && i < c->count && !c->json; i++) {
        struct machine *m = &c->station[i].folder.machine;
        const char *text = text_of(m, h);

        printf("%s: %s\n", m->name, text[0] != '\0' ? text : h->none);
    }
    return status;
}
