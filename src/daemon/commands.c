/* The commands of the control socket. */
#include <string.h>

#include "daemon/clearing.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/membership.h"
#include "daemon/overrides.h"
#include "daemon/publisher.h"
#include "daemon/relaying.h"
#include "daemon/reload.h"
#include "daemon/watcher.h"
#include "jobs/job.h"

static enum err ping(void *arg, const json_t *request, json_t *reply, struct errinfo *ei)
{
    (void)arg;
    (void)request;
    (void)ei;
    json_object_set_new(reply, "version", json_string(ADBAD_VERSION));
    return ERR_OK;
}

static enum err status(void *arg, const json_t *request, json_t *reply, struct errinfo *ei)
{
    json_t *all = status_json(arg);

    (void)request;
    if (all == NULL)
        return err_nomem(ei);
    json_object_set_new(reply, "status", all);
    return ERR_OK;
}

static enum err reload_hostkeys(void *arg, const json_t *request, json_t *reply, struct errinfo *ei)
{
    struct daemon *d = arg;
    enum err e = groups_load(d, ei);

    (void)request;
    if (e == ERR_OK)
        json_object_set_new(reply, "host_keys", json_integer((json_int_t)d->key_count));
    return e;
}

static enum err directory_check(void *arg, const json_t *request, json_t *reply, struct errinfo *ei)
{
    struct daemon *d = arg;

    (void)request;
    if (d->watcher == NULL)
        return err_fail(ei, ERR_CONFIG, "no directory is configured; set [directory] uri");
    /* The check that will have seen all that the directory holds now. */
    json_object_set_new(reply, "check", json_integer((json_int_t)watcher_look(d->watcher)));
    return ERR_OK;
}

static enum err clock_advance(void *arg, const json_t *request, json_t *reply, struct errinfo *ei)
{
    struct daemon *d = arg;
    struct job_request r = {.kind = JOB_CLOCK};
    const json_t *by = json_object_get(request, "seconds");
    char text[CLK_TEXT_MAX];
    int64_t now;
    enum err e;

    if (d->labclk == NULL)
        return err_fail(ei, ERR_CONFIG, "the clock is real time; [lab] enabled is not set");
    if (!json_is_integer(by))
        return err_fail(ei, ERR_USAGE, "command clock.advance: expected an integer \"seconds\"");
    if (json_integer_value(by) < 0)
        return err_fail(ei, ERR_REFUSED, "the lab clock only goes forward");
    r.seconds = json_integer_value(by);
    e = job_ask_soon(d->steward.control, &r, NULL, ei);
    if (e != ERR_OK)
        return e;
    now = daemon_now(d);
    log_as(&d->log, LOGL_INFO, LOGK_CLOCK, NULL, "lab clock moved forward by %lld s to %s",
           (long long)json_integer_value(by), clk_format(now, text));
    if (d->membership != NULL)
        membership_sync(d->membership, false, false);
    json_object_set_new(reply, "now", json_integer(now));
    json_object_set_new(reply, "time", json_string(clk_format(now, text)));
    return ERR_OK;
}

static enum err relay_status(void *arg, const json_t *request, json_t *reply, struct errinfo *ei)
{
    json_t *all = relaying_json(arg);

    (void)request;
    if (all == NULL)
        return err_nomem(ei);
    json_object_set_new(reply, "status", all);
    return ERR_OK;
}

/* ---- membership ---- */

static enum err require_membership(const struct daemon *d, struct errinfo *ei)
{
    return d->membership != NULL
               ? ERR_OK
               : err_fail(ei, ERR_CONFIG, "no directory is configured; set [directory] uri");
}

static enum err membership_status_cmd(void *arg, const json_t *request, json_t *reply,
                                      struct errinfo *ei)
{
    struct daemon *d = arg;
    enum err e = require_membership(d, ei);
    json_t *status;

    (void)request;
    if (e != ERR_OK)
        return e;
    status = membership_status(d->membership);
    if (status == NULL)
        return err_nomem(ei);
    json_object_set_new(reply, "status", status);
    return ERR_OK;
}

