/* kms_tool SECRET: seals and opens KMS messages for tests that hold another implementation against
 * ours. SECRET is a realm secret, and everything else too is hexadecimal. Reads lines
 *
 *   seal-request BODY              open-request MESSAGE
 *   seal-response REQUEST BODY     open-response REQUEST MESSAGE
 *
 * where REQUEST is the sealed request that the answer belongs to, and writes one line for each:
 * "ok HEX", or "error" and the name of the error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/protect.h"

struct bytes {
    size_t n;
    uint8_t b[2 * KMS_SEALED_MAX];
};

static bool unhex(const char *text, struct bytes *out)
{
    out->n = strlen(text) / 2;
    if (out->n > sizeof(out->b) || strlen(text) % 2 != 0)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        unsigned v;

        if (sscanf(text + 2 * i, "%2x", &v) != 1)
            return false;
        out->b[i] = (uint8_t)v;
    }
    return true;
}

static enum err seal_request(struct kms_protector *p, const struct bytes *body, struct buf *out)
{
    struct kms_request m;
    struct kms_exchange x;
    enum err e = kms_request_decode(body->b, body->n, &m);

    return e == ERR_OK ? kms_seal_request(p, &m, out, &x, NULL) : e;
}

static enum err open_request(struct kms_protector *p, const struct bytes *message,
                             struct kms_exchange *x, struct buf *body)
{
    struct kms_request m;
    enum err e = kms_open_request(p, message->b, message->n, &m, x, NULL);

    if (e == ERR_OK)
        kms_request_encode(&m, body);
    return e;
}

static enum err seal_response(struct kms_protector *p, const struct kms_exchange *x,
                              const struct bytes *body, struct buf *out)
{
    struct kms_response m;
    enum err e = kms_response_decode(body->b, body->n, &m);

    return e == ERR_OK ? kms_seal_response(p, x, &m, out, NULL) : e;
}

static enum err open_response(struct kms_protector *p, const struct kms_exchange *x,
                              const struct bytes *message, struct buf *body)
{
    struct kms_response m;
    enum err e = kms_open_response(p, x, message->b, message->n, &m, NULL);

    if (e == ERR_OK)
        kms_response_encode(&m, body);
    return e;
}

static enum err run(struct kms_protector *p, char *line, struct buf *out)
{
    static struct bytes first, second;
    char *verb = strtok(line, " \n"), *a = strtok(NULL, " \n"), *b = strtok(NULL, " \n");
    struct buf ignored = BUF_INIT;
    struct kms_exchange x;
    enum err e;

    if (verb == NULL || a == NULL || !unhex(a, &first) || (b != NULL && !unhex(b, &second)))
        return ERR_USAGE;
    if (strcmp(verb, "seal-request") == 0)
        return seal_request(p, &first, out);
    if (strcmp(verb, "open-request") == 0)
        return open_request(p, &first, &x, out);
    e = b == NULL ? ERR_USAGE : open_request(p, &first, &x, &ignored);
    buf_fini(&ignored);
    if (e != ERR_OK)
        return e;
    return strcmp(verb, "seal-response") == 0 ? seal_response(p, &x, &second, out)
                                              : open_response(p, &x, &second, out);
}

int main(int argc, char **argv)
{
    static struct bytes secret;
    struct realm_keys keys;
    struct kms_protector *p;
    char *line = NULL;
    size_t room = 0;

    if (argc != 2 || !unhex(argv[1], &secret) || secret.n != REALM_SECRET_LEN ||
        realm_keys_derive(secret.b, &keys, NULL) != ERR_OK ||
        kms_protector_new(&keys, rng_system(), &p, NULL) != ERR_OK)
        return EXIT_USAGE;
    while (getline(&line, &room, stdin) > 0) {
        struct buf out = BUF_INIT, text = BUF_INIT;
        enum err e = run(p, line, &out);

        buf_add_hex(&text, out.data, out.len);
        printf("%s %s\n", e == ERR_OK ? "ok" : "error", e == ERR_OK ? buf_str(&text) : err_name(e));
        fflush(stdout);
        buf_fini(&out);
        buf_fini(&text);
    }
    free(line);
    kms_protector_free(p);
    realm_keys_wipe(&keys);
    return EXIT_OK;
}
