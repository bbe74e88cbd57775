/* Metrics from what the main loop knows, which comes as the JSON that adbactl reads too. What a
 * configuration does not have is left out. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "daemon/metrics.h"

#define OBJECTS_MAX   256 /* with samples of their own */
#define UPSTREAMS_MAX 64

static double number(const json_t *j, const char *name)
{
    return json_number_value(json_object_get(j, name));
}

static const char *text(const json_t *j, const char *name)
{
    const char *value = json_string_value(json_object_get(j, name));

    return value == NULL ? "" : value;
}

static bool truth(const json_t *j, const char *name)
{
    return json_is_true(json_object_get(j, name));
}

/* One sample for each member of an object of numbers. */
static void add_members(struct expo *x, const json_t *object, const char *label)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
        expo_sample(x, json_number_value(value), label, name, NULL);
}

/* ---- the count ---- */

static void add_thresholds(struct expo *x, const json_t *application)
{
    const char *kind;
    json_t *value;

    json_object_foreach(json_object_get(application, "thresholds"), kind, value)
        expo_sample(x, json_number_value(value), "application", text(application, "application"),
                    "kind", kind, NULL);
}

static void add_counts(struct expo *x, const json_t *applications)
{
    const json_t *one;
    size_t i;

    expo_family(x, EXPO_GAUGE, "adbad_clients", NULL,
                "Clients that the KMS host remembers: the count that it tells.");
    json_array_foreach(applications, i, one)
        expo_sample(x, number(one, "count"), "application", text(one, "application"), NULL);
    expo_family(x, EXPO_GAUGE, "adbad_clients_capacity", NULL,
                "Clients that the KMS host remembers at most.");
    json_array_foreach(applications, i, one)
        expo_sample(x, number(one, "capacity"), "application", text(one, "application"), NULL);
    expo_family(x, EXPO_GAUGE, "adbad_clients_threshold", NULL,
                "The count from which clients of that kind activate.");
    json_array_foreach(applications, i, one) add_thresholds(x, one);
}

/* What is done with requests; "relay": all of them are relayed, whatever [kms] mode says. */
static void add_mode(struct expo *x, const json_t *status)
{
    static const char *const modes[] = {"serve", "refuse", "relay"};
    const char *now = truth(status, "relays_all") ? "relay" : text(status, "mode");

    expo_family(x, EXPO_GAUGE, "adbad_kms_mode", NULL, "1 for what is done with requests.");
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        expo_sample(x, strcmp(now, modes[i]) == 0, "mode", modes[i], NULL);
}

static void add_host_keys(struct expo *x, const json_t *keys)
{
    const json_t *one;
    size_t i;

    metrics_one(x, EXPO_GAUGE, "adbad_host_keys", NULL, (double)json_array_size(keys),
                "Installed host keys.");
    expo_family(x, EXPO_GAUGE, "adbad_host_key_activated", NULL,
                "Installed host keys: 1 if activated; requests for those that are not are "
                "refused.");
    json_array_foreach(keys, i, one) expo_sample(x, truth(one, "activated"), "group",
                                                 text(one, "group"), "pid", text(one, "pid"), NULL);
}

/* ---- connections ---- */

static void add_connections(struct expo *x, const json_t *c)
{
    metrics_one(x, EXPO_GAUGE, "adbad_connections_open", NULL, number(c, "open"),
                "RPC connections open now.");
    metrics_one(x, EXPO_GAUGE, "adbad_accepting", NULL, truth(c, "accepting"),
                "0 while connections or descriptors have run out and further ones wait.");
    metrics_one(x, EXPO_COUNTER, "adbad_connections", NULL, number(c, "accepted"),
                "RPC connections accepted.");
    metrics_one(x, EXPO_COUNTER, "adbad_calls", NULL, number(c, "calls"),
                "RPC calls, of every interface.");
    expo_family(x, EXPO_COUNTER, "adbad_connections_closed", NULL,
                "RPC connections that ended, by reason.");
    add_members(x, json_object_get(c, "closed"), "reason");
    expo_family(x, EXPO_COUNTER, "adbad_rpc_refused", NULL,
                "What the RPC layer refused, by reason.");
    add_members(x, json_object_get(c, "rpc_refused"), "reason");
}

/* ---- the directory ---- */

/* An object without a name is called by its DN; nobody else is called that. */
static const char *object_name(const json_t *o)
{
    return *text(o, "name") != '\0' ? text(o, "name") : text(o, "dn");
}

