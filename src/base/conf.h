/* conf: INI files read into a struct through one table of keys.
 *
 * The table is the only description of a key: type, range, default and help text come from one
 * row, and so do parsing, "adbactl conf default" and the manual page. Every error names file and
 * line; an unknown section or key is an error. */
#ifndef ADBAD_BASE_CONF_H
#define ADBAD_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum conf_type {
    CONF_STRING,   /* char *; owned */
    CONF_PATH,     /* char *; owned; relative ones are relative to the file's folder */
    CONF_BOOL,     /* bool; yes/no, true/false, on/off */
    CONF_UINT,     /* uint32_t within [min, max] */
    CONF_DURATION, /* int64_t seconds; a number with unit s, m, h or d (clk_parse_duration) */
    CONF_ENUM,     /* int: index into choices */
    CONF_LIST,     /* struct conf_list; comma-separated */
};

struct conf_list {
    size_t n;
    char **v; /* owned, trimmed, never empty strings */
};

struct conf_key {
    const char *section;
    const char *name;
    enum conf_type type;
    size_t offset;    /* of the member in the struct that is filled */
    const char *def;  /* default as it would stand in the file; NULL: unset (NULL, empty) */
    int64_t min, max; /* CONF_UINT, CONF_DURATION; ignored if both are 0 */
    const char *const *choices; /* CONF_ENUM, NULL-terminated */
    const char *help;           /* one sentence */
};

/* Fills *out (of any type; the table's offsets describe it) with the defaults and then with what
 * file path says. On failure everything is freed again and *out is zeroed. ERR_CONFIG with
 * "path:line: …" for what is wrong in the file. path NULL: defaults only. */
MUST_CHECK enum err conf_load(const char *path, const struct conf_key *table, size_t n, void *out,
                              struct errinfo *ei);

/* Frees what conf_load allocated in *out and zeroes those members. */
void conf_free(const struct conf_key *table, size_t n, void *out);

#endif
