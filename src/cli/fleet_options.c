/* adbaclient fleet: from the words of the command line to the numbers of a run. */
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "cli/fleet.h"
#include "cli/group.h"

#define ARRIVE_DEFAULT (7 * CLK_DAY)

/* "0.8", "80%" or "1" in per mille; -1 if it is none of them. */
static int32_t per_mille(const char *text)
{
    uint32_t value = 0, digits = 0;
    bool point = false, percent = false;

    for (const char *p = text; *p != '\0' && !percent; p++) {
        if (*p == '.' && !point)
            point = true;
        else if (*p == '%' && p[1] == '\0')
            percent = true;
        else if (*p < '0' || *p > '9' || value > 100000 || digits == 3)
            return -1;
        else {
            value = value * 10 + (uint32_t)(*p - '0');
            digits += point;
        }
    }
    for (; digits < 3; digits++)
        value *= 10;
    if (percent)
        value /= 100;
    return text[0] >= '0' && text[0] <= '9' && value <= 1000 ? (int32_t)value : -1;
}

static enum err take_share(const struct fleet_asked *a, struct fleet_conf *out, struct errinfo *ei)
{
    int32_t share = per_mille(a->domain_share);

    if (share < 0)
        return err_fail(ei, ERR_USAGE,
                        "--domain-share takes a share of all machines such as 0.8 or 80%%, not "
                        "\"%s\"",
                        a->domain_share);
    out->domain_share = (uint32_t)share;
    return ERR_OK;
}

/* ---- mix ---- */

static enum err take_product(const struct client *c, const char *text, struct fleet_conf *out,
                             struct errinfo *ei)
{
    const char *equals = strrchr(text, '=');
    struct fleet_share *s = &out->mix[out->mix_count];
    const char *nearest;
    unsigned long n = 0;
    char name[128], *end = NULL;

    if (equals != NULL && equals[1] >= '0' && equals[1] <= '9')
        n = strtoul(equals + 1, &end, 10);
    if (end == NULL || *end != '\0' || n < 1 || n > 1000000 ||
        (size_t)(equals - text) >= sizeof(name))
        return err_fail(ei, ERR_USAGE,
                        "--mix takes products and their shares such as \"Windows 11 "
                        "Enterprise=70,Windows Server 2022 Standard=30\", not \"%s\"",
                        text);
    if (out->mix_count == FLEET_MIX_MAX)
        return err_fail(ei, ERR_USAGE, "--mix names more than %d products", FLEET_MIX_MAX);
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    s->share = (uint32_t)n;
    out->mix_count++;
    s->product = catalog_product(c->catalog, name, NULL);
    if (s->product != NULL)
        return ERR_OK;
    nearest = catalog_nearest_product(c->catalog, name);
    return err_fail(ei, ERR_NOTFOUND,
                    "--mix \"%s\": no such product, or it has several editions: name one, as in "
                    "\"Windows 11 Enterprise\"%s%s%s",
                    name, nearest != NULL ? " (nearest: \"" : "", nearest != NULL ? nearest : "",
                    nearest != NULL ? "\")" : "");
}

/* Calls take for each part of a text between commas. */
static enum err take_mix(const struct client *c, const char *text, struct fleet_conf *out,
                         struct errinfo *ei)
{
    enum err e = ERR_OK;

    while (e == ERR_OK && text != NULL) {
        const char *comma = strchr(text, ',');
        size_t n = comma != NULL ? (size_t)(comma - text) : strlen(text);
        char part[192];

        if (n >= sizeof(part))
            return err_fail(ei, ERR_USAGE, "--mix \"%s\": a name is too long", text);
        memcpy(part, text, n);
        part[n] = '\0';
        e = take_product(c, part + strspn(part, " "), out, ei);
        text = comma != NULL ? comma + 1 : NULL;
    }
    return e;
}

/* ---- outages ---- */

static bool outage_part(const char *name, size_t len, struct fleet_outage *out)
{
    static const struct {
        const char *name;
        enum fleet_part part;
    } parts[] = {{"dc", FLEET_DC}, {"object", FLEET_OBJECT}, {"kms", FLEET_KMS}};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t n = strlen(parts[i].name);

        if (len < n || strncmp(name, parts[i].name, n) != 0)
            continue;
        out->part = parts[i].part;
        out->host = len == n + 1 ? (uint32_t)(name[n] - '0') : 0;
        return len == n || (len == n + 1 && out->part == FLEET_KMS && out->host >= 1 &&
                            out->host <= FLEET_HOSTS_MAX);
    }
    return false;
}

/* Whole minutes; false if it is no duration or longer than any run. */
static bool minutes_of(const char *text, size_t len, uint32_t *minutes)
{
    char part[32];
    int64_t seconds;

    if (len >= sizeof(part))
        return false;
    memcpy(part, text, len);
    part[len] = '\0';
    if (clk_parse_duration(part, &seconds) != 0 || seconds < 0 ||
        seconds > FLEET_DAYS_MAX * CLK_DAY)
        return false;
    *minutes = (uint32_t)(seconds / CLK_MINUTE);
    return true;
}

