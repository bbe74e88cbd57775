/* The server core with security contexts: packets made here by the drawings of C706 12.6 and
 * MS-RPCE 2.2.2.11, signatures by the rule of the provider without cryptography (fakesec.h). */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "fakesec.h"
#include "rpc/conn.h"
#include "rpc/pdu.h"

#define ACTIVATION "7521c8514e845047b0d8ec255555bc06"
#define NDR        "045d888aeb1cc9119fe808002b104860 02000000"
#define CONTEXTS   "01000000 0000 01 00 " ACTIVATION " 01000000 " NDR
#define SIZES      "d016 d016 00000000 "

#define CONTEXT_ID 7u
#define STUB_MAX   8000

struct world {
    struct rpc_iface iface;
    struct rpc_shared *shared;
    struct rpc_server server;
    struct rpc_conn *conn;
    size_t chunk;  /* octets fed at once */
    size_t calls;  /* whole ones that came */
    size_t answer; /* octets of each answer; 0: the stub as it came */
    uint8_t level, last[STUB_MAX];
    bool header_signed; /* the last call */
    size_t last_len;
    char principal[RPC_PRINCIPAL_MAX]; /* of the last call; "": nobody */
};

static void open_world(struct world *w, size_t chunk)
{
    *w = (struct world){.chunk = chunk};
    assert_true(guid_parse("51c82175-844e-4750-b0d8-ec255555bc06", &w->iface.uuid));
    w->iface.major = 1;
    w->iface.opnums = 1;
    w->iface.max_stub = 65536;
    w->iface.name = "activation";
    w->server =
        (struct rpc_server){.ifaces = &w->iface, .iface_count = 1, .security = &fake_acceptor};
    strcpy(w->server.secondary_address, "1688");
    w->shared = rpc_shared_new(0);
    assert_non_null(w->shared);
    rpc_server_init(&w->server, w->shared);
    w->conn = rpc_conn_new(&w->server);
    assert_non_null(w->conn);
}

static void close_world(struct world *w)
{
    rpc_conn_free(w->conn);
    rpc_server_fini(&w->server);
    rpc_shared_free(w->shared);
    assert_int_equal(fake_contexts, 0);
}

static void take_call(struct world *w)
{
    static const uint8_t zeros[STUB_MAX * 2];
    struct rpc_call *call = rpc_conn_call(w->conn);

    w->calls++;
    w->level = call->level;
    w->header_signed = call->header_signed;
    strcpy(w->principal, call->peer != NULL ? call->peer->principal : "");
    assert_true(call->stub_len <= sizeof(w->last));
    w->last_len = call->stub_len;
    if (call->stub_len > 0)
        memcpy(w->last, call->stub, call->stub_len);
    rpc_conn_reply(w->conn, call, w->answer > 0 ? zeros : w->last,
                   w->answer > 0 ? w->answer : w->last_len);
}

/* True: the connection is to be closed. */
static bool feed(struct world *w, const uint8_t *in, size_t len)
{
    size_t pos = 0;

    while (pos < len) {
        size_t n = w->chunk < len - pos ? w->chunk : len - pos;
        size_t used;
        enum rpc_step step = rpc_conn_feed(w->conn, in + pos, n, &used);

        pos += used;
        if (step == RPC_CLOSE)
            return true;
        if (step == RPC_CALL)
            take_call(w);
    }
    return false;
}

/* ---- packets ---- */

struct packet {
    uint8_t b[RPC_FRAG_MAX];
    size_t len;
};

static void put16(uint8_t *at, size_t v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
}

static void put_trailer(struct packet *p, uint8_t type, uint8_t level, uint8_t pad, uint8_t id,
                        const void *value, size_t len)
{
    const uint8_t trailer[8] = {type, level, pad, 0, id, 0, 0, 0};

    memcpy(p->b + p->len, trailer, 8);
    memcpy(p->b + p->len + 8, value, len);
    p->len += 8 + len;
    put16(p->b + 8, p->len);
    put16(p->b + 10, len);
}

