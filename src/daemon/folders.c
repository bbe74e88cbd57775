#include "daemon/folders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/control.h"
#include "publish/kept.h"
#include "realm/secrets.h"

enum err folders_explain(const char *setting, const char *path, const char *directory,
                         struct errinfo *ei)
{
    char *folder = file_folder_of(path);

    if (folder != NULL && ei->code == ERR_NOTFOUND && access(folder, F_OK) != 0)
        err_fail(ei, ei->code,
                 "%s: %s; there is no folder %s: make it, for the user that adbad runs as "
                 "(\"systemctl start adbad\" does, by its unit's %s=), or name another place",
                 setting, ei->text, folder, directory);
    else
        err_context(ei, "%s", setting);
    free(folder);
    return ei->code;
}

/* A slash at the end is none of its name. */
static bool same_folder(const char *given, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(given, folder, len) == 0 && given[len + strspn(given + len, "/")] == '\0';
}

/* Beside the ledger lie its lock and its write-ahead log. Its folder may be the one that is made.
 */
static enum err check_ledger_folder(const struct settings *s, struct errinfo *ei)
{
    char *folder = file_folder_of(s->ledger);
    enum err e = ERR_OK;

    if (folder == NULL)
        return err_nomem(ei);
    if (!same_folder(s->state_dir, folder) || access(folder, F_OK) == 0)
        e = file_could_make(s->ledger, ei);
    free(folder);
    return e == ERR_OK ? e : folders_explain("[store] ledger", s->ledger, "StateDirectory", ei);
}

static enum err check_ticket_folder(const struct settings *s, struct errinfo *ei)
{
    char *path = settings_ticket_folder(s);
    enum err e = path == NULL ? err_nomem(ei) : file_could_make_folder(path, ei);

    if (path != NULL && e != ERR_OK)
        e = folders_explain("[control] socket", path, "RuntimeDirectory", ei);
    free(path);
    return e;
}

/* The unit's RuntimeDirectory is there only while the service runs. */
static bool comes_with_the_start(const struct settings *s)
{
    char *folder = file_folder_of(s->control_socket);
    bool yes = folder != NULL && same_folder(folder, SETTINGS_RUN_DIR) &&
               access(folder, F_OK) != 0 && errno == ENOENT;

    free(folder);
    return yes;
}

enum err folders_check(const struct settings *s, bool start, struct errinfo *ei)
{
    enum err e = file_could_make_folder(s->state_dir, ei);

    if (e != ERR_OK)
        return folders_explain("[store] state_dir", s->state_dir, "StateDirectory", ei);
    e = secrets_could_open(s->secrets_dir, ei);
    if (e == ERR_OK)
        e = check_ledger_folder(s, ei);
    if (e == ERR_OK && !start && comes_with_the_start(s))
        return ERR_OK;
    if (e == ERR_OK)
        e = check_ticket_folder(s, ei);
    return e == ERR_OK ? control_check(s->control_socket, ei) : e;
}

static enum err make_ticket_folder(const struct settings *s, struct errinfo *ei)
{
    char *path = settings_ticket_folder(s);
    enum err e;

    if (path == NULL)
        return err_nomem(ei);
    e = file_make_folder(path, 0700, ei);
    free(path);
    return e == ERR_OK ? e : err_context(ei, "[control] socket: its folder must exist and be ours");
}

enum err folders_make(const struct settings *s, struct errinfo *ei)
{
    enum err e = file_make_folder(s->state_dir, 0700, ei);

    if (e != ERR_OK)
        return err_context(ei, "[store] state_dir");
    e = secrets_open(s->state_dir, s->secrets_dir, ei);
    if (e == ERR_OK)
        e = publish_kept_open(s->state_dir, ei);
    return e == ERR_OK ? make_ticket_folder(s, ei) : e;
}