/* "kms:30d+10d", "kms2:…", "dc:…", "object:…": who, after how long, for how long. */
static enum err take_outage(const char *text, struct fleet_conf *out, struct errinfo *ei)
{
    const char *colon = strchr(text, ':'), *plus = strchr(text, '+');
    struct fleet_outage o = {0};
    uint32_t lasts = 0;

    if (colon == NULL || plus == NULL || plus < colon ||
        !outage_part(text, (size_t)(colon - text), &o) ||
        !minutes_of(colon + 1, (size_t)(plus - colon - 1), &o.from) ||
        !minutes_of(plus + 1, strlen(plus + 1), &lasts) || lasts == 0)
        return err_fail(ei, ERR_USAGE,
                        "--outage takes who is away, after how long, and for how long: "
                        "kms:30d+10d, kms2:30d+10d (one host), dc:60d+5d or object:90d+1d, not "
                        "\"%s\"",
                        text);
    if (o.host > out->hosts)
        return err_fail(ei, ERR_USAGE, "--outage \"%s\": there are only %u hosts (--hosts)", text,
                        out->hosts);
    if (out->outage_count == FLEET_OUTAGES_MAX)
        return err_fail(ei, ERR_USAGE, "--outage is given more than %d times", FLEET_OUTAGES_MAX);
    o.until = o.from + lasts;
    out->outage[out->outage_count++] = o;
    return ERR_OK;
}

/* ---- the rest ---- */

static enum err take_presence(const char *text, struct fleet_conf *out, struct errinfo *ei)
{
    bool office = strcmp(text, "office") == 0;

    if (!office && strcmp(text, "always") != 0)
        return err_fail(ei, ERR_USAGE, "--presence takes office or always, not \"%s\"", text);
    out->presence = office ? FLEET_OFFICE_HOURS : FLEET_ALWAYS;
    return ERR_OK;
}

static enum err take_groups(const struct client *c, const struct fleet_asked *a,
                            struct fleet_conf *out, struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (a->groups.n > FLEET_GROUPS_MAX)
        return err_fail(ei, ERR_USAGE, "--key-group is given more than %d times", FLEET_GROUPS_MAX);
    for (size_t i = 0; i < a->groups.n && e == ERR_OK; i++)
        e = group_named(c->catalog, a->groups.v[i], &out->group[out->group_count++], ei);
    return e;
}

static enum err take_arrive(const struct fleet_asked *a, struct fleet_conf *out, struct errinfo *ei)
{
    int64_t run = a->days * CLK_DAY, arrive = a->arrive;

    if (arrive < 0)
        arrive = run < ARRIVE_DEFAULT ? run : ARRIVE_DEFAULT;
    if (arrive > run)
        return err_fail(ei, ERR_USAGE, "--arrive must not be longer than the run (--days %u)",
                        a->days);
    out->arrive = (uint32_t)(arrive / CLK_MINUTE);
    return ERR_OK;
}

/* The host is one that runs: it is neither several nor away when we like. */
static enum err check_wire(const struct fleet_asked *a, const struct fleet_conf *out,
                           struct errinfo *ei)
{
    if (a->hosts != 1)
        return err_fail(ei, ERR_USAGE, "--wire asks the one host that it names: leave out --hosts");
    for (size_t i = 0; i < out->outage_count; i++) {
        if (out->outage[i].part == FLEET_KMS)
            return err_fail(ei, ERR_USAGE,
                            "--wire asks a host that runs: to have it away, stop it; --outage "
                            "takes dc and object then");
    }
    return ERR_OK;
}

enum err fleet_options(const struct client *c, const struct fleet_asked *a, struct fleet_conf *out,
                       struct errinfo *ei)
{
    enum err e;

    *out = (struct fleet_conf){.catalog = c->catalog,
                               .clients = a->clients,
                               .days = a->days,
                               .hosts = a->hosts,
                               .replace = a->replace * 10,
                               .move = a->move * 10,
                               .seed = a->seed};
    e = take_arrive(a, out, ei);
    if (e == ERR_OK)
        e = take_share(a, out, ei);
    if (e == ERR_OK)
        e = take_presence(a->presence, out, ei);
    if (e == ERR_OK && a->mix.n == 0)
        e = take_mix(c, "Windows 11 Enterprise=80,Windows Server 2022 Standard=20", out, ei);
    for (size_t i = 0; e == ERR_OK && i < a->mix.n; i++)
        e = take_mix(c, a->mix.v[i], out, ei);
    for (size_t i = 0; e == ERR_OK && i < a->outages.n; i++)
        e = take_outage(a->outages.v[i], out, ei);
    if (e == ERR_OK && a->wire != NULL)
        e = check_wire(a, out, ei);
    return e == ERR_OK ? take_groups(c, a, out, ei) : e;
}

enum err fleet_ask(const char *text, enum fleet_topic *out, struct errinfo *ei)
{
    *out = FLEET_TOPICS;
    if (text == NULL)
        return ERR_OK;
    for (int i = 0; i < FLEET_TOPICS; i++) {
        if (strcmp(text, fleet_topic_name((enum fleet_topic)i)) == 0)
            *out = (enum fleet_topic)i;
    }
    if (*out == FLEET_TOPICS)
        return err_fail(ei, ERR_USAGE, "--ask takes threshold, outage or hosts, not \"%s\"", text);
    return ERR_OK;
}
