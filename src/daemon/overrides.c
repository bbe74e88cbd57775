#include "daemon/overrides.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/address.h"
#include "base/file.h"
#include "daemon/daemon.h"
#include "daemon/publisher.h"
#include "jobs/job.h"

const char *const overrides_keys[] = {"listening_port", "activation_interval", "renewal_interval",
                                      "dns_publishing", "low_priority",        NULL};

/* ---- effects ---- */

static char *address(const char *listen, uint16_t port)
{
    const char *colon = strrchr(listen, ':');
    int host = colon == NULL ? (int)strlen(listen) : (int)(colon - listen);
    char *out = NULL;

    return asprintf(&out, "%.*s:%u", host, listen, port) < 0 ? NULL : out;
}

/* Whether who listens at a, on the same port, hears what comes to b. IPv6 is heard as IPv6 only. */
static bool covers(const union address *a, const union address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == htonl(INADDR_ANY) ||
               a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr) ||
           (IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr) &&
            a->v6.sin6_scope_id == b->v6.sin6_scope_id);
}

/* Whether another entry stands for entry i; of two alike the first one stays. An entry that is no
 * address stays too: whoever opens it says what is wrong. */
static bool is_covered(const struct conf_list *listen, size_t i)
{
    union address a, b;

    if (address_parse(listen->v[i], &a, NULL) != ERR_OK)
        return false;
    for (size_t j = 0; j < listen->n; j++)
        if (j != i && address_parse(listen->v[j], &b, NULL) == ERR_OK && covers(&b, &a) &&
            (j < i || !covers(&a, &b)))
            return true;
    return false;
}

enum err overrides_listen(struct conf_list *listen, uint16_t port, struct errinfo *ei)
{
    for (size_t i = 0; port != 0 && i < listen->n; i++) {
        char *other = address(listen->v[i], port);

        if (other == NULL)
            return err_nomem(ei);
        free(listen->v[i]);
        listen->v[i] = other;
    }
    for (size_t i = 0; port != 0 && i < listen->n;) {
        if (!is_covered(listen, i)) {
            i++;
            continue;
        }
        free(listen->v[i]);
        memmove(&listen->v[i], &listen->v[i + 1], (listen->n - i - 1) * sizeof(*listen->v));
        listen->n--;
    }
    return ERR_OK;
}

/* A priority belongs to a thread on Linux. Going back to normal may need a privilege. */
bool overrides_priority(bool low)
{
    int nice = low ? OVERRIDES_LOW_NICE : 0;
    DIR *tasks = file_open_folder("/proc/self/task");
    const struct dirent *t;
    bool all = tasks != NULL;

    while (tasks != NULL && (t = readdir(tasks)) != NULL) {
        unsigned long id = strtoul(t->d_name, NULL, 10);

        if (id != 0 && getpriority(PRIO_PROCESS, (id_t)id) != nice &&
            setpriority(PRIO_PROCESS, (id_t)id, nice) != 0)
            all = false;
    }
    if (tasks != NULL)
        closedir(tasks);
    return all;
}

uint32_t overrides_minutes(uint32_t override, int64_t configured)
{
    return override != 0 ? override : (uint32_t)(configured / CLK_MINUTE);
}

void overrides_apply(struct daemon *d)
{
    const struct settings *s = &d->settings;
    const struct overrides *o = &d->overrides;

    d->host_conf.activation_interval = overrides_minutes(o->activation, s->activation_interval);
    d->host_conf.renewal_interval = overrides_minutes(o->renewal, s->renewal_interval);
    kms_host_set_intervals(d->host, d->host_conf.activation_interval,
                           d->host_conf.renewal_interval);
    publisher_enable(d->publisher, s->dns_publish && !o->no_dns_publishing);
}

enum err overrides_keep(const struct daemon *d, const struct overrides *o, struct errinfo *ei)
{
    const struct job_request r = {.kind = JOB_OVERRIDES, .overrides = *o};

    return job_ask_soon(d->steward.control, &r, NULL, ei);
}

/* ---- the command ---- */

enum err overrides_command(void *daemon, const json_t *request, json_t *reply, struct errinfo *ei)
{
    struct daemon *d = daemon;
    struct overrides n = d->overrides;
    bool restart = json_object_get(request, "listening_port") != NULL;
    enum err e = overrides_change(&n, request, ei);

    if (e == ERR_OK)
        e = overrides_keep(d, &n, ei);
    if (e != ERR_OK)
        return e;
    if (n.low_priority != d->overrides.low_priority && !overrides_priority(n.low_priority))
        restart = true;
    d->overrides = n;
    overrides_apply(d);
    log_as(&d->log, LOGL_INFO, LOGK_SETTINGS, NULL,
           "settings changed through the control socket and kept in %s/" OVERRIDES_FILE,
           d->settings.state_dir);
    json_object_set_new(reply, "overrides", overrides_json(&n));
    json_object_set_new(reply, "restart_needed", json_boolean(restart));
    return ERR_OK;
}
