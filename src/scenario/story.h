/* story: one scenario while it is told. Inside the room only. */
#ifndef ADBAD_SCENARIO_STORY_H
#define ADBAD_SCENARIO_STORY_H

#include "scenario/scenario.h"
#include "site/site.h"

#define STORY_WORDS_MAX 32

/* A key that the clearing house issued in this story, by the name that it has there. */
struct story_key {
    char name[64];
    struct house_mak *key;
};

struct story {
    const struct scenario_conf *conf;
    const char *file;
    unsigned line;
    struct site *site;
    struct scenario_result *result;
    size_t n;
    char *word[STORY_WORDS_MAX];
    /* What the last command that can be refused came to. */
    struct errinfo answer;
    unsigned answer_line; /* of a refusal that nobody has expected yet; 0: none */
    size_t keys;
    struct story_key key[HOUSE_KEYS_MAX];
};

/* Handlers take the statement in s->word; word[0] is the verb. */
typedef enum err story_fn(struct story *s, struct errinfo *ei);

struct story_verb {
    struct scenario_statement is;
    size_t min, max; /* words behind the verb */
    story_fn *run;
};

/* Tables of the verbs, each ending with a NULL usage. */
extern const struct story_verb declare_verbs[];
extern const struct story_verb act_verbs[];
extern const struct story_verb machine_verbs[];
extern const struct story_verb expect_verbs[];
extern const struct scenario_statement set_help[];
extern const struct scenario_statement expect_help[];

/* Splits a line into words: blanks separate, double quotes hold together, # begins a comment. The
 * words point into line, which is changed. */
MUST_CHECK enum err line_split(char *line, char *word[STORY_WORDS_MAX], size_t *n,
                               struct errinfo *ei);
MUST_CHECK enum err line_duration(const char *text, int64_t *seconds, struct errinfo *ei);
MUST_CHECK enum err line_number(const char *text, uint32_t max, uint32_t *out, struct errinfo *ei);
/* "yes" or "no". */
MUST_CHECK enum err line_flag(const char *text, bool *out, struct errinfo *ei);

/* Keeps the outcome of a command that may be refused with a code: the refusal is the story's to
 * expect. What is a mistake of the story itself is returned. */
MUST_CHECK enum err story_answer(struct story *s, enum err e, struct errinfo *ei);
/* Notes that a code was met; 0 is none. */
void story_code(struct story *s, uint32_t code);

/* ---- who a statement is about (target.c) ---- */

/* Calls each for NAME, or for every machine of NAME*: that name and a number. */
typedef enum err story_each(struct story *s, struct site_station *st, void *arg,
                            struct errinfo *ei);
MUST_CHECK enum err target_machines(struct story *s, const char *name, story_each *each, void *arg,
                                    struct errinfo *ei);
MUST_CHECK enum err target_host(const struct story *s, const char *name, struct kmshost **out,
                                struct errinfo *ei);
MUST_CHECK enum err target_forest(const struct story *s, const char *name, struct site_forest **out,
                                  struct errinfo *ei);
MUST_CHECK enum err target_group(const struct story *s, const char *name,
                                 const struct cat_group **out, struct errinfo *ei);
MUST_CHECK enum err target_product(const struct story *s, const char *name,
                                   const struct cat_product **out, struct errinfo *ei);
/* A key of that name; NULL: there is none. */
struct house_mak *target_key(const struct story *s, const char *name);
/* "mak", "retail", "oem" or "evaluation"; false for another word. */
bool target_kind(const char *word, enum labkey_kind *kind);
/* "pc1/office" names a machine's Office, "pc1" its system: cuts name at the slash. */
bool target_office(char *name);
struct machine_product *target_of(struct site_station *st, bool office);
/* As above where there has to be one. */
MUST_CHECK enum err target_installed(struct site_station *st, bool office,
                                     struct machine_product **out, struct errinfo *ei);

/* Sets attributes from word[from] on, in pairs, of what is called name. */
MUST_CHECK enum err set_pairs(struct story *s, const char *name, size_t from, struct errinfo *ei);

/* ---- telling (trace.c) ---- */

/* site_watch; arg: struct story. */
void trace_attempt(void *arg, const struct site_station *st, const struct machine_product *p);
/* How p came to be what it is: state and last attempt. */
void trace_explain(const struct story *s, const struct site_station *st,
                   const struct machine_product *p, struct buf *out);
/* "day 30 02:00" */
const char *trace_when(const struct story *s, char text[32]);

#endif