/* A bind (0b), alter_context (0e) or auth3 (10) with a leg; flags beside FIRST and LAST. */
static struct packet leg(uint8_t ptype, uint8_t flags, uint8_t type, uint8_t level, uint8_t id,
                         const char *token)
{
    struct packet p;

    p.len = test_unhex("05000003 10000000 0000 0000 01000000", p.b, sizeof(p.b));
    p.len += test_unhex(ptype == 0x10 ? "00000000" : SIZES CONTEXTS, p.b + p.len, 200);
    p.b[2] = ptype;
    p.b[3] |= flags;
    put_trailer(&p, type, level, 0, id, token, strlen(token));
    return p;
}

struct shape {
    uint8_t flags, level;
    uint8_t call, counter;
    bool header_signing;
    size_t stub; /* octets 1, 2, 3, … */
};

static size_t sum(const uint8_t *p, size_t n)
{
    size_t s = 0;

    for (size_t i = 0; i < n; i++)
        s += p[i];
    return s;
}

/* A request whose fragment is signed, and sealed at level privacy. */
static struct packet request(const struct shape *s)
{
    size_t pad = (16 - s->stub % 16) % 16, data = s->stub + pad;
    uint8_t signature[FAKE_SIGNATURE] = {s->counter, 0, 0, 0, 0, 0, 0xee, 0xee};
    struct packet p;

    p.len = test_unhex("05000000 10000000 0000 0000 00000000 00000000 0000 0000", p.b, 24);
    p.b[3] = s->flags;
    p.b[12] = s->call;
    for (size_t i = 0; i < data; i++)
        p.b[p.len++] = i < s->stub ? (uint8_t)(i + 1) : 0;
    put_trailer(&p, FAKE_TYPE, s->level, (uint8_t)pad, CONTEXT_ID, signature, sizeof(signature));
    if (s->header_signing) {
        signature[4] = 24;
        signature[5] = 8;
        put16(signature + 2, sum(p.b, 24 + data + 8));
    } else {
        put16(signature + 2, sum(p.b + 24, data));
    }
    memcpy(p.b + p.len - sizeof(signature), signature, sizeof(signature));
    for (size_t i = 0; s->level == RPC_LEVEL_PRIVACY && i < data; i++)
        p.b[24 + i] ^= 0x55;
    return p;
}

static struct packet plain(uint8_t flags, uint8_t call)
{
    struct packet p;

    p.len = test_unhex("05000000 10000000 2000 0000 00000000 00000000 0000 0000 0102030405060708",
                       p.b, sizeof(p.b));
    p.b[3] = flags;
    p.b[12] = call;
    return p;
}

static bool send_packet(struct world *w, struct packet p)
{
    return feed(w, p.b, p.len);
}

static void expect(struct world *w, const char *hex)
{
    uint8_t want[200];
    size_t len = test_unhex(hex, want, sizeof(want));
    struct buf *out = rpc_conn_output(w->conn);
    struct buf text = BUF_INIT;

    if (out->len != len || (len > 0 && memcmp(out->data, want, len) != 0)) {
        buf_add_hex(&text, out->data, out->len);
        fail_msg("answered %s, not %s", buf_str(&text), hex);
    }
    buf_clear(out);
}

#define ACK(type, flags, len, auth)                                                                \
    "0500" type flags " 10000000 " len " " auth " 01000000 d016 d016 01000100 "
#define RESULT "01 000000 0000 0000 " NDR
/* alloc_hint 32, context 0, status. */
#define FAULT(flags, call, status)                                                                 \
    "050003" flags " 10000000 2000 0000 " call "000000 20000000 0000 00 00 " status " 00000000"
#define NAK(reason) "05000d03 10000000 1800 0000 01000000 " reason " 01 0500 000000"

#define DENIED  "05000000"
#define SEC_PKG "21070000"
#define PROTO   "0b00011c"

static void bound(struct world *w, size_t chunk, uint8_t flags, uint8_t level)
{
    open_world(w, chunk);
    assert_false(send_packet(w, leg(0x0b, flags, FAKE_TYPE, level, CONTEXT_ID, "one")));
    buf_clear(rpc_conn_output(w->conn));
}

/* ---- tests ---- */

