/* One line of a story, and the values in it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "scenario/story.h"

enum err line_split(char *line, char *word[STORY_WORDS_MAX], size_t *n, struct errinfo *ei)
{
    char *p = line;

    *n = 0;
    for (;;) {
        p += strspn(p, " \t\r");
        if (*p == '\0' || *p == '#')
            return ERR_OK;
        if (*n == STORY_WORDS_MAX)
            return err_fail(ei, ERR_MALFORMED, "a line has at most %d words", STORY_WORDS_MAX);
        if (*p == '"') {
            word[(*n)++] = ++p;
            p = strchr(p, '"');
            if (p == NULL)
                return err_fail(ei, ERR_MALFORMED, "a quoted text has no end on this line");
        } else {
            word[(*n)++] = p;
            p += strcspn(p, " \t\r");
        }
        if (*p == '\0')
            return ERR_OK;
        *p++ = '\0';
    }
}

enum err line_duration(const char *text, int64_t *seconds, struct errinfo *ei)
{
    bool back = text[0] == '-';
    const char *plain = text + (text[0] == '-' || text[0] == '+');

    if (clk_parse_duration(plain, seconds) != 0)
        return err_fail(ei, ERR_MALFORMED,
                        "\"%.40s\" is no duration; write a number with its unit, such as 2h, 7d "
                        "or 7d12h",
                        text);
    *seconds = back ? -*seconds : *seconds;
    return ERR_OK;
}

enum err line_number(const char *text, uint32_t max, uint32_t *out, struct errinfo *ei)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v > max)
        return err_fail(ei, ERR_MALFORMED, "\"%.40s\" is no number from 0 to %u", text, max);
    *out = (uint32_t)v;
    return ERR_OK;
}

enum err line_flag(const char *text, bool *out, struct errinfo *ei)
{
    *out = strcasecmp(text, "yes") == 0;
    if (!*out && strcasecmp(text, "no") != 0)
        return err_fail(ei, ERR_MALFORMED, "\"%.40s\" is neither yes nor no", text);
    return ERR_OK;
}