static void add_objects(struct expo *x, const json_t *objects)
{
    size_t n = json_array_size(objects);

    metrics_one(x, EXPO_GAUGE, "adbad_activation_objects", NULL, (double)n,
                "Activation objects in the directory.");
    expo_family(x, EXPO_GAUGE, "adbad_activation_object_left_seconds", "seconds",
                "Time until the licence of an activation object ends, in whole days; negative when "
                "it has ended.");
    for (size_t i = 0; i < n && i < OBJECTS_MAX; i++) {
        const json_t *o = json_array_get(objects, i);

        if (json_is_integer(json_object_get(o, "days_left")))
            expo_sample(x, number(o, "days_left") * CLK_DAY, "object", object_name(o), "group",
                        text(o, "group"), NULL);
    }
    expo_family(x, EXPO_GAUGE, "adbad_activation_object_verdict", NULL,
                "1 for what verification made of an activation object; only \"good\" ones grant.");
    for (size_t i = 0; i < n && i < OBJECTS_MAX; i++) {
        const json_t *o = json_array_get(objects, i);

        expo_sample(x, 1, "object", object_name(o), "verdict", text(o, "verdict"), NULL);
    }
}

static void add_directory(struct expo *x, const json_t *d)
{
    const json_t *looks = json_object_get(d, "looks");
    bool up = strcmp(text(d, "state"), "up") == 0;

    if (!json_is_object(d) || looks == NULL) /* none, or not looked at yet */
        return;
    metrics_one(x, EXPO_GAUGE, "adbad_directory_up", NULL, up,
                "1 if the last look at the directory succeeded.");
    expo_family(x, EXPO_COUNTER, "adbad_directory_looks", NULL,
                "Looks at the directory and its activation objects, by result.");
    expo_sample(x, number(looks, "good"), "result", "good", NULL);
    expo_sample(x, number(looks, "failed"), "result", "failed", NULL);
    metrics_one(x, EXPO_GAUGE, "adbad_directory_last_look_seconds", "seconds",
                number(looks, "milliseconds") / 1e3, "How long the last look took.");
    expo_family(x, EXPO_SUMMARY, "adbad_directory_look_duration_seconds", "seconds",
                "How long looks took: login, reading and verifying.");
    expo_summary(x, number(looks, "milliseconds_in_all") / 1e3,
                 number(looks, "good") + number(looks, "failed"));
    if (up)
        add_objects(x, json_object_get(d, "objects"));
}

static void add_registry(struct expo *x, const json_t *m)
{
    static const char *const states[] = {"good", "stale", "never"};
    const json_t *age = json_object_get(m, "age");

    if (!json_is_object(m))
        return;
    expo_family(x, EXPO_GAUGE, "adbad_registry_state", NULL,
                "1 for the state of the registry of computer accounts.");
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
        expo_sample(x, strcmp(text(m, "state"), states[i]) == 0, "state", states[i], NULL);
    if (json_is_integer(age)) {
        metrics_one(x, EXPO_GAUGE, "adbad_registry_age_seconds", "seconds", json_number_value(age),
                    "Time since the registry was last in step with the directory.");
        metrics_one(x, EXPO_GAUGE, "adbad_registry_last_sync_seconds", "seconds",
                    number(json_object_get(m, "last"), "milliseconds") / 1e3,
                    "How long the last synchronization took.");
    }
    expo_family(x, EXPO_GAUGE, "adbad_registry_accounts", NULL,
                "Computer accounts in the registry.");
    expo_sample(x, number(m, "accounts") - number(m, "disabled"), "state", "enabled", NULL);
    expo_sample(x, number(m, "disabled"), "state", "disabled", NULL);
    metrics_one(x, EXPO_GAUGE, "adbad_registry_size_bytes", "bytes", number(m, "bytes"),
                "Memory that the registry takes.");
    expo_family(x, EXPO_COUNTER, "adbad_registry_syncs", NULL,
                "Synchronizations with the directory, by result.");
    expo_sample(x, number(m, "good"), "result", "good", NULL);
    expo_sample(x, number(m, "failed"), "result", "failed", NULL);
}

/* ---- the relay ---- */

/* Two records of DNS may name one upstream: the first stands for both. */
static bool is_repeated(const json_t *all, size_t at)
{
    const char *name = text(json_array_get(all, at), "upstream");

    for (size_t i = 0; i < at; i++) {
        if (strcmp(text(json_array_get(all, i), "upstream"), name) == 0)
            return true;
    }
    return false;
}

#define each_upstream(all, i, one)                                                                 \
    for (size_t i = 0; i < json_array_size(all) && i < UPSTREAMS_MAX; i++)                         \
        for (const json_t *one = is_repeated(all, i) ? NULL : json_array_get(all, i); one != NULL; \
             one = NULL)

