/* adbaclient states: the licensing client's tables, as they are in the code. docs/client.md holds
 * what --markdown prints. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"

static void generation_names(unsigned bits, char *out, size_t size)
{
    size_t n = 0;

    if (bits == (1u << LIC_GEN_COUNT) - 1) {
        snprintf(out, size, "all");
        return;
    }
    out[0] = '\0';
    for (int g = 0; g < LIC_GEN_COUNT && n < size; g++) {
        if ((bits & 1u << g) != 0)
            n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? "; " : "",
                                  lic_generation_name((enum lic_generation)g));
    }
}

static void state_names(unsigned bits, char *out, size_t size)
{
    size_t n = 0;

    if (bits == (1u << LIC_STATUS_COUNT) - 1) {
        snprintf(out, size, "any");
        return;
    }
    out[0] = '\0';
    for (int s = 0; s < LIC_STATUS_COUNT && n < size; s++) {
        if ((bits & 1u << s) != 0)
            n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? ", " : "",
                                  lic_status_name((enum lic_status)s));
    }
}

static void days_text(unsigned days, char out[16])
{
    if (days == 0)
        snprintf(out, 16, "-");
    else
        snprintf(out, 16, "%u d", days);
}

/* ---- one table, three ways ---- */

#define COLUMNS_MAX 6

struct sheet {
    const char *name;                    /* for JSON */
    const char *titles[COLUMNS_MAX + 1]; /* for people at a terminal */
    const char *headers[COLUMNS_MAX];    /* for Markdown */
    const char *keys[COLUMNS_MAX];       /* for JSON */
    size_t columns;
};

enum form { TEXT, MARKDOWN, JSON };

struct printer {
    enum form form;
    const struct sheet *sheet;
    struct table *table;
    json_t *rows;
};

static struct printer begin(enum form form, const struct sheet *sheet)
{
    struct printer p = {.form = form, .sheet = sheet};

    if (form == TEXT)
        p.table = table_new(sheet->titles);
    if (form == JSON)
        p.rows = json_array();
    if (form != MARKDOWN)
        return p;
    for (size_t i = 0; i < sheet->columns; i++)
        printf("| %s ", sheet->headers[i]);
    printf("|\n");
    for (size_t i = 0; i < sheet->columns; i++)
        printf("| --- ");
    printf("|\n");
    return p;
}

static void row(struct printer *p, const char *const *cells)
{
    json_t *o = p->form == JSON ? json_object() : NULL;

    for (size_t i = 0; i < p->sheet->columns; i++) {
        if (p->form == TEXT)
            table_cell(p->table, "%s", cells[i]);
        else if (p->form == MARKDOWN)
            printf("| %s ", cells[i]);
        else
            json_object_set_new(o, p->sheet->keys[i], json_string(cells[i]));
    }
    if (p->form == MARKDOWN)
        printf("|\n");
    if (o != NULL)
        json_array_append_new(p->rows, o);
}

static void end(struct printer *p, json_t *all)
{
    if (p->form == TEXT)
        table_print(p->table);
    if (p->form == JSON)
        json_object_set_new(all, p->sheet->name, p->rows);
}

/* ---- the tables ---- */

static void generations(enum form form, json_t *all)
{
    static const struct sheet sheet = {
        "generations",
        {"GENERATION", "INITIAL GRACE", "ADDITIONAL GRACE", "REARMS", NULL},
        {"generation", "initial grace", "additional grace", "rearms"},
        {"generation", "initial_grace", "additional_grace", "rearms"},
        4};
    struct printer p = begin(form, &sheet);

    for (int g = 0; g < LIC_GEN_COUNT; g++) {
        enum lic_generation gen = (enum lic_generation)g;
        const struct lic_change *lapse = lic_change(gen, LIC_LICENSED, LIC_CAUSE_LAPSED);
        char initial[16], additional[16], rearms[16];

        days_text(lic_initial_grace(gen), initial);
        days_text(lapse->days, additional);
        snprintf(rearms, sizeof(rearms), "%u", lic_rearms(gen));
        row(&p, (const char *[]){lic_generation_name(gen), initial, additional, rearms});
    }
    end(&p, all);
}

static void changes(enum form form, json_t *all)
{
    static const struct sheet sheet = {
        "changes",
        {"STATE", "WHAT HAPPENS", "GENERATION", "BECOMES", "FOR", "REASON", NULL},
        {"state", "what happens", "generation", "becomes", "for", "reason"},
        {"from", "cause", "generations", "to", "for", "reason"},
        6};
    struct printer p = begin(form, &sheet);
    size_t n;
    const struct lic_change *c = lic_changes(&n);

    for (size_t i = 0; i < n; i++) {
        char from[200], gens[200], days[16], reason[16] = "-";

        state_names(c[i].from, from, sizeof(from));
        generation_names(c[i].generations, gens, sizeof(gens));
        days_text(c[i].days, days);
        if (c[i].reason != 0)
            snprintf(reason, sizeof(reason), "0x%08X", c[i].reason);
        row(&p, (const char *[]){from, lic_cause_name(c[i].cause), gens, lic_status_name(c[i].to),
                                 days, reason});
    }
    end(&p, all);
}

static void events(enum form form, json_t *all)
{
    static const struct sheet sheet = {"events",
                                       {"PHASE OF AN ATTEMPT", "EVENTS", NULL},
                                       {"phase of an attempt", "events"},
                                       {"phase", "events"},
                                       2};
    struct printer p = begin(form, &sheet);

    for (int ph = 0; ph < LIC_PHASE_COUNT; ph++) {
        char list[400] = "";
        size_t n = 0;

        for (int e = 0; e < LIC_EVENT_COUNT && n < sizeof(list); e++) {
            if (lic_legal((enum lic_phase)ph, (enum lic_event_type)e))
                n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n > 0 ? ", " : "",
                                      lic_event_name((enum lic_event_type)e));
        }
        row(&p, (const char *[]){lic_phase_name((enum lic_phase)ph), list});
    }
    end(&p, all);
}

static int run_states(struct client *c, int argc, char **argv)
{
    bool markdown = false;
    const struct opt opts[] = {
        OPT_FLAG_ROW("markdown", &markdown, "as tables of Markdown"),
        {0},
    };
    int status = client_begin_alone(c,
                                    "The tables of the licensing client: generations, licence "
                                    "states, events.\n",
                                    opts, &argc, argv);
    enum form form;
    json_t *all;

    if (status >= 0)
        return status;
    form = markdown ? MARKDOWN : c->json ? JSON : TEXT;
    all = form == JSON ? json_object() : NULL;
    generations(form, all);
    if (form != JSON)
        printf("\n");
    changes(form, all);
    if (form != JSON)
        printf("\n");
    events(form, all);
    if (form == JSON)
        cli_json(all);
    return EXIT_OK;
}

const struct client_verb client_states_verbs[] = {
    {"states", "[--markdown]", "what turns which licence state into which", run_states},
    {0},
};
