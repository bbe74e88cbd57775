/* sd_tool COMMAND DOMAIN-SID: security descriptors line by line from stdin, for comparison with
 * other implementations.
 *   encode              text to bytes in hexadecimal
 *   decode              bytes in hexadecimal to text
 *   granted SID...      bytes in hexadecimal to the rights of a token with those SIDs
 *   writers             bytes in hexadecimal to "SID=rights …"
 * A line that can't be answered gives "error: " and the reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ldap/sd.h"

#define TOKEN_MAX 32

struct job {
    struct sd_domain dom;
    struct sid token[TOKEN_MAX];
    size_t token_n;
};

static enum err read_hex(const char *line, struct sd *out, struct errinfo *ei)
{
    struct buf b = BUF_INIT;
    unsigned v;
    enum err e;

    for (; sscanf(line, "%2x", &v) == 1; line += 2)
        *buf_grow(&b, 1) = (uint8_t)v;
    e = sd_parse(b.data, b.len, out, ei);
    buf_fini(&b);
    return e;
}

static enum err encode(const struct job *j, const char *line, struct buf *out, struct errinfo *ei)
{
    struct buf b = BUF_INIT;
    struct sd sd;
    enum err e = sd_from_sddl(line, &j->dom, &sd, ei);

    if (e != ERR_OK)
        return e;
    e = sd_encode(&sd, &b, ei);
    buf_add_hex(out, b.data, b.len);
    buf_fini(&b);
    sd_fini(&sd);
    return e;
}

static enum err decode(const struct job *j, const char *line, struct buf *out, struct errinfo *ei)
{
    struct sd sd;
    enum err e = read_hex(line, &sd, ei);

    if (e != ERR_OK)
        return e;
    e = sd_to_sddl(&sd, &j->dom, out, ei);
    sd_fini(&sd);
    return e;
}

static enum err granted(const struct job *j, const char *line, struct buf *out, struct errinfo *ei)
{
    struct sd sd;
    enum err e = read_hex(line, &sd, ei);

    if (e != ERR_OK)
        return e;
    buf_add_fmt(out, "0x%x", sd_granted(&sd, j->token, j->token_n, NULL, 0));
    sd_fini(&sd);
    return e;
}

static enum err writers(const struct job *j, const char *line, struct buf *out, struct errinfo *ei)
{
    struct sd_writer w[TOKEN_MAX];
    char text[SID_TEXT_MAX];
    struct sd sd;
    enum err e = read_hex(line, &sd, ei);
    size_t n;

    (void)j;
    if (e != ERR_OK)
        return e;
    n = sd_writers(&sd, w, TOKEN_MAX);
    for (size_t i = 0; i < n && i < TOKEN_MAX; i++)
        buf_add_fmt(out, "%s%s=0x%x", i > 0 ? " " : "", sid_format(&w[i].sid, text), w[i].mask);
    sd_fini(&sd);
    return e;
}

static const struct command {
    const char *name;
    enum err (*run)(const struct job *, const char *, struct buf *, struct errinfo *);
} commands[] = {{"encode", encode}, {"decode", decode}, {"granted", granted}, {"writers", writers}};

static int run_lines(const struct command *c, const struct job *j)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    while ((n = getline(&line, &cap, stdin)) > 0) {
        struct buf out = BUF_INIT;
        struct errinfo ei = {0};

        line[strcspn(line, "\n")] = '\0';
        if (c->run(j, line, &out, &ei) == ERR_OK)
            printf("%s\n", buf_str(&out));
        else
            printf("error: %s\n", ei.text);
        buf_fini(&out);
    }
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    struct sid domain;
    struct job j = {.dom = {&domain, &domain}};

    if (argc < 3 || !sid_parse(argv[2], &domain, NULL))
        return 2;
    for (int i = 3; i < argc && j.token_n < TOKEN_MAX; i++)
        if (!sid_parse(argv[i], &j.token[j.token_n++], NULL))
            return 2;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return run_lines(&commands[i], &j);
    return 2;
}
