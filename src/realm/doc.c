#include "realm/doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"

static enum err parse_json(struct doc *d, const void *text, size_t len)
{
    json_error_t je;

    d->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (d->root != NULL)
        return ERR_OK;
    if (json_error_code(&je) == json_error_out_of_memory)
        return err_nomem(d->ei);
    if (json_error_code(&je) == json_error_premature_end_of_input ||
        (je.position >= 0 && (size_t)je.position >= len))
        return err_fail(d->ei, ERR_TRUNCATED, "read %s: it ends too early", d->what);
    return err_fail(d->ei, ERR_MALFORMED, "read %s: line %d: %s", d->what, je.line, je.text);
}

/* A format is a name and a number: "adbad-bundle-1". */
static enum err check_format(struct doc *d, const char *format)
{
    size_t name = (size_t)(strrchr(format, '-') - format) + 1;
    const char *got = json_string_value(json_object_get(d->root, "format"));

    if (got != NULL && strcmp(got, format) == 0)
        return ERR_OK;
    if (got != NULL && strncmp(got, format, name) == 0)
        return err_fail(d->ei, ERR_VERSION,
                        "read %s: its format is %.60s, this version of adbad reads %s", d->what,
                        got, format);
    return err_fail(d->ei, ERR_MALFORMED, "read %s: member \"format\" is not \"%s\"", d->what,
                    format);
}

enum err doc_parse(struct doc *d, const void *text, size_t len, const char *what,
                   const char *format, struct errinfo *ei)
{
    *d = (struct doc){.what = what, .ei = ei};
    d->err = parse_json(d, text, len);
    if (d->err == ERR_OK)
        d->err = check_format(d, format);
    return d->err;
}

void doc_fini(struct doc *d)
{
    json_decref(d->root);
    d->root = NULL;
}

void doc_reject(struct doc *d, const char *name, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    if (d->err != ERR_OK)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    d->err = err_fail(d->ei, ERR_MALFORMED, "read %s: member \"%.60s\" %s", d->what, name, text);
}

static json_t *member(struct doc *d, json_t *obj, const char *name)
{
    json_t *v;

    if (d->err != ERR_OK)
        return NULL;
    v = json_object_get(obj == NULL ? d->root : obj, name);
    if (v == NULL)
        doc_reject(d, name, "is missing");
    return v;
}

void doc_members(struct doc *d, json_t *obj, const char *const *names)
{
    const char *key;
    json_t *v;

    if (d->err != ERR_OK)
        return;
    if (obj == NULL)
        obj = d->root;
    for (const char *const *n = names; *n != NULL; n++)
        member(d, obj, *n);
    json_object_foreach(obj, key, v)
    {
        const char *const *n = names;

        while (*n != NULL && strcmp(*n, key) != 0)
            n++;
        if (*n == NULL)
            doc_reject(d, key, "is unknown");
    }
}

json_t *doc_object(struct doc *d, json_t *obj, const char *name)
{
    json_t *v = member(d, obj, name);

    if (v != NULL && !json_is_object(v))
        doc_reject(d, name, "is not an object");
    return d->err == ERR_OK ? v : NULL;
}

json_t *doc_array(struct doc *d, json_t *obj, const char *name)
{
    json_t *v = member(d, obj, name);

    if (v != NULL && !json_is_array(v))
        doc_reject(d, name, "is not an array");
    return d->err == ERR_OK ? v : NULL;
}

const char *doc_text(struct doc *d, json_t *obj, const char *name, size_t min, size_t max)
{
    json_t *v = member(d, obj, name);
    size_t len;

    if (v == NULL)
        return NULL;
    len = json_string_length(v);
    if (!json_is_string(v) || len != strlen(json_string_value(v)))
        doc_reject(d, name, "is not text");
    else if (len < min || len > max)
        doc_reject(d, name, "has %zu bytes, expected %zu to %zu", len, min, max);
    return d->err == ERR_OK ? json_string_value(v) : NULL;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

void doc_hex(struct doc *d, json_t *obj, const char *name, uint8_t *out, size_t n)
{
    const char *text = doc_text(d, obj, name, 2 * n, 2 * n);

    if (text == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            doc_reject(d, name, "is not lower-case hexadecimal");
            return;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
}

int64_t doc_int(struct doc *d, json_t *obj, const char *name, int64_t min, int64_t max)
{
    json_t *v = member(d, obj, name);

    if (v == NULL)
        return 0;
    if (!json_is_integer(v))
        doc_reject(d, name, "is not a whole number");
    else if (json_integer_value(v) < min || json_integer_value(v) > max)
        doc_reject(d, name, "is out of range");
    return d->err == ERR_OK ? json_integer_value(v) : 0;
}

int64_t doc_time(struct doc *d, json_t *obj, const char *name)
{
    const char *text = doc_text(d, obj, name, 20, 20);
    char again[CLK_TEXT_MAX];
    struct tm tm = {0};
    int64_t when;

    if (text == NULL)
        return 0;
    if (strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL) {
        doc_reject(d, name, "is not a time like 2026-11-22T10:00:00Z");
        return 0;
    }
    when = (int64_t)timegm(&tm);
    /* What does not come back the same was no such date, or not written our way. */
    if (strcmp(clk_format(when, again), text) != 0)
        doc_reject(d, name, "is not a time like 2026-11-22T10:00:00Z");
    return d->err == ERR_OK ? when : 0;
}

enum err doc_write(json_t *value, struct buf *out, struct errinfo *ei)
{
    char *text = value == NULL ? NULL : json_dumps(value, JSON_INDENT(2));

    json_decref(value);
    if (text == NULL)
        return err_nomem(ei);
    buf_add_str(out, text);
    buf_add_str(out, "\n");
    memset(text, 0, strlen(text)); /* it may hold keys */
    free(text);
    return out->err == ERR_OK ? ERR_OK : err_nomem(ei);
}
