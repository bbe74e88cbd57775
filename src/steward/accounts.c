#include "steward/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ldap/changes.h"

#define ACCOUNT_DISABLED 2 /* userAccountControl, MS-ADTS 2.2.16 */

static const char *const attrs[] = {"sAMAccountName", "dNSHostName", "userAccountControl",
                                    "objectSid",      "objectGUID",  NULL};

struct reader {
    members_note_fn *each;
    void *arg;
    uint64_t unusable;
};

static bool take_member(const struct guid *id, const struct dir_entry *e, char *name,
                        struct member *out)
{
    const char *account = dir_entry_str(e, "sAMAccountName");
    const char *dns = dir_entry_str(e, "dNSHostName");
    const char *control = dir_entry_str(e, "userAccountControl");
    const struct dir_val *sid = dir_entry_val(e, "objectSid");
    const struct dir_val *guid = dir_entry_val(e, "objectGUID");
    size_t len = account == NULL ? 0 : strlen(account);

    if (len > 0 && account[len - 1] == '$')
        len--;
    if (len == 0 || len > ROSTER_NAME_MAX || strlen(e->dn) > ROSTER_DN_MAX ||
        (sid != NULL && sid->len > ROSTER_SID_MAX))
        return false;
    memcpy(name, account, len);
    name[len] = '\0';
    *out = (struct member){
        .id = *id,
        .name = name,
        .dns_name = dns == NULL || strlen(dns) > ROSTER_DNS_MAX ? "" : dns,
        .dn = e->dn,
        .sid = sid == NULL ? NULL : sid->data,
        .sid_len = sid == NULL ? 0 : sid->len,
        /* Who hides whether an account is enabled gets no benefit of the doubt. */
        .enabled = control != NULL && (strtol(control, NULL, 10) & ACCOUNT_DISABLED) == 0,
    };
    if (guid != NULL && guid->len == sizeof(out->guid.b))
        memcpy(out->guid.b, guid->data, sizeof(out->guid.b));
    return true;
}

static enum err on_change(void *arg, enum dir_change what, const struct guid *id,
                          const struct dir_entry *entry, struct errinfo *ei)
{
    struct reader *r = arg;
    char name[ROSTER_NAME_MAX + 1];
    struct members_note n = {.what = MEMBERS_GONE, .member.id = *id};

    if (what == DIR_SAME) {
        n.what = MEMBERS_SAME;
        n.member.dn = entry == NULL || strlen(entry->dn) > ROSTER_DN_MAX ? NULL : entry->dn;
    } else if (what == DIR_PUT && take_member(id, entry, name, &n.member)) {
        n.what = MEMBERS_PUT;
    } else if (what == DIR_PUT) {
        r->unusable++;
    }
    return r->each(r->arg, &n, ei);
}

enum err accounts_read(struct dir *d, const struct accounts_query *q, members_note_fn *each,
                       void *arg, struct members_reading *out, struct errinfo *ei)
{
    const struct dir_facts *facts = dir_facts(d);
    /* Managed service accounts are of class computer too; their category is another. */
    const char *attr = facts->ad_ds ? "objectCategory" : "objectClass";
    const struct dir_filter computers = {
        .op = DIR_EQ, .attr = attr, .value = "computer", .len = strlen("computer")};
    const struct dir_changes_query query = {.base = q->base != NULL ? q->base : facts->default_nc,
                                            .filter = &computers,
                                            .attrs = attrs,
                                            .cookie = q->cookie,
                                            .cookie_len = q->cookie_len,
                                            .list = q->list};
    struct reader r = {.each = each, .arg = arg};
    struct dir_changes got = {.cookie = BUF_INIT};
    enum err e = dir_changes(d, &query, on_change, &r, &got, ei);

    memset(out, 0, sizeof(*out));
    if (e != ERR_OK) {
        buf_fini(&got.cookie);
        return e;
    }
    *out = (struct members_reading){.cookie = got.cookie,
                                    .full = got.full,
                                    .complete = got.complete,
                                    .tells_deletions = got.tells_deletions,
                                    .entries = got.entries,
                                    .unusable = r.unusable};
    snprintf(out->why_full, sizeof(out->why_full), "%s", got.why_full == NULL ? "" : got.why_full);
    return ERR_OK;
}
