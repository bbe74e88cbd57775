/* What goes between the two processes: each kind of answer there and back, cut at every byte, with
 * every byte changed. Requests, the steward's boundary, are also held against their bytes. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "jobs/job.h"
#include "jobs/look.h"
#include "jobs/reading.h"
#include "jobs/request.h"
#include "jobs/secret.h"
#include "jobs/update.h"

#define PACKETS_MAX 64

/* What was sent. */
struct sent {
    struct buf packets[PACKETS_MAX];
    size_t n;
};

static enum err keep(void *arg, const struct buf *packet, struct errinfo *ei)
{
    struct sent *s = arg;

    (void)ei;
    assert_true(s->n < PACKETS_MAX && packet->len <= PACKET_MAX);
    buf_add(&s->packets[s->n++], packet->data, packet->len);
    return ERR_OK;
}

static void forget(struct sent *s)
{
    for (size_t i = 0; i < s->n; i++)
        buf_fini(&s->packets[i]);
    s->n = 0;
}

static enum err give(job_take_fn *take, void *arg, const void *data, size_t len, struct errinfo *ei)
{
    struct wire_rd r = wire_reader(data, len);
    enum packet_type type = (enum packet_type)wire_u8(&r);

    return take(arg, type, &r, ei);
}

static void give_all(const struct sent *s, job_take_fn *take, void *arg)
{
    struct errinfo ei = {0};

    for (size_t i = 0; i < s->n; i++)
        assert_ok(give(take, arg, s->packets[i].data, s->packets[i].len, &ei), &ei);
}

/* Each packet cut short is refused with a reason. Of allocations the exact size lets a sanitizer
 * see a read past the end. */
static void cut_everywhere(const struct buf *p, job_take_fn *take, void *arg)
{
    for (size_t len = 1; len < p->len; len++) {
        uint8_t *copy = malloc(len);
        struct errinfo ei = {0};

        assert_non_null(copy);
        memcpy(copy, p->data, len);
        assert_int_not_equal(give(take, arg, copy, len, &ei), ERR_OK);
        assert_true(ei.code != ERR_OK && ei.text[0] != '\0');
        free(copy);
    }
}

/* Taken or refused with a reason, never more. */
static void change_everywhere(const struct buf *p, job_take_fn *take, void *arg)
{
    uint8_t *copy = malloc(p->len);

    assert_non_null(copy);
    for (size_t at = 0; at < p->len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct errinfo ei = {0};

            memcpy(copy, p->data, p->len);
            copy[at] = (uint8_t)(copy[at] ^ 1u << bit);
            if (give(take, arg, copy, p->len, &ei) != ERR_OK)
                assert_true(ei.code != ERR_OK && ei.text[0] != '\0');
        }
    free(copy);
}

/* ---- requests ---- */

