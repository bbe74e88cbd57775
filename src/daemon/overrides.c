#include "daemon/overrides.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "daemon/daemon.h"
#include "daemon/publisher.h"

#define HR_INVALID_ARG 0x80070057u
#define FILE_NAME      "overrides.json"
#define FILE_MAX       4096

const char *const overrides_keys[] = {"listening_port", "activation_interval", "renewal_interval",
                                      "dns_publishing", "low_priority",        NULL};

/* ---- values ---- */

static enum err read_number(const json_t *from, const char *name, uint32_t min, uint32_t max,
                            uint32_t *out, struct errinfo *ei)
{
    const json_t *v = json_object_get(from, name);

    if (v == NULL)
        return ERR_OK;
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
        return err_fail_hr(ei, ERR_USAGE, HR_INVALID_ARG, "%s: expected a number from %u to %u",
                           name, min, max);
    *out = (uint32_t)json_integer_value(v);
    return ERR_OK;
}

static enum err read_flag(const json_t *from, const char *name, bool yes, bool *out,
                          struct errinfo *ei)
{
    const json_t *v = json_object_get(from, name);

    if (v == NULL)
        return ERR_OK;
    if (!json_is_boolean(v))
        return err_fail_hr(ei, ERR_USAGE, HR_INVALID_ARG, "%s: expected true or false", name);
    *out = json_is_true(v) == yes;
    return ERR_OK;
}

enum err overrides_change(struct overrides *o, const json_t *change, struct errinfo *ei)
{
    struct overrides n = *o;
    uint32_t port = n.port;
    enum err e = read_number(change, "listening_port", 1, 65535, &port, ei);

    if (e == ERR_OK)
        e = read_number(change, "activation_interval", OVERRIDES_INTERVAL_MIN,
                        OVERRIDES_INTERVAL_MAX, &n.activation, ei);
    if (e == ERR_OK)
        e = read_number(change, "renewal_interval", OVERRIDES_INTERVAL_MIN, OVERRIDES_INTERVAL_MAX,
                        &n.renewal, ei);
    if (e == ERR_OK)
        e = read_flag(change, "dns_publishing", false, &n.no_dns_publishing, ei);
    if (e == ERR_OK)
        e = read_flag(change, "low_priority", true, &n.low_priority, ei);
    if (e != ERR_OK)
        return e;
    n.port = (uint16_t)port;
    *o = n;
    return ERR_OK;
}

json_t *overrides_json(const struct overrides *o)
{
    json_t *j = json_pack("{s:b, s:b}", "dns_publishing", !o->no_dns_publishing, "low_priority",
                          o->low_priority);

    if (o->port != 0)
        json_object_set_new(j, "listening_port", json_integer(o->port));
    if (o->activation != 0)
        json_object_set_new(j, "activation_interval", json_integer(o->activation));
    if (o->renewal != 0)
        json_object_set_new(j, "renewal_interval", json_integer(o->renewal));
    return j;
}

/* ---- the file ---- */

static enum err path_of(const char *state_dir, char path[4096], struct errinfo *ei)
{
    if (snprintf(path, 4096, "%s/%s", state_dir, FILE_NAME) >= 4096)
        return err_fail(ei, ERR_LIMIT, "state folder %s: the path is too long", state_dir);
    return ERR_OK;
}

enum err overrides_load(const char *state_dir, struct overrides *out, struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    char path[4096];
    json_t *j = NULL;
    enum err e = path_of(state_dir, path, ei);

    memset(out, 0, sizeof(*out));
    if (e == ERR_OK)
        e = file_read(path, FILE_MAX, &text, ei);
    if (e == ERR_OK) {
        j = json_loadb((const char *)text.data, text.len, 0, NULL);
        e = json_is_object(j) ? overrides_change(out, j, ei)
                              : err_fail(ei, ERR_MALFORMED, "it is no JSON object");
        if (e != ERR_OK) {
            ei->code = ERR_MALFORMED;
            e = err_context(ei, "%s (remove it to go back to adbad.conf)", path);
        }
    }
    json_decref(j);
    buf_fini(&text);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err overrides_save(const char *state_dir, const struct overrides *o, struct errinfo *ei)
{
    json_t *j = overrides_json(o);
    char *text = j == NULL ? NULL : json_dumps(j, JSON_INDENT(2));
    char path[4096];
    enum err e = text == NULL ? err_nomem(ei) : path_of(state_dir, path, ei);

    if (e == ERR_OK)
        e = file_write_atomic(path, text, strlen(text), 0600, ei);
    free(text);
    json_decref(j);
    return e;
}

/* ---- effects ---- */

static char *address(const char *listen, uint16_t port)
{
    const char *colon = strrchr(listen, ':');
    int host = colon == NULL ? (int)strlen(listen) : (int)(colon - listen);
    char *out = NULL;

    return asprintf(&out, "%.*s:%u", host, listen, port) < 0 ? NULL : out;
}

enum err overrides_listen(struct conf_list *listen, uint16_t port, struct errinfo *ei)
{
    for (size_t i = 0; port != 0 && i < listen->n; i++) {
        char *other = address(listen->v[i], port);

        if (other == NULL)
            return err_nomem(ei);
        free(listen->v[i]);
        listen->v[i] = other;
        if (i > 0 && strcmp(other, listen->v[i - 1]) == 0) { /* one address, two ports */
            free(other);
            memmove(&listen->v[i], &listen->v[i + 1], (listen->n - i - 1) * sizeof(*listen->v));
            listen->n--;
            i--;
        }
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

/* ---- the command ---- */

enum err overrides_command(void *daemon, const json_t *request, json_t *reply, struct errinfo *ei)
{
    struct daemon *d = daemon;
    struct overrides n = d->overrides;
    bool restart = json_object_get(request, "listening_port") != NULL;
    enum err e = overrides_change(&n, request, ei);

    if (e == ERR_OK)
        e = overrides_save(d->settings.state_dir, &n, ei);
    if (e != ERR_OK)
        return e;
    if (n.low_priority != d->overrides.low_priority && !overrides_priority(n.low_priority))
        restart = true;
    d->overrides = n;
    overrides_apply(d);
    log_as(&d->log, LOGL_INFO, LOGK_SETTINGS, NULL,
           "settings changed through the control socket and kept in %s/%s", d->settings.state_dir,
           FILE_NAME);
    json_object_set_new(reply, "overrides", overrides_json(&n));
    json_object_set_new(reply, "restart_needed", json_boolean(restart));
    return ERR_OK;
}