static void a_bind_with_a_token_is_acked_with_a_trailer(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 1);
    assert_false(send_packet(&w, leg(0x0b, 0, FAKE_TYPE, RPC_LEVEL_INTEGRITY, 7, "two")));
    expect(&w, ACK("0c", "03", "4800", "0400") "0500 3136383800 00 " RESULT
                                               "10 05 00 00 07000000 6d6f7265"); /* "more" */
    assert_false(send_packet(&w, leg(0x0e, 0, FAKE_TYPE, RPC_LEVEL_INTEGRITY, 7, "bye")));
    expect(&w, ACK("0f", "03", "4200", "0200") "0000 0000 " RESULT "10 05 00 00 07000000 6f6b");
    close_world(&w);
}

/* As Windows and Samba answer: a trailer also where there is nothing to say. */
static void a_last_leg_without_answer_has_an_empty_trailer(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 1);
    assert_false(send_packet(&w, leg(0x0b, 0, FAKE_TYPE, RPC_LEVEL_CONNECT, 7, "one")));
    expect(&w, ACK("0c", "03", "4400", "0000") "0500 3136383800 00 " RESULT "10 02 00 00 07000000");
    close_world(&w);
}

static void check_response(struct world *w, const struct shape *s)
{
    struct buf *out = rpc_conn_output(w->conn);
    size_t pad = (16 - s->stub % 16) % 16, data = s->stub + pad;
    const uint8_t *b = out->data, *t = b + 24 + data;

    assert_int_equal(out->len, 24 + data + 8 + FAKE_SIGNATURE);
    assert_int_equal(b[2], RPC_RESPONSE);
    assert_int_equal(b[8] | b[9] << 8, out->len);
    assert_int_equal(b[10] | b[11] << 8, FAKE_SIGNATURE);
    assert_int_equal(b[12], s->call);
    assert_int_equal(b[16], s->stub); /* alloc_hint is the stub's, without padding */
    for (size_t i = 0; i < data; i++)
        assert_int_equal(b[24 + i] ^ (s->level == RPC_LEVEL_PRIVACY ? 0x55 : 0),
                         i < s->stub ? i + 1 : 0);
    assert_int_equal(t[0], FAKE_TYPE);
    assert_int_equal(t[1], s->level);
    assert_int_equal(t[2], pad);
    assert_int_equal(t[4], CONTEXT_ID);
    assert_int_equal(t[8], s->counter);
    assert_int_equal(t[12], s->header_signing ? 24 : 0);
    assert_int_equal(t[13], s->header_signing ? 8 : 0);
    buf_clear(out);
}

static void requests_are_checked_and_answers_signed_at_every_level(void **state)
{
    static const uint8_t levels[] = {RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY, RPC_LEVEL_PRIVACY};

    (void)state;
    for (size_t i = 0; i < 3 * 2 * 2; i++) {
        struct shape s = {.flags = 3, .level = levels[i % 3], .header_signing = i / 3 % 2 != 0};
        struct world w;

        bound(&w, i / 6 == 0 ? 1 : RPC_FRAG_MAX, s.header_signing ? RPC_PFC_HDR_SIGNING : 0,
              s.level);
        for (s.stub = 0; s.stub < 40; s.stub += 4) {
            assert_false(send_packet(&w, request(&s)));
            assert_int_equal(w.last_len, s.stub);
            assert_int_equal(w.level, s.level);
            assert_int_equal(w.header_signed, s.header_signing);
            assert_string_equal(w.principal, "PC01$@LAB.EXAMPLE");
            check_response(&w, &s);
            s.counter++;
            s.call++;
        }
        assert_int_equal(w.calls, 10);
        close_world(&w);
    }
}

static void at_level_connect_signatures_are_neither_read_nor_made(void **state)
{
    struct shape s = {.flags = 3, .level = RPC_LEVEL_CONNECT, .call = 2, .stub = 8, .counter = 99};
    struct world w;

    (void)state;
    bound(&w, 1, 0, RPC_LEVEL_CONNECT);
    assert_false(send_packet(&w, request(&s)));
    expect(&w, "05000203 10000000 2000 0000 02000000 08000000 0000 00 00 0102030405060708");
    assert_int_equal(w.level, RPC_LEVEL_CONNECT);
    assert_string_equal(w.principal, "PC01$@LAB.EXAMPLE");
    close_world(&w);
}