static void a_request_has_these_bytes(void **state)
{
    static const struct {
        struct job_request r;
        size_t len;
        uint8_t bytes[16];
    } rows[] = {
        {{.kind = JOB_LOOK}, 2, {1, 0}},
        {{.kind = JOB_ACCOUNTS}, 5, {1, 1, 0, 0, 0}},
        {{.kind = JOB_ACCOUNTS, .list = true, .cookie = (const uint8_t *)"abc", .cookie_len = 3},
         8,
         {1, 1, 1, 3, 0, 'a', 'b', 'c'}},
        {{.kind = JOB_UPDATE,
          .what = UPDATE_WITHDRAW,
          .relay = PUBLISH_RELAY_DOWN,
          .down_rounds = 7},
         5,
         {1, 2, 2, 2, 7}},
        {{.kind = JOB_UPDATE, .what = UPDATE_RETRACT}, 5, {1, 2, 3, 0, 0}},
        {{.kind = JOB_CLEARING}, 2, {1, 3}},
        {{.kind = JOB_OVERRIDES,
          .overrides = {.port = 0x1234, .activation = 15, .renewal = 43200, .low_priority = true}},
         14,
         {1, 4, 0x34, 0x12, 15, 0, 0, 0, 0xc0, 0xa8, 0, 0, 0, 1}},
        {{.kind = JOB_CLOCK, .seconds = 0x0102}, 10, {1, 5, 2, 1, 0, 0, 0, 0, 0, 0}},
        {{.kind = JOB_LOG}, 2, {1, 6}},
        {{.kind = JOB_KEYTAB}, 2, {1, 7}},
        {{.kind = JOB_LISTEN, .address = 0x0102}, 4, {1, 8, 2, 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = BUF_INIT;
        struct job_request back;
        struct errinfo ei = {0};

        assert_int_equal(request_write(&rows[i].r, &out), ERR_OK);
        assert_int_equal(out.len, rows[i].len);
        assert_memory_equal(out.data, rows[i].bytes, rows[i].len);
        assert_ok(request_read(out.data, out.len, &back, &ei), &ei);
        assert_int_equal(back.kind, rows[i].r.kind);
        assert_int_equal(back.list, rows[i].r.list);
        assert_int_equal(back.cookie_len, rows[i].r.cookie_len);
        if (back.cookie_len > 0)
            assert_memory_equal(back.cookie, rows[i].r.cookie, back.cookie_len);
        assert_int_equal(back.address, rows[i].r.address);
        assert_int_equal(back.what, rows[i].r.what);
        assert_int_equal(back.relay, rows[i].r.relay);
        assert_int_equal(back.down_rounds, rows[i].r.down_rounds);
        buf_fini(&out);
    }
}

static void a_request_that_breaks_the_format_is_refused_and_empty(void **state)
{
    static const struct {
        size_t len;
        uint8_t bytes[8];
    } rows[] = {
        {0, {0}},
        {1, {1}},
        {2, {2, 0}},          /* another type */
        {2, {1, 4}},          /* no such kind */
        {3, {1, 0, 0}},       /* a look with something behind it */
        {5, {1, 1, 2, 0, 0}}, /* list is neither yes nor no */
        {5, {1, 1, 0, 1, 0}}, /* a cookie that is not there */
        {4, {1, 1, 0, 0}},
        {5, {1, 2, 4, 0, 0}}, /* no such deed */
        {5, {1, 2, 0, 4, 0}}, /* no such health */
        {4, {1, 2, 0, 0}},
        {6, {1, 2, 0, 0, 0, 0}},
        {3, {1, 3, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct job_request r, none = {0};
        struct errinfo ei = {0};

        assert_int_not_equal(request_read(rows[i].bytes, rows[i].len, &r, &ei), ERR_OK);
        assert_memory_equal(&r, &none, sizeof(r));
        assert_true(ei.text[0] != '\0');
    }
}

static void a_cookie_is_bounded_on_both_sides(void **state)
{
    uint8_t *cookie = calloc(1, REQUEST_COOKIE_MAX + 1);
    struct job_request r = {
        .kind = JOB_ACCOUNTS, .cookie = cookie, .cookie_len = REQUEST_COOKIE_MAX};
    struct job_request back;
    struct buf out = BUF_INIT;
    struct errinfo ei = {0};

    (void)state;
    assert_int_equal(request_write(&r, &out), ERR_OK);
    assert_ok(request_read(out.data, out.len, &back, &ei), &ei);
    assert_int_equal(back.cookie_len, REQUEST_COOKIE_MAX);
    buf_add(&out, "", 1);
    out.data[3] = (REQUEST_COOKIE_MAX + 1) & 0xff;
    out.data[4] = (REQUEST_COOKIE_MAX + 1) >> 8;
    assert_int_equal(request_read(out.data, out.len, &back, &ei), ERR_LIMIT);
    r.cookie_len++;
    assert_int_equal(request_write(&r, &out), ERR_LIMIT);
    buf_fini(&out);
    free(cookie);
}

/* ---- looks ---- */

static void make_look(struct look *l)
{
    static const char *const texts[] = {"created: it was missing", "can't be kept"};
    struct covered *c;

    *l = (struct look){.up = true, .object_count = 3, .good = 2, .why = "its schema is old"};
    strcpy(l->forest, "lab.example");
    l->facts = json_pack("{s:s, s:i}", "forest", "lab.example", "schema_version", 88);
    l->checks = json_pack("[{s:s, s:n}]", "check", "clock", "remedy");
    l->objects = json_pack("[{s:s}, {s:s, s:n}, {s:b}]", "name", "A \"b\" \xc3\xa9", "name", "B",
                           "why", "good", true);
    c = look_cover(l, 1500); /* more than fit in one packet */
    for (size_t i = 0; i < 1500; i++) {
        memset(&c[i], 0, sizeof(c[i]));
        c[i].kms_id.b[0] = (uint8_t)i;
        c[i].kms_id.b[15] = (uint8_t)(i >> 8);
        c[i].not_after = INT64_C(4000000000) + (int64_t)i;
    }
    for (size_t i = 0; i < 2; i++)
        strcpy(tended_add(&l->tended, i == 0 ? LOGL_INFO : LOGL_WARN, i == 0)->text, texts[i]);
}

static void a_look_comes_back_as_it_was(void **state)
{
    struct sent s = {.n = 0};
    struct packet_out o = {.send = keep, .arg = &s};
    struct look l, back = {0};
    struct errinfo ei = {0};

    (void)state;
    make_look(&l);
    assert_ok(look_send(&l, &o, &ei), &ei);
    give_all(&s, look_take, &back);
    assert_true(back.up);
    assert_string_equal(back.why, l.why);
    assert_string_equal(back.forest, l.forest);
    assert_true(json_equal(back.facts, l.facts) && json_equal(back.objects, l.objects));
    assert_true(json_equal(back.checks, l.checks));
    assert_int_equal(back.object_count, 3);
    assert_int_equal(back.good, 2);
    assert_int_equal(back.covered_count, 1500);
    assert_memory_equal(back.covered, l.covered, 1500 * sizeof(*l.covered));
    assert_int_equal(back.tended.n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(back.tended.lines[i].text, l.tended.lines[i].text);
        assert_int_equal(back.tended.lines[i].level, l.tended.lines[i].level);
        assert_int_equal(back.tended.lines[i].deed, l.tended.lines[i].deed);
    }
    look_fini(&back);
    look_fini(&l);
    forget(&s);
    buf_fini(&o.buf);
}

static void a_directory_that_is_down_comes_back_with_the_reason(void **state)
{
    struct sent s = {.n = 0};
    struct packet_out o = {.send = keep, .arg = &s};
    struct look l = {.why = "connect to ldap://dc: refused"}, back = {0};
    struct errinfo ei = {0};

    (void)state;
    assert_ok(look_send(&l, &o, &ei), &ei);
    assert_int_equal(s.n, 1);
    give_all(&s, look_take, &back);
    assert_false(back.up);
    assert_string_equal(back.why, l.why);
    assert_null(back.facts);
    look_fini(&back);
    forget(&s);
    buf_fini(&o.buf);
}

static void a_look_that_is_damaged_is_refused_or_taken(void **state)
{
    struct sent s = {.n = 0};
    struct packet_out o = {.send = keep, .arg = &s};
    struct look l, into = {0};
    struct errinfo ei = {0};

    (void)state;
    make_look(&l);
    l.covered_count = 3; /* bytes enough */
    assert_ok(look_send(&l, &o, &ei), &ei);
    for (size_t i = 0; i < s.n; i++) {
        cut_everywhere(&s.packets[i], look_take, &into);
        change_everywhere(&s.packets[i], look_take, &into);
    }
    look_fini(&into);
    l.covered_count = 1500;
    look_fini(&l);
    forget(&s);
    buf_fini(&o.buf);
}

/* ---- computer accounts ---- */

static const uint8_t sid[28] = {1, 5, 0, 0, 0, 0, 0, 5, 21};

static struct members_note note_of(unsigned n, enum members_change what)
{
    struct members_note note = {.what = what,
                                .member = {.name = "PC",
                                           .dns_name = n % 2 == 0 ? "" : "pc.lab.example",
                                           .dn = "CN=PC,CN=Computers,DC=lab,DC=example",
                                           .sid = sid,
                                           .sid_len = n % 3 == 0 ? 0 : sizeof(sid),
                                           .enabled = n % 5 != 0}};

    note.member.id.b[0] = (uint8_t)n;
    note.member.id.b[1] = (uint8_t)(n >> 8);
    note.member.guid.b[9] = (uint8_t)n;
    return note;
}

static enum err expect_note(void *arg, const struct members_note *note, struct errinfo *ei)
{
    unsigned *n = arg;
    struct members_note want = note_of(*n, (enum members_change)(*n % 3));

    (void)ei;
    (*n)++;
    assert_int_equal(note->what, want.what);
    assert_memory_equal(&note->member.id, &want.member.id, sizeof(struct guid));
    if (want.what == MEMBERS_SAME)
        assert_string_equal(note->member.dn, want.member.dn);
    if (want.what != MEMBERS_PUT)
        return ERR_OK;
    assert_memory_equal(&note->member.guid, &want.member.guid, sizeof(struct guid));
    assert_string_equal(note->member.name, want.member.name);
    assert_string_equal(note->member.dns_name, want.member.dns_name);
    assert_string_equal(note->member.dn, want.member.dn);
    assert_int_equal(note->member.sid_len, want.member.sid_len);
    if (want.member.sid_len > 0)
        assert_memory_equal(note->member.sid, sid, sizeof(sid));
    assert_int_equal(note->member.enabled, want.member.enabled);
    return ERR_OK;
}

static void send_accounts(unsigned n, struct sent *s)
{
    struct packet_out o = {.send = keep, .arg = s};
    struct reading_out out = {.out = &o};
    struct members_reading reading = {.full = true,
                                      .complete = true,
                                      .why_full = "it is the first reading",
                                      .entries = 1u << 20,
                                      .unusable = 3};
    struct errinfo ei = {0};

    for (unsigned i = 0; i < n; i++) {
        struct members_note note = note_of(i, (enum members_change)(i % 3));

        assert_ok(reading_note(&out, &note, &ei), &ei);
    }
    buf_add(&reading.cookie, "where it was", 12);
    assert_ok(reading_send(&out, &reading, &ei), &ei);
    members_reading_fini(&reading);
    buf_fini(&o.buf);
}

static void accounts_come_in_order_and_many_in_a_packet(void **state)
{
    struct sent s = {.n = 0};
    unsigned seen = 0;
    struct reading_in in = {.each = expect_note, .arg = &seen};

    (void)state;
    send_accounts(5000, &s);
    assert_in_range(s.n, 5, 20);
    give_all(&s, reading_take, &in);
    assert_int_equal(seen, 5000);
    assert_true(in.whole && in.reading.full && in.reading.complete);
    assert_false(in.reading.tells_deletions);
    assert_string_equal(in.reading.why_full, "it is the first reading");
    assert_int_equal(in.reading.entries, 1u << 20);
    assert_int_equal(in.reading.unusable, 3);
    assert_int_equal(in.reading.cookie.len, 12);
    assert_memory_equal(in.reading.cookie.data, "where it was", 12);
    members_reading_fini(&in.reading);
    forget(&s);
}

static enum err drop_note(void *arg, const struct members_note *note, struct errinfo *ei)
{
    (void)arg;
    (void)ei;
    if (note->what == MEMBERS_PUT)
        assert_true(note->member.name[0] != '\0' && note->member.sid_len <= ROSTER_SID_MAX);
    return ERR_OK;
}

static enum err never_cut(void *arg, enum packet_type type, struct wire_rd *r, struct errinfo *ei)
{
    enum err e = reading_take(arg, type, r, ei);

    /* Cut between two notes it is well-formed. */
    return e == ERR_OK && type == PACKET_NOTES ? err_fail(ei, ERR_TRUNCATED, "cut between two") : e;
}

static void accounts_that_are_damaged_are_refused_or_taken(void **state)
{
    struct sent s = {.n = 0};
    struct reading_in in = {.each = drop_note};

    (void)state;
    send_accounts(4, &s);
    for (size_t i = 0; i < s.n; i++) {
        cut_everywhere(&s.packets[i], never_cut, &in);
        change_everywhere(&s.packets[i], reading_take, &in);
    }
    members_reading_fini(&in.reading);
    forget(&s);
}

/* ---- DNS ---- */

static void make_update(struct update *u)
{
    struct update_domain *d;

    *u = (struct update){.record = {.priority = 1, .weight = 65535, .port = 1688}};
    strcpy(u->record.host, "kms.lab.example");
    d = update_add(u, "lab.example", true);
    strcpy(d->zone, "lab.example");
    strcpy(d->primary, "dc1.lab.example");
    d->seen = true;
    d->state = PUBLISH_OUTDATED;
    d->records = calloc(2, sizeof(*d->records));
    d->n = 2;
    for (size_t i = 0; i < 2; i++) {
        d->records[i].record = u->record;
        d->records[i].record.port = (uint16_t)(1688 + i);
        d->records[i].whose = i == 0 ? PUBLISH_WANTED : PUBLISH_OTHER;
    }
    d = update_add(u, "other.example", false);
    d->result = err_fail_hr(&d->why, ERR_REFUSED, 0xC004F042, "update %s: refused", d->domain);
}

static void a_round_of_dns_comes_back_as_it_was(void **state)
{
    struct sent s = {.n = 0};
    struct packet_out o = {.send = keep, .arg = &s};
    struct update u, back = {0};
    struct errinfo ei = {0};

    (void)state;
    make_update(&u);
    assert_ok(update_send(&u, &o, &ei), &ei);
    give_all(&s, update_take, &back);
    assert_memory_equal(&back.record, &u.record, sizeof(u.record));
    assert_int_equal(back.result, ERR_OK);
    assert_int_equal(back.n, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct update_domain *a = &back.domains[i], *b = &u.domains[i];

        assert_string_equal(a->domain, b->domain);
        assert_string_equal(a->zone, b->zone);
        assert_string_equal(a->primary, b->primary);
        assert_int_equal(a->configured, b->configured);
        assert_int_equal(a->seen, b->seen);
        assert_int_equal(a->state, b->state);
        assert_int_equal(a->result, b->result);
        assert_int_equal(a->why.hresult, b->why.hresult);
        assert_string_equal(a->why.text, b->why.text);
        assert_int_equal(a->n, b->n);
        for (size_t k = 0; k < a->n; k++)
            assert_true(publish_record_same(&a->records[k].record, &b->records[k].record) &&
                        a->records[k].whose == b->records[k].whose);
    }
    update_fini(&back);
    update_fini(&u);
    forget(&s);
    buf_fini(&o.buf);
}

static void a_round_that_is_damaged_is_refused_or_taken(void **state)
{
    struct sent s = {.n = 0};
    struct packet_out o = {.send = keep, .arg = &s};
    struct update u, into = {0};
    struct errinfo ei = {0};

    (void)state;
    make_update(&u);
    assert_ok(update_send(&u, &o, &ei), &ei);
    assert_int_not_equal(give(update_take, &into, s.packets[2].data, s.packets[2].len, &ei),
                         ERR_OK); /* a record of no domain */
    for (size_t i = 0; i < s.n; i++) {
        cut_everywhere(&s.packets[i], update_take, &into);
        change_everywhere(&s.packets[i], update_take, &into);
    }
    update_fini(&into);
    update_fini(&u);
    forget(&s);
    buf_fini(&o.buf);
}

/* ---- the rest ---- */

static void the_clearing_key_comes_back_as_it_was(void **state)
{
    struct sent s = {.n = 0};
    struct packet_out o = {.send = keep, .arg = &s};
    struct secret a = {.realm = "0123456789abcdef"}, b = {.realm = ""};
    struct errinfo ei = {0};

    (void)state;
    for (unsigned i = 0; i < SECRET_LEN; i++)
        a.key[i] = (uint8_t)(i * 7 + 1);
    assert_ok(secret_send(&a, &o, &ei), &ei);
    give_all(&s, secret_take, &b);
    assert_memory_equal(&a, &b, sizeof(a));
    cut_everywhere(&s.packets[0], secret_take, &b);
    change_everywhere(&s.packets[0], secret_take, &b);
    forget(&s);
    buf_fini(&o.buf);
}

static void texts_that_do_not_fit_are_refused(void **state)
{
    static const uint8_t with_nul[] = {3, 0, 'a', 0, 'b'}, long_one[] = {4, 0, 'a', 'b', 'c', 'd'};
    struct wire_rd r = wire_reader(with_nul, sizeof(with_nul));
    char out[4];

    (void)state;
    packet_text_into(&r, out);
    assert_int_equal(wire_end(&r), ERR_MALFORMED);
    assert_string_equal(out, "");
    r = wire_reader(long_one, sizeof(long_one));
    packet_text_into(&r, out);
    assert_int_equal(wire_end(&r), ERR_MALFORMED);
    r = wire_reader(long_one, sizeof(long_one));
    r.start = r.pos = (const uint8_t[]){3, 0, 'a', 'b', 'c'};
    r.end = r.pos + 5;
    packet_text_into(&r, out);
    assert_int_equal(wire_end(&r), ERR_OK);
    assert_string_equal(out, "abc");
}

static void a_packet_above_the_limit_is_not_sent(void **state)
{
    struct sent s = {.n = 0};
    struct packet_out o = {.send = keep, .arg = &s};
    struct wire_wr w = packet_begin(&o, PACKET_LOOK);
    struct errinfo ei = {0};
    char *long_text = calloc(1, 70000);

    (void)state;
    memset(long_text, 'x', 60000);
    packet_put_text(&w, long_text);
    packet_put_text(&w, "more and more and more");
    assert_ok(packet_send(&o, &w, &ei), &ei);
    packet_put_text(&w, long_text);
    assert_int_equal(packet_send(&o, &w, &ei), ERR_LIMIT);
    memset(long_text, 'x', 69999);
    w = packet_begin(&o, PACKET_LOOK);
    packet_put_text(&w, long_text);
    assert_int_equal(packet_send(&o, &w, &ei), ERR_LIMIT);
    assert_int_equal(s.n, 1);
    free(long_text);
    forget(&s);
    buf_fini(&o.buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_these_bytes),
        cmocka_unit_test(a_request_that_breaks_the_format_is_refused_and_empty),
        cmocka_unit_test(a_cookie_is_bounded_on_both_sides),
        cmocka_unit_test(a_look_comes_back_as_it_was),
        cmocka_unit_test(a_directory_that_is_down_comes_back_with_the_reason),
        cmocka_unit_test(a_look_that_is_damaged_is_refused_or_taken),
        cmocka_unit_test(accounts_come_in_order_and_many_in_a_packet),
        cmocka_unit_test(accounts_that_are_damaged_are_refused_or_taken),
        cmocka_unit_test(a_round_of_dns_comes_back_as_it_was),
        cmocka_unit_test(a_round_that_is_damaged_is_refused_or_taken),
        cmocka_unit_test(the_clearing_key_comes_back_as_it_was),
        cmocka_unit_test(texts_that_do_not_fit_are_refused),
        cmocka_unit_test(a_packet_above_the_limit_is_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