static void add_upstreams(struct expo *x, const json_t *all)
{
    expo_family(x, EXPO_GAUGE, "adbad_relay_upstream_up", NULL,
                "1 if requests are relayed to that host now.");
    each_upstream(all, i, one) expo_sample(x, strcmp(text(one, "state"), "up") == 0, "upstream",
                                           text(one, "upstream"), NULL);
    expo_family(x, EXPO_GAUGE, "adbad_relay_upstream_state", NULL, "1 for the state of that host.");
    each_upstream(all, i, one)
        expo_sample(x, 1, "upstream", text(one, "upstream"), "state", text(one, "state"), NULL);
    expo_family(x, EXPO_GAUGE, "adbad_relay_upstream_in_flight", NULL,
                "Requests under way to that host.");
    each_upstream(all, i, one)
        expo_sample(x, number(one, "under_way"), "upstream", text(one, "upstream"), NULL);
    expo_family(x, EXPO_COUNTER, "adbad_relay_upstream_requests", NULL,
                "Requests that were sent to that host, by result: answered, fault (it said no to "
                "the call), failed (it did not answer).");
    each_upstream(all, i, one)
    {
        expo_sample(x, number(one, "answered"), "upstream", text(one, "upstream"), "result",
                    "answered", NULL);
        expo_sample(x, number(one, "faults"), "upstream", text(one, "upstream"), "result", "fault",
                    NULL);
        expo_sample(x, number(one, "failed"), "upstream", text(one, "upstream"), "result", "failed",
                    NULL);
    }
}

static void add_relay(struct expo *x, const json_t *r)
{
    if (!json_is_object(r))
        return;
    metrics_one(x, EXPO_GAUGE, "adbad_relay_healthy", NULL, truth(r, "healthy"),
                "1 if some upstream answers.");
    metrics_one(x, EXPO_GAUGE, "adbad_relay_waiting", NULL, number(r, "waiting"),
                "Requests that wait for a place.");
    metrics_one(x, EXPO_COUNTER, "adbad_relay_unrecorded", NULL, number(r, "unrecorded"),
                "Relayed requests whose row the ledger did not take.");
    add_upstreams(x, json_object_get(r, "upstreams"));
}

/* ---- DNS ---- */

static void add_dns_domains(struct expo *x, const json_t *domains)
{
    static const char *const states[] = {"published", "absent", "outdated"};
    const json_t *one;
    size_t i;

    expo_family(x, EXPO_GAUGE, "adbad_dns_domain_good", NULL,
                "1 if the last round did there what it was to do.");
    json_array_foreach(domains, i, one) expo_sample(x, json_is_null(json_object_get(one, "error")),
                                                    "domain", text(one, "domain"), NULL);
    expo_family(x, EXPO_GAUGE, "adbad_dns_record_state", NULL,
                "1 for the state of this host's SRV record in the domain, where it could be seen.");
    json_array_foreach(domains, i, one)
    {
        for (size_t s = 0; s < sizeof(states) / sizeof(states[0]); s++)
            if (json_is_string(json_object_get(one, "state")))
                expo_sample(x, strcmp(text(one, "state"), states[s]) == 0, "domain",
                            text(one, "domain"), "state", states[s], NULL);
    }
}

/* Nothing of a host that publishes nothing and never did since its start. */
static void add_dns(struct expo *x, const json_t *dns)
{
    if (!truth(dns, "publishing") && number(dns, "round") == 0)
        return;
    metrics_one(x, EXPO_GAUGE, "adbad_dns_publishing", NULL, truth(dns, "publishing"),
                "1 if this host's SRV records are published.");
    expo_family(x, EXPO_COUNTER, "adbad_dns_rounds", NULL,
                "Rounds through the domains, by whether each was as it should be.");
    add_members(x, json_object_get(dns, "rounds"), "result");
    add_dns_domains(x, json_object_get(dns, "domains"));
}

/* ---- clients' reports ---- */

static void add_self_reports(struct expo *x, const json_t *reports)
{
    if (!json_is_object(reports)) /* outside lab mode */
        return;
    expo_family(x, EXPO_COUNTER, "adbad_self_reports", NULL,
                "Reports of clients about activations through the directory, by result; the "
                "clients' own word.");
    add_members(x, reports, "result");
}

void metrics_facts(struct expo *x, const json_t *facts)
{
    const json_t *status = json_object_get(facts, "status");
    const json_t *clock = json_object_get(status, "clock");

    add_counts(x, json_object_get(status, "applications"));
    add_mode(x, status);
    add_host_keys(x, json_object_get(status, "host_keys"));
    expo_family(x, EXPO_COUNTER, "adbad_proofs", NULL,
                "Requests that the directory covers, by whether their sender was proven a member.");
    add_members(x, json_object_get(status, "proofs"), "result");
    add_self_reports(x, json_object_get(status, "self_reports"));
    add_connections(x, json_object_get(status, "connections"));
    add_directory(x, json_object_get(status, "directory"));
    add_registry(x, json_object_get(facts, "membership"));
    add_relay(x, json_object_get(facts, "relay"));
    add_dns(x, json_object_get(status, "dns"));
    if (truth(clock, "lab"))
        metrics_one(x, EXPO_GAUGE, "adbad_lab_clock_ahead_seconds", "seconds",
                    number(clock, "ahead"), "How far the lab clock is ahead of real time.");
}