static void a_request_without_trailer_is_for_nobody(void **state)
{
    struct world w;

    (void)state;
    bound(&w, 1, 0, RPC_LEVEL_PRIVACY);
    assert_false(send_packet(&w, plain(3, 2)));
    assert_int_equal(w.level, RPC_LEVEL_NONE);
    assert_string_equal(w.principal, "");
    expect(&w, "05000203 10000000 2000 0000 02000000 08000000 0000 00 00 0102030405060708");
    close_world(&w);
}

static void every_changed_octet_of_a_signed_request_is_noticed(void **state)
{
    struct shape s = {
        .flags = 3, .level = RPC_LEVEL_PRIVACY, .call = 2, .header_signing = true, .stub = 20};
    const struct packet good = request(&s);

    (void)state;
    for (size_t at = 16; at < good.len; at++) { /* before: the framing */
        struct packet p = good;
        struct world w;

        bound(&w, RPC_FRAG_MAX, RPC_PFC_HDR_SIGNING, s.level);
        p.b[at] ^= 1;
        assert_true(send_packet(&w, p));
        assert_int_equal(w.calls, 0);
        close_world(&w);
    }
}

static void a_changed_and_a_replayed_request_get_sec_pkg_error(void **state)
{
    struct shape s = {.flags = 3, .level = RPC_LEVEL_INTEGRITY, .call = 2, .stub = 8};
    struct packet p = request(&s);
    struct world w;

    (void)state;
    bound(&w, 1, 0, s.level);
    p.b[24] ^= 1;
    assert_true(send_packet(&w, p));
    expect(&w, FAULT("03", "02", SEC_PKG));
    assert_int_equal(rpc_conn_reason(w.conn), RPC_BAD_SIGNATURE);
    close_world(&w);

    bound(&w, 1, 0, s.level);
    assert_false(send_packet(&w, request(&s)));
    buf_clear(rpc_conn_output(w.conn));
    assert_true(send_packet(&w, request(&s)));
    expect(&w, FAULT("03", "02", SEC_PKG));
    assert_int_equal(w.calls, 1);
    assert_int_equal(counter_read(&w.server.refused[RPC_BAD_SIGNATURE]), 1);
    close_world(&w);
}

static void header_signing_holds_for_contexts_that_came_before_it(void **state)
{
    struct shape s = {.flags = 3, .level = RPC_LEVEL_INTEGRITY, .call = 2, .stub = 8};
    struct packet alter;
    struct world w;

    (void)state;
    bound(&w, 1, 0, s.level);
    assert_false(send_packet(&w, request(&s)));
    alter.len = test_unhex("05000e07 10000000 4800 0000 03000000 " SIZES CONTEXTS, alter.b, 200);
    assert_false(send_packet(&w, alter));
    buf_clear(rpc_conn_output(w.conn));
    s.counter = 1;
    s.header_signing = true;
    assert_false(send_packet(&w, request(&s)));
    s.header_signing = false;
    s.counter = 2;
    assert_true(send_packet(&w, request(&s)));
    assert_int_equal(rpc_conn_reason(w.conn), RPC_BAD_SIGNATURE);
    close_world(&w);
}

