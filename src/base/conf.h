/* conf: INI files read into a struct through one table of keys.
 *
 * The table is the only description of a key: type, unit, range, default, help text and when a
 * change takes effect come from one row, and so do parsing, "adbactl conf" and the manual page.
 * Every error names file and line; an unknown section or key is an error.
 *
 * Beside FILE its folder conf.d is read: every NAME.conf there that does not begin with a dot, in
 * the order of their names (bytes). A value that is set again replaces the one before. */
#ifndef ADBAD_BASE_CONF_H
#define ADBAD_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CONF_FOLDER "conf.d"

enum conf_type {
    CONF_STRING,   /* char *; owned */
    CONF_PATH,     /* char *; owned; relative ones are relative to the folder of the main file */
    CONF_BOOL,     /* bool; yes/no, true/false, on/off */
    CONF_UINT,     /* uint32_t within [min, max] */
    CONF_DURATION, /* int64_t seconds; a number with unit s, m, h or d (clk_parse_duration) */
    CONF_ENUM,     /* int: index into choices */
    CONF_LIST,     /* struct conf_list; comma-separated */
};

/* When a change takes effect in a running program. */
enum conf_when { CONF_RESTART, CONF_RELOAD };

struct conf_list {
    size_t n;
    char **v; /* owned, trimmed, never empty strings */
};

/* Judges a value that was read, as it lies in its member. ERR_CONFIG says what was expected,
 * without the key. */
typedef enum err conf_check_fn(const void *member, struct errinfo *ei);

struct conf_key {
    const char *section;
    const char *name;
    enum conf_type type;
    size_t offset;    /* of the member in the struct that is filled */
    const char *def;  /* default as it would stand in the file; NULL: unset (NULL, empty) */
    int64_t min, max; /* CONF_UINT, CONF_DURATION; ignored if both are 0 */
    const char *const *choices; /* CONF_ENUM, NULL-terminated */
    const char *unit;           /* CONF_UINT: what is counted, "connections"; may be NULL */
    enum conf_when when;
    conf_check_fn *check; /* CONF_STRING, CONF_PATH, CONF_LIST: what more it has to be; or NULL */
    const char *help;     /* a sentence or a few */
};

struct conf_section {
    const char *name;
    const char *help; /* what its keys are about, one sentence */
};

/* A table of keys; those of a section stand together. */
struct conf_table {
    const struct conf_key *keys;
    size_t n;
};

/* Where a value comes from; file NULL: it is the default. */
struct conf_origin {
    char *file; /* owned */
    unsigned line;
};

/* Told of every mistake, in the order of the files: "path:line: …". */
typedef void conf_problem_fn(void *arg, const struct errinfo *problem);

/* What stood in the files of one reading, in the order in which they count. */
struct conf_files {
    struct conf_text {
        char *path;
        struct buf text;
    } * v;
    size_t n;
};
void conf_files_free(struct conf_files *f);
/* As bytes, for another process of the same program, and back. ERR_MALFORMED: they are none. */
void conf_files_pack(const struct conf_files *f, struct buf *out);
MUST_CHECK enum err conf_files_unpack(const uint8_t *data, size_t len, struct conf_files *out,
                                      struct errinfo *ei);

/* What is read, and who wants to know what of it. */
struct conf_source {
    const char *path;              /* NULL: defaults only */
    bool optional;                 /* path may be missing; its conf.d is read nevertheless */
    struct conf_origin *origins;   /* one zeroed for each key, filled in; or NULL */
    conf_problem_fn *problem;      /* or NULL */
    void *arg;                     /* of problem */
    struct conf_files *keep;       /* zeroed: gets what was read, mistakes or not; or NULL */
    const struct conf_files *from; /* what another reading kept, in place of the files; or NULL */
};

/* Fills *out (of any type; the table's offsets describe it) with the defaults and then with what
 * the files say. With mistakes ERR_CONFIG and the first of them; everything is freed again and *out
 * is zeroed. */
MUST_CHECK enum err conf_load(const struct conf_source *from, const struct conf_table *t, void *out,
                              struct errinfo *ei);
/* Frees what conf_load allocated in *out and zeroes those members. */
void conf_free(const struct conf_table *t, void *out);
/* Frees n of them, not the array. */
void conf_origins_free(struct conf_origin *origins, size_t n);

/* A key's value in a struct that the table describes, as it would stand in a file; the caller
 * frees. *text is NULL if the key is unset. ERR_NOMEM. */
MUST_CHECK enum err conf_text(const struct conf_key *k, const void *in, char **text);
/* Puts the value of one such struct in the place of the other's. ERR_NOMEM leaves that as it is. */
MUST_CHECK enum err conf_copy(const struct conf_key *k, const void *from, void *to);
bool conf_equal(const struct conf_key *k, const void *a, const void *b);

#define CONF_RANGE_MAX 200
/* What a value may be: "a time from 15 min to 30 d", "one of: serve, refuse". Returns text. */
const char *conf_range(const struct conf_key *k, char text[CONF_RANGE_MAX]);

#endif