/* What came of the account's last request that the directory covers; null: none is known. */
static json_t *last_proof_json(const struct daemon *d, const char *name)
{
    struct proofs_case c;

    if (d->proofs == NULL || !proofs_last(d->proofs, name, &c))
        return json_null();
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s?}", "verdict", proof_name(c.proof), "why",
                     proof_text(c.proof), "remedy", proof_remedy(c.proof), "when",
                     (json_int_t)c.when, "peer", c.peer, "principal",
                     c.principal[0] != '\0' ? c.principal : NULL);
}

static enum err membership_show_cmd(void *arg, const json_t *request, json_t *reply,
                                    struct errinfo *ei)
{
    struct daemon *d = arg;
    const char *name = json_string_value(json_object_get(request, "name")), *account;
    enum err e = require_membership(d, ei);

    if (e == ERR_OK && name == NULL)
        e = err_fail(ei, ERR_USAGE, "command membership.show: expected a string \"name\"");
    if (e == ERR_OK)
        e = membership_show(d->membership, name, reply, ei);
    if (e != ERR_OK)
        return e;
    account = json_string_value(json_object_get(json_object_get(reply, "account"), "name"));
    json_object_set_new(reply, "proof", last_proof_json(d, account != NULL ? account : name));
    return ERR_OK;
}

static enum err membership_list_cmd(void *arg, const json_t *request, json_t *reply,
                                    struct errinfo *ei)
{
    struct daemon *d = arg;
    const json_t *after = json_object_get(request, "after");
    const json_t *limit = json_object_get(request, "limit");
    const struct membership_filter f = {
        .after = (uint32_t)json_integer_value(after),
        .limit = (uint32_t)json_integer_value(limit),
        .match = json_string_value(json_object_get(request, "match")),
        .enabled_only = json_is_true(json_object_get(request, "enabled")),
        .disabled_only = json_is_true(json_object_get(request, "disabled"))};
    enum err e = require_membership(d, ei);

    return e == ERR_OK ? membership_list(d->membership, &f, reply, ei) : e;
}

static enum err membership_sync_cmd(void *arg, const json_t *request, json_t *reply,
                                    struct errinfo *ei)
{
    struct daemon *d = arg;
    bool full = json_is_true(json_object_get(request, "full"));
    bool list = json_is_true(json_object_get(request, "list"));
    enum err e = require_membership(d, ei);

    if (e == ERR_OK) /* the one that will have seen all that the directory holds now */
        json_object_set_new(reply, "sync",
                            json_integer((json_int_t)membership_sync(d->membership, full, list)));
    return e;
}

static const char *const show_keys[] = {"name", NULL};
static const char *const list_keys[] = {"after", "limit", "match", "enabled", "disabled", NULL};
static const char *const sync_keys[] = {"full", "list", NULL};
static const char *const advance_keys[] = {"seconds", NULL};

const struct control_command daemon_commands[] = {
    {"ping", ping, NULL},
    {"kms.status", status, NULL},
    {"kms.directory-check", directory_check, NULL},
    {"kms.set", overrides_command, overrides_keys},
    {"relay.status", relay_status, NULL},
    {"reload", reload_command, NULL},
    {"reload-hostkeys", reload_hostkeys, NULL},
    {"clock.advance", clock_advance, advance_keys},
    {"dns.publish", publisher_publish_command, NULL},
    {"dns.withdraw", publisher_withdraw_command, NULL},
    {"dns.check", publisher_check_command, NULL},
    {"dns.status", publisher_status_command, NULL},
    {"membership.status", membership_status_cmd, NULL},
    {"membership.show", membership_show_cmd, show_keys},
    {"membership.list", membership_list_cmd, list_keys},
    {"membership.sync", membership_sync_cmd, sync_keys},
    {"clearing.status", clearing_status_command, NULL},
    {"clearing.confirm", clearing_confirm_command, clearing_confirm_keys},
    {"clearing.issue", clearing_issue_command, clearing_issue_keys},
    {"clearing.know", clearing_know_command, clearing_know_keys},
    {"clearing.extend", clearing_extend_command, clearing_extend_keys},
    {"clearing.block", clearing_block_command, clearing_block_keys},
    {0},
};