static void every_fragment_of_a_call_is_checked(void **state)
{
    struct shape first = {.flags = 1, .level = RPC_LEVEL_INTEGRITY, .call = 2, .stub = 16};
    struct shape last = {
        .flags = 2, .level = RPC_LEVEL_INTEGRITY, .call = 2, .stub = 8, .counter = 1};
    static const struct {
        const char *what;
        bool bare;     /* the last one without trailer */
        uint8_t level; /* of the last one */
        uint8_t counter;
        const char *fault;
        enum rpc_reason reason;
    } rows[] = {
        {"signed throughout", false, 5, 1, NULL, RPC_OK},
        {"the last one without signature", true, 5, 1, FAULT("03", "02", PROTO), RPC_BAD_AUTH},
        {"the last one says another level", false, 2, 1, NULL, RPC_OK},
        {"the first one's signature again", false, 5, 0, FAULT("03", "02", SEC_PKG),
         RPC_BAD_SIGNATURE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;

        bound(&w, 1, 0, first.level);
        assert_false(send_packet(&w, request(&first)));
        last.level = rows[i].level;
        last.counter = rows[i].counter;
        if (send_packet(&w, rows[i].bare ? plain(2, 2) : request(&last)) != (rows[i].fault != NULL))
            fail_msg("%s", rows[i].what);
        assert_int_equal(rpc_conn_reason(w.conn), rows[i].reason);
        if (rows[i].fault != NULL)
            expect(&w, rows[i].fault);
        else
            assert_int_equal(w.last_len, 24);
        close_world(&w);
    }
}

static void a_call_that_began_bare_cannot_go_on_signed(void **state)
{
    struct shape last = {.flags = 2, .level = RPC_LEVEL_INTEGRITY, .call = 2, .stub = 8};
    struct world w;

    (void)state;
    bound(&w, 1, 0, RPC_LEVEL_INTEGRITY);
    assert_false(send_packet(&w, plain(1, 2)));
    assert_true(send_packet(&w, request(&last)));
    expect(&w, FAULT("03", "02", DENIED));
    assert_int_equal(w.calls, 0);
    close_world(&w);
}

static void a_long_answer_is_cut_into_signed_fragments_that_fit(void **state)
{
    struct shape s = {.flags = 3, .level = RPC_LEVEL_PRIVACY, .call = 2};
    const struct buf *out;
    struct world w;
    size_t pos = 0, total = 0;
    uint8_t counter = 0;

    (void)state;
    bound(&w, RPC_FRAG_MAX, 0, s.level);
    w.answer = 12345;
    assert_false(send_packet(&w, request(&s)));
    out = rpc_conn_output(w.conn);
    while (pos < out->len) {
        const uint8_t *b = out->data + pos;
        size_t len = (size_t)(b[8] | b[9] << 8);
        const uint8_t *t = b + len - FAKE_SIGNATURE - 8;

        assert_true(len <= RPC_FRAG_MAX && pos + len <= out->len);
        assert_int_equal((t - b - 24) % 16, 0);
        assert_int_equal(t[8], counter++);
        total += (size_t)(t - b) - 24 - t[2];
        assert_int_equal((b[3] & 2) != 0, pos + len == out->len);
        pos += len;
    }
    assert_int_equal(total, 12345);
    assert_int_equal(counter, 3);
    close_world(&w);
}

static void auth3_ends_an_authentication_without_an_answer(void **state)
{
    struct shape s = {.flags = 3, .level = RPC_LEVEL_PACKET, .call = 2, .stub = 8};
    struct world w;

    (void)state;
    open_world(&w, 1);
    assert_false(send_packet(&w, leg(0x0b, 0, FAKE_TYPE, s.level, CONTEXT_ID, "two")));
    buf_clear(rpc_conn_output(w.conn));
    assert_false(send_packet(&w, leg(0x10, 0, FAKE_TYPE, s.level, CONTEXT_ID, "end")));
    expect(&w, "");
    assert_false(send_packet(&w, request(&s)));
    assert_int_equal(w.calls, 1);
    close_world(&w);
}

static void after_a_failed_auth3_every_request_is_denied(void **state)
{
    static const char *const tokens[] = {"wrong", "bye"}; /* "bye" would need an answer */
    struct shape s = {.flags = 3, .level = RPC_LEVEL_PACKET, .call = 2, .stub = 8};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct world w;

        open_world(&w, 1);
        assert_false(send_packet(&w, leg(0x0b, 0, FAKE_TYPE, s.level, CONTEXT_ID, "two")));
        buf_clear(rpc_conn_output(w.conn));
        assert_false(send_packet(&w, leg(0x10, 0, FAKE_TYPE, s.level, CONTEXT_ID, tokens[i % 2])));
        expect(&w, "");
        assert_int_equal(counter_read(&w.server.refused[RPC_AUTH_FAILED]), 1);
        assert_true(send_packet(&w, i < 2 ? request(&s) : plain(3, 2)));
        expect(&w, FAULT("03", "02", DENIED));
        close_world(&w);
    }
}

