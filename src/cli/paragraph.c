#include "cli/paragraph.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 96

/* Characters, not bytes. */
static size_t width(const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

/* Lines of text; what the further ones begin with is as wide as the label. */
static void print_lines(const char *label, const char *further, const char *text)
{
    size_t indent = width(label, strlen(label)), at = indent;

    if (*text == '\0')
        return;
    fputs(label, stdout);
    while (*text != '\0') {
        size_t len = strcspn(text, " "), w = width(text, len);

        if (at > indent && at + 1 + w > WIDTH) {
            printf("\n%-*s", (int)indent, further);
            at = indent;
        } else if (at > indent) {
            putchar(' ');
            at++;
        }
        printf("%.*s", (int)len, text);
        at += w;
        text += len;
        text += strspn(text, " ");
    }
    putchar('\n');
}

void paragraph(const char *label, const char *text)
{
    print_lines(label, "", text);
}

void paragraph_comment(const char *text)
{
    print_lines("# ", "# ", text);
}
