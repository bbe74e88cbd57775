#include "confine/confine.h"

enum err confine(const struct confinement *c, struct errinfo *ei)
{
    struct errinfo paths, calls;
    enum err by_path = paths_give_up(&c->paths, &paths);
    enum err by_call = calls_give_up(&c->calls, &calls);

    if (by_path != ERR_OK && by_call != ERR_OK)
        return err_fail(ei, by_path, "%s; %s", paths.text, calls.text);
    if (by_path == ERR_OK && by_call == ERR_OK)
        return ERR_OK;
    if (ei != NULL)
        *ei = by_path != ERR_OK ? paths : calls;
    return by_path != ERR_OK ? by_path : by_call;
}

void confinement_fini(struct confinement *c)
{
    paths_fini(&c->paths);
}