static void legs_are_refused_as_the_table_says(void **state)
{
    static const struct {
        const char *what;
        uint8_t ptype, type, level, id;
        const char *token;
        const char *before; /* token of a bind at level integrity, context 7, or NULL */
        const char *answer;
        enum rpc_reason reason;
    } rows[] = {
        {"bind, unknown type", 0x0b, 10, 5, 7, "one", NULL, NAK("0800"), RPC_BAD_AUTH},
        {"bind, level none", 0x0b, 16, 1, 7, "one", NULL, NAK("0000"), RPC_BAD_AUTH},
        {"bind, level 7", 0x0b, 16, 7, 7, "one", NULL, NAK("0000"), RPC_BAD_AUTH},
        {"bind, level call", 0x0b, 16, 3, 7, "one", NULL, NAK("0900"), RPC_BAD_AUTH},
        {"bind, bad token", 0x0b, 16, 5, 7, "what", NULL, NAK("0900"), RPC_AUTH_FAILED},
        {"bind, privacy without sealing", 0x0b, 16, 6, 7, "onep", NULL, NAK("0900"),
         RPC_AUTH_FAILED},
        {"bind, replays unnoticed", 0x0b, 16, 5, 7, "oneo", NULL, NAK("0900"), RPC_AUTH_FAILED},
        {"alter, unknown type", 0x0e, 10, 5, 8, "one", "one", FAULT("23", "01", DENIED),
         RPC_BAD_AUTH},
        {"alter, level 0", 0x0e, 16, 0, 8, "one", "one", FAULT("23", "01", DENIED), RPC_BAD_AUTH},
        {"alter, again", 0x0e, 16, 5, 7, "one", "one", FAULT("23", "01", DENIED), RPC_BAD_AUTH},
        {"alter, another level", 0x0e, 16, 6, 7, "end", "two", FAULT("23", "01", DENIED),
         RPC_BAD_AUTH},
        {"alter, bad token", 0x0e, 16, 5, 7, "what", "two", FAULT("23", "01", SEC_PKG),
         RPC_AUTH_FAILED},
        {"alter, bad first token", 0x0e, 16, 5, 8, "what", "one", FAULT("23", "01", SEC_PKG),
         RPC_AUTH_FAILED},
        {"alter, privacy without sealing", 0x0e, 16, 6, 8, "onep", "one",
         FAULT("23", "01", SEC_PKG), RPC_AUTH_FAILED},
        {"auth3, unknown context", 0x10, 16, 5, 9, "end", "two", FAULT("23", "01", PROTO),
         RPC_UNEXPECTED},
        {"auth3, again", 0x10, 16, 5, 7, "end", "one", FAULT("23", "01", PROTO), RPC_UNEXPECTED},
        {"auth3, another level", 0x10, 16, 4, 7, "end", "two", FAULT("23", "01", PROTO),
         RPC_UNEXPECTED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;

        print_message("%s\n", rows[i].what);
        open_world(&w, i % 2 == 0 ? 1 : RPC_FRAG_MAX);
        if (rows[i].before != NULL) {
            assert_false(send_packet(&w, leg(0x0b, 0, FAKE_TYPE, 5, 7, rows[i].before)));
            buf_clear(rpc_conn_output(w.conn));
        }
        assert_true(send_packet(
            &w, leg(rows[i].ptype, 0, rows[i].type, rows[i].level, rows[i].id, rows[i].token)));
        expect(&w, rows[i].answer);
        assert_int_equal(rpc_conn_reason(w.conn), rows[i].reason);
        assert_int_equal(counter_read(&w.server.refused[rows[i].reason]), 1);
        close_world(&w);
    }
}

static void an_authentication_that_does_not_end_counts_as_unbound_and_is_cut_off(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, RPC_FRAG_MAX);
    assert_false(send_packet(&w, leg(0x0b, 0, FAKE_TYPE, 5, CONTEXT_ID, "loop")));
    for (int i = 0; i < 7; i++) {
        assert_false(rpc_conn_bound(w.conn));
        assert_false(send_packet(&w, leg(0x0e, 0, FAKE_TYPE, 5, CONTEXT_ID, "loop")));
    }
    buf_clear(rpc_conn_output(w.conn));
    assert_true(send_packet(&w, leg(0x0e, 0, FAKE_TYPE, 5, CONTEXT_ID, "loop")));
    expect(&w, FAULT("23", "01", SEC_PKG));
    assert_int_equal(rpc_conn_reason(w.conn), RPC_AUTH_FAILED);
    close_world(&w);
}

