/* adbaclient restart and pass, and /ato: what makes machines ask. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/client.h"

static int report(struct client *c, enum err e, struct errinfo *ei)
{
    int status = client_saved(c, e, ei);

    return status == EXIT_OK ? client_exit(c) : status;
}

static void print_name(const struct client *c, const struct machine *m,
                       const struct machine_product *p)
{
    char id[GUID_TEXT_MAX];

    if (c->machines != NULL)
        printf("%s: ", m->name);
    printf("Activating %s, %s (%s) ...\n", p->lic.product->product, p->lic.product->edition,
           guid_format(&p->lic.product->activation_id, id));
}

/* ---- /ato ---- */

static size_t activate(struct client *c, struct station *s, const char *which, bool office)
{
    struct machine *m = &s->folder.machine;
    size_t done = 0;

    for (size_t i = 0; i < m->products; i++) {
        struct machine_product *p = &m->product[i];

        if (!client_chosen(m, p, which, office))
            continue;
        attempt_run(&s->env, m, p, LIC_EV_ASKED, station_now(s));
        done++;
        if (c->json)
            continue;
        print_name(c, m, p);
        client_print_attempt(c, p);
    }
    return done;
}

int client_ato(struct client *c, const char *which, bool office)
{
    struct errinfo ei;
    enum err e = client_open(c, &ei);
    size_t done = 0;

    for (size_t i = 0; i < c->count && e == ERR_OK; i++)
        done += activate(c, &c->station[i], which, office);
    if (e == ERR_OK && done == 0)
        e = err_fail_hr(&ei, ERR_NOTFOUND, LIC_HR_NO_KEY, "activate %s: no such product installed",
                        which != NULL ? which : "");
    return report(c, e, &ei);
}

/* ---- restart ---- */

static int run_restart(struct client *c, int argc, char **argv)
{
    struct errinfo ei;
    enum err e;
    int status = client_begin(c, NULL, &argc, argv, 0, 0);

    if (status >= 0)
        return status;
    e = client_open(c, &ei);
    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        struct station *s = &c->station[i];
        struct machine *m = &s->folder.machine;
        int64_t now = station_now(s);

        attempt_restart(&s->env, m, now);
        for (size_t k = 0; k < m->products && !c->json; k++) {
            printf("%s: licensing service started; %s %s\n", m->name,
                   m->product[k].lic.product->product, m->product[k].lic.product->edition);
            if (m->product[k].last.when == now)
                client_print_attempt(c, &m->product[k]);
        }
    }
    return report(c, e, &ei);
}

/* ---- pass ---- */

struct passing {
    struct client *c;
    uint64_t wakes;
    int64_t saved; /* real time of the last save */
};

/* Real seconds between two saves while time passes: what a kill can cost. */
#define SAVE_EVERY 2

static struct station *next_due(struct client *c)
{
    struct station *best = NULL;
    int64_t due = LIC_NEVER;

    for (size_t i = 0; i < c->count; i++) {
        int64_t d = machine_due(&c->station[i].folder.machine);

        if (d < due) {
            due = d;
            best = &c->station[i];
        }
    }
    return best;
}

static enum err move_to(struct client *c, int64_t when, struct errinfo *ei)
{
    int64_t now = station_now(&c->station[0]);

    return when > now ? labclk_advance(c->lab, when - now, NULL, ei) : ERR_OK;
}

static void wake(struct passing *w, struct station *s)
{
    struct machine *m = &s->folder.machine;
    int64_t now = station_now(s);

    for (size_t i = 0; i < m->products; i++) {
        struct machine_product *p = &m->product[i];
        uint8_t status = p->lic.status, channel = p->lic.channel;
        uint32_t last = p->lic.last;
        char when[CLK_TEXT_MAX];

        if (lic_due(&p->lic) > now)
            continue;
        attempt_run(&s->env, m, p, LIC_EV_WAKE, now);
        w->wakes++;
        if (w->c->json || (!w->c->all && status == p->lic.status && channel == p->lic.channel &&
                           last == p->lic.last))
            continue;
        printf("%s  %s, %s %s\n", clk_format(now, when), m->name, p->lic.product->product,
               p->lic.product->edition);
        client_print_attempt(w->c, p);
    }
}

static enum err save_now_and_then(struct passing *w, struct errinfo *ei)
{
    struct clk real = clk_system();
    int64_t now = clk_now(&real);

    if (now - w->saved < SAVE_EVERY)
        return ERR_OK;
    w->saved = now;
    return client_save(w->c, ei);
}

/* What is left of earlier activations, though nothing may be due. */
static void tell_reports(struct client *c)
{
    for (size_t i = 0; i < c->count; i++)
        attempt_report(&c->station[i].env, &c->station[i].folder.machine,
                       station_now(&c->station[i]));
}

static enum err pass_until(struct passing *w, int64_t target, struct errinfo *ei)
{
    tell_reports(w->c);
    for (;;) {
        struct station *s = next_due(w->c);
        int64_t due = s == NULL ? LIC_NEVER : machine_due(&s->folder.machine);
        enum err e = move_to(w->c, due < target ? due : target, ei);

        if (e != ERR_OK || due > target)
            return e;
        wake(w, s);
        e = save_now_and_then(w, ei);
        if (e != ERR_OK)
            return e;
    }
}

static void pass_summary(const struct passing *w)
{
    const struct client *c = w->c;
    char now[CLK_TEXT_MAX];
    size_t products = 0, licensed = 0;

    for (size_t i = 0; i < c->count; i++) {
        const struct machine *m = &c->station[i].folder.machine;

        for (size_t k = 0; k < m->products; k++, products++)
            licensed += m->product[k].lic.status == LIC_LICENSED;
    }
    printf("It is %s; %llu wake-ups, %zu of %zu products Licensed.\n",
           clk_format(station_now(&c->station[0]), now), (unsigned long long)w->wakes, licensed,
           products);
}

static int run_pass(struct client *c, int argc, char **argv)
{
    const struct opt opts[] = {
        {.name = "all",
         .type = OPT_FLAG,
         .help = "tell every attempt, not only those that change something",
         .dest = &c->all},
        {0},
    };
    struct passing w = {.c = c};
    int64_t seconds;
    struct errinfo ei;
    enum err e;
    int status = client_begin(c, opts, &argc, argv, 1, 1);

    if (status >= 0)
        return status;
    if (clk_parse_duration(argv[0], &seconds) != 0) {
        e = err_fail(&ei, ERR_USAGE,
                     "pass takes a time with its unit, such as 2h or 7d, not \"%s\"", argv[0]);
        return client_fail(c, e, &ei);
    }
    e = client_open(c, &ei);
    if (e == ERR_OK && c->lab == NULL)
        e = err_fail(&ei, ERR_NOT_NOW,
                     "pass: machine %s follows real time; init with --clock FILE gives it a lab "
                     "clock",
                     c->station[0].folder.machine.name);
    if (e == ERR_OK)
        e = pass_until(&w, station_now(&c->station[0]) + seconds, &ei);
    if (e == ERR_OK)
        e = client_save(c, &ei);
    if (e != ERR_OK)
        return client_fail(c, e, &ei);
    if (c->json)
        client_print_json(c);
    else
        pass_summary(&w);
    return client_exit(c);
}

const struct client_verb client_run_verbs[] = {
    {"restart", "", "the licensing service starts again", run_restart},
    {"pass", "DURATION", "move the lab clock and run every wake-up that falls due", run_pass},
    {0},
};
