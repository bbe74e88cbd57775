#include "net/proxy.h"

#include <string.h>

#include "wire/wire.h"

#define FIXED      16u /* signature, version and command, family, length */
#define VERSION    2u
#define LOCAL      0u
#define PROXY      1u
#define TCP4       0x11u
#define TCP6       0x21u
#define TLV_CRC32C 0x03u
#define CRC_POLY   0x82f63b78u /* Castagnoli, reflected (RFC 4960, appendix B) */

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static enum proxy_step bad(struct proxy_header *out, const char *wrong)
{
    out->wrong = wrong;
    return PROXY_BAD;
}

static uint32_t crc_add(uint32_t crc, const uint8_t *p, size_t n)
{
    while (n-- > 0) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? CRC_POLY : 0);
    }
    return crc;
}

/* Over the header with the four bytes at field taken for zeros. */
static uint32_t crc_of(const uint8_t *header, size_t len, const uint8_t *field)
{
    static const uint8_t zeros[4];
    uint32_t crc = crc_add(UINT32_MAX, header, (size_t)(field - header));

    crc = crc_add(crc, zeros, sizeof(zeros));
    return ~crc_add(crc, field + 4, (size_t)(header + len - (field + 4)));
}

/* Passes over what follows the addresses; only a checksum says something to us. NULL: it is whole
 * and right. */
static const char *check_tlvs(struct wire_rd *r, const uint8_t *header, size_t len)
{
    bool checked = false; /* a second one could not fit either, and would only cost time */

    while (wire_left(r) > 0) {
        uint8_t type = wire_u8(r);
        struct wire_rd value = wire_sub(r, wire_u16(r));
        const uint8_t *field = value.pos;

        if (r->err != ERR_OK)
            return "a TLV that ends behind the header";
        if (type != TLV_CRC32C)
            continue;
        if (checked || wire_left(&value) != 4 || wire_u32(&value) != crc_of(header, len, field))
            return "a CRC32c that does not fit";
        checked = true;
    }
    return NULL;
}

static void read_tcp4(struct wire_rd *r, union address *a)
{
    a->v4.sin_family = AF_INET;
    wire_copy(r, &a->v4.sin_addr, 4);
    (void)wire_take(r, 4); /* destination */
    wire_copy(r, &a->v4.sin_port, 2);
    (void)wire_take(r, 2);
}

static void read_tcp6(struct wire_rd *r, union address *a)
{
    a->v6.sin6_family = AF_INET6;
    wire_copy(r, &a->v6.sin6_addr, 16);
    (void)wire_take(r, 16);
    wire_copy(r, &a->v6.sin6_port, 2);
    (void)wire_take(r, 2);
    address_unmap(a);
}

/* For whom the connection was made. A family that tells no TCP address is refused: the protocol
 * leaves that open, and the balancer's own address would get around allow and deny. */
static enum proxy_step read_client(struct wire_rd *r, uint8_t family, const uint8_t *header,
                                   struct proxy_header *out)
{
    const char *wrong;

    if (family == TCP4)
        read_tcp4(r, &out->client);
    else if (family == TCP6)
        read_tcp6(r, &out->client);
    else
        return bad(out, "no TCP address of the client");
    if (r->err != ERR_OK)
        return bad(out, "a length too short for its addresses");
    wrong = check_tlvs(r, header, out->len);
    if (wrong != NULL)
        return bad(out, wrong);
    out->told = true;
    return PROXY_DONE;
}

enum proxy_step proxy_parse(const void *data, size_t len, struct proxy_header *out)
{
    struct wire_rd r = wire_reader(data, len);
    uint8_t version, command, family;
    const uint8_t *header = data;
    uint16_t rest;

    memset(out, 0, sizeof(*out));
    if (memcmp(header, signature, len < sizeof(signature) ? len : sizeof(signature)) != 0)
        return bad(out, "no PROXY protocol version 2 signature");
    if (len <= sizeof(signature))
        return PROXY_MORE;
    r.big = true;
    (void)wire_take(&r, sizeof(signature));
    version = wire_u8(&r);
    command = version & 0x0f;
    if (version >> 4 != VERSION || command > PROXY)
        return bad(out, "another version or command than LOCAL and PROXY of version 2");
    if (len < FIXED)
        return PROXY_MORE;
    family = wire_u8(&r);
    rest = wire_u16(&r);
    out->len = FIXED + rest;
    if (out->len > PROXY_MAX)
        return bad(out, "a length above 4096 bytes");
    if (len < out->len)
        return PROXY_MORE;
    r = wire_sub(&r, rest);
    return command == LOCAL ? PROXY_DONE : read_client(&r, family, header, out);
}