static void a_bind_is_over_when_authentication_is(void **state)
{
    static const char *const last[] = {"end", "wrong"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world w;

        open_world(&w, 1);
        assert_false(send_packet(&w, leg(0x0b, 0, FAKE_TYPE, 5, CONTEXT_ID, "two")));
        assert_false(rpc_conn_bound(w.conn));
        assert_false(send_packet(&w, leg(0x10, 0, FAKE_TYPE, 5, CONTEXT_ID, last[i])));
        assert_true(rpc_conn_bound(w.conn));
        close_world(&w);
    }
}

static void a_request_during_authentication_is_a_protocol_error(void **state)
{
    struct shape s = {.flags = 3, .level = RPC_LEVEL_INTEGRITY, .call = 2, .stub = 8};
    struct world w;

    (void)state;
    open_world(&w, 1);
    assert_false(send_packet(&w, leg(0x0b, 0, FAKE_TYPE, s.level, CONTEXT_ID, "two")));
    buf_clear(rpc_conn_output(w.conn));
    assert_true(send_packet(&w, request(&s)));
    expect(&w, FAULT("23", "02", PROTO));
    close_world(&w);
}

static void another_level_or_context_than_agreed_is_denied(void **state)
{
    static const struct {
        uint8_t agreed, used;
    } rows[] = {{2, 4}, {2, 5}, {4, 2}, {5, 2}, {5, 6}, {6, 5}, {5, 4}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct shape s = {.flags = 3, .level = rows[i].used, .call = 2, .stub = 8};
        struct world w;

        bound(&w, 1, 0, rows[i].agreed);
        assert_true(send_packet(&w, request(&s)));
        expect(&w, FAULT("03", "02", DENIED));
        assert_int_equal(w.calls, 0);
        close_world(&w);
    }
}

static void contexts_of_several_levels_live_side_by_side_up_to_eight(void **state)
{
    struct shape s = {.flags = 3, .level = RPC_LEVEL_INTEGRITY, .call = 2, .stub = 8};
    struct world w;

    (void)state;
    bound(&w, 1, 0, s.level);
    for (uint8_t id = 8; id < 15; id++)
        assert_false(send_packet(&w, leg(0x0e, 0, RPC_AUTHN_SPNEGO, 4 + id % 3, id, "one")));
    buf_clear(rpc_conn_output(w.conn));
    assert_false(send_packet(&w, request(&s)));
    assert_int_equal(w.calls, 1);
    buf_clear(rpc_conn_output(w.conn));
    assert_true(send_packet(&w, leg(0x0e, 0, FAKE_TYPE, s.level, 15, "one")));
    expect(&w, FAULT("23", "01", PROTO));
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bind_with_a_token_is_acked_with_a_trailer),
        cmocka_unit_test(a_last_leg_without_answer_has_an_empty_trailer),
        cmocka_unit_test(requests_are_checked_and_answers_signed_at_every_level),
        cmocka_unit_test(at_level_connect_signatures_are_neither_read_nor_made),
        cmocka_unit_test(a_request_without_trailer_is_for_nobody),
        cmocka_unit_test(every_changed_octet_of_a_signed_request_is_noticed),
        cmocka_unit_test(a_changed_and_a_replayed_request_get_sec_pkg_error),
        cmocka_unit_test(header_signing_holds_for_contexts_that_came_before_it),
        cmocka_unit_test(every_fragment_of_a_call_is_checked),
        cmocka_unit_test(a_call_that_began_bare_cannot_go_on_signed),
        cmocka_unit_test(a_long_answer_is_cut_into_signed_fragments_that_fit),
        cmocka_unit_test(auth3_ends_an_authentication_without_an_answer),
        cmocka_unit_test(after_a_failed_auth3_every_request_is_denied),
        cmocka_unit_test(legs_are_refused_as_the_table_says),
        cmocka_unit_test(an_authentication_that_does_not_end_counts_as_unbound_and_is_cut_off),
        cmocka_unit_test(a_bind_is_over_when_authentication_is),
        cmocka_unit_test(a_request_during_authentication_is_a_protocol_error),
        cmocka_unit_test(another_level_or_context_than_agreed_is_denied),
        cmocka_unit_test(contexts_of_several_levels_live_side_by_side_up_to_eight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
