#include <openssl/evp.h>
#include <string.h>

#include "base/buf.h"
#include "catalog/internal.h"

/* cd19028f-6ae0-43a4-8e83-e8170195a945, made at random for this project. Changing it changes
 * every id in every lab. */
const struct guid cat_lab_namespace = {{0x8f, 0x02, 0x19, 0xcd, 0xe0, 0x6a, 0xa4, 0x43, 0x8e, 0x83,
                                        0xe8, 0x17, 0x01, 0x95, 0xa9, 0x45}};

/* 55c92734-d682-4d71-983e-d6ec3f16059f */
const struct guid cat_app_windows = {{0x34, 0x27, 0xc9, 0x55, 0x82, 0xd6, 0x71, 0x4d, 0x98, 0x3e,
                                      0xd6, 0xec, 0x3f, 0x16, 0x05, 0x9f}};

/* 0ff1ce15-a989-479d-af46-f275c6370663 */
const struct guid cat_app_office = {{0x15, 0xce, 0xf1, 0x0f, 0x89, 0xa9, 0x9d, 0x47, 0xaf, 0x46,
                                     0xf2, 0x75, 0xc6, 0x37, 0x06, 0x63}};

struct guid cat_uuid5(const struct guid *namespace_id, const void *name, size_t len)
{
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};
    uint8_t space[16];
    struct guid out = {{0}};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    guid_to_network(namespace_id, space);
    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, space, sizeof(space)) != 1 || EVP_DigestUpdate(ctx, name, len) != 1 ||
        EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
        goto out;
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50); /* version 5 */
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80); /* variant, RFC 9562 section 4.1 */
    guid_from_network(digest, &out);
out:
    EVP_MD_CTX_free(ctx);
    return out;
}

enum err cat_lab_id(const char *kind, const char *name, struct guid *out, struct errinfo *ei)
{
    struct buf b = BUF_INIT;
    enum err e = ERR_OK;

    buf_add_fmt(&b, "%s:%s", kind, name);
    if (b.err != ERR_OK)
        e = err_nomem(ei);
    else
        *out = cat_uuid5(&cat_lab_namespace, b.data, b.len);
    if (e == ERR_OK && guid_is_zero(out))
        e = err_fail(ei, ERR_CRYPTO, "make the lab id of %s: OpenSSL has no SHA-1", name);
    buf_fini(&b);
    return e;
}

/* Ids come from names, but a product "A/B" with an edition "C" and a product "A" with an edition
 * "B/C" make the same one. Two things with one id could not be told apart in a licence. */
struct named_id {
    const struct guid *id;
    const char *name, *edition;
    struct origin origin;
};

static struct named_id activation(const struct catalog *cat, size_t i)
{
    const struct cat_product *p = VEC_AT(cat->products, struct cat_product, i);

    return (struct named_id){&p->activation_id, p->product, p->edition,
                             VEC_AT(cat->editions, struct edition, i)->origin};
}

enum err cat_check_ids(const struct catalog *cat, struct errinfo *ei)
{
    for (size_t i = 0; i < cat->products.count; i++) {
        struct named_id a = activation(cat, i);

        for (size_t j = 0; j < i; j++) {
            struct named_id b = activation(cat, j);

            if (guid_equal(a.id, b.id))
                return err_fail(ei, ERR_MALFORMED,
                                "%s:%u: %s, edition %s, has the activation id of %s, edition %s "
                                "(%s:%u)",
                                a.origin.file, a.origin.line, a.name, a.edition, b.name, b.edition,
                                b.origin.file, b.origin.line);
        }
    }
    return ERR_OK;
}
