#include "jobs/secret.h"

enum err secret_send(const struct secret *s, struct packet_out *o, struct errinfo *ei)
{
    struct wire_wr w = packet_begin(o, PACKET_CLEARING);

    packet_put_text(&w, s->realm);
    wire_put(&w, s->key, sizeof(s->key));
    return packet_send(o, &w, ei);
}

enum err secret_take(void *secret, enum packet_type type, struct wire_rd *r, struct errinfo *ei)
{
    struct secret *s = secret;

    if (type != PACKET_CLEARING)
        return err_fail(ei, ERR_MALFORMED, "steward: a packet of type %d instead of a key",
                        (int)type);
    packet_text_into(r, s->realm);
    wire_copy(r, s->key, sizeof(s->key));
    return packet_read(r, ei);
}
