#include "publish/plan.h"

#include <string.h>

#include "base/child.h"

/* Of data/error_codes.csv. */
#define HR_DNS_SERVER_FAILURE 0x8007232Au
#define HR_DNS_BADSIG         0x80072338u
#define HR_DNS_NO_SERVERS     0x8007267Cu

const char *publish_whose_name(enum publish_whose w)
{
    static const char *const names[] = {"current", "old", "this host", "other"};

    return names[w];
}

const char *publish_state_name(enum publish_state s)
{
    static const char *const names[] = {"absent", "published", "outdated"};

    return names[s];
}

enum publish_whose publish_whose(const struct publish_goal *g, const struct publish_record *found)
{
    if (g->present && publish_record_same(found, &g->record))
        return PUBLISH_WANTED;
    for (size_t i = 0; i < g->kept_count; i++)
        if (publish_record_same(found, &g->kept[i]))
            return PUBLISH_OLD;
    return publish_name_same(found->host, g->record.host) ? PUBLISH_THIS_HOST : PUBLISH_OTHER;
}

enum publish_state publish_state(const struct publish_goal *g, const struct publish_record *found,
                                 size_t n)
{
    enum publish_state s = PUBLISH_ABSENT;

    for (size_t i = 0; i < n; i++) {
        enum publish_whose w = publish_whose(g, &found[i]);

        if (w == PUBLISH_OLD)
            return PUBLISH_OUTDATED;
        if (w == PUBLISH_WANTED)
            s = PUBLISH_PUBLISHED;
    }
    return s;
}

bool publish_reached(const struct publish_goal *g, enum publish_state s)
{
    return s == (g->present ? PUBLISH_PUBLISHED : PUBLISH_ABSENT);
}

static void add_record(struct buf *out, const struct publish_record *r)
{
    size_t len = strlen(r->host);

    buf_add_fmt(out, " SRV %u %u %u %s%s\n", r->priority, r->weight, r->port, r->host,
                len > 0 && r->host[len - 1] == '.' ? "" : ".");
}

void publish_script(const struct publish_goal *g, const struct publish_record *found, size_t n,
                    const char *zone, const char *primary, struct buf *out)
{
    buf_add_fmt(out, "server %s\nzone %s.\n", primary, zone);
    for (size_t i = 0; i < n; i++) {
        if (publish_whose(g, &found[i]) != PUBLISH_OLD)
            continue;
        buf_add_fmt(out, "update delete " PUBLISH_SERVICE ".%s.", g->domain);
        add_record(out, &found[i]);
    }
    if (g->present) {
        buf_add_fmt(out, "update add " PUBLISH_SERVICE ".%s. %u", g->domain, g->ttl);
        add_record(out, &g->record);
    }
    buf_add_str(out, "send\n");
}

enum err publish_failure(const char *domain, const char *primary, char *said, struct errinfo *ei)
{
    static const struct {
        const char *sign;
        enum err e;
        uint32_t hresult;
        const char *why;
    } rows[] = {
        {"REFUSED", ERR_DENIED, HR_DNS_BADSIG,
         "the server refuses the update (REFUSED): the records belong to another account, or the "
         "zone takes no secure updates; give the service account write permission on the name"},
        {"update failed: SERVFAIL", ERR_DENIED, HR_DNS_BADSIG,
         "the server does not make the update; Samba says so (SERVFAIL) where the records belong "
         "to "
         "another account: give the service account write permission on the name"},
        {"NOTAUTH", ERR_CONFIG, HR_DNS_SERVER_FAILURE,
         "the server that the SOA record names does not take updates of the zone"},
        {"NOTZONE", ERR_CONFIG, HR_DNS_SERVER_FAILURE,
         "the server that the SOA record names does not take updates of the zone"},
        {"NOTIMP", ERR_CONFIG, HR_DNS_SERVER_FAILURE, "the server takes no dynamic updates"},
        {"SERVFAIL", ERR_UNREACHABLE, HR_DNS_SERVER_FAILURE, "the DNS server failed"},
        {"timed out", ERR_TIMEOUT, HR_DNS_NO_SERVERS, "the server did not answer in time"},
        {"connection refused", ERR_UNREACHABLE, HR_DNS_NO_SERVERS, "nobody answers there"},
        {"host unreachable", ERR_UNREACHABLE, HR_DNS_NO_SERVERS, "nobody answers there"},
        {"GSSAPI error", ERR_AUTH, HR_DNS_BADSIG, "the server does not accept our Kerberos ticket"},
        {"tkey query failed", ERR_AUTH, HR_DNS_BADSIG,
         "the server does not accept our Kerberos ticket"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strstr(said, rows[i].sign) != NULL)
            return err_fail_hr(ei, rows[i].e, rows[i].hresult,
                               "update " PUBLISH_SERVICE ".%s at %s: %s", domain, primary,
                               rows[i].why);
    return err_fail_hr(ei, ERR_NOT_NOW, HR_DNS_BADSIG,
                       "update " PUBLISH_SERVICE ".%s at %s: it was without effect; nsupdate says: "
                       "%s",
                       domain, primary, child_last_line(said));
}
