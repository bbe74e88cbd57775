#include "members/roster.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "members/roster_index.h"

enum key { BY_ID, BY_GUID, BY_NAME, BY_DNS, BY_SID, KEYS };

/* A record's text and SID lie together in one run of bytes of its block: name, DNS name, DN (each
 * with its NUL), SID. */
struct record {
    struct guid id, guid;
    uint32_t hash[KEYS];
    uint32_t text; /* offset of the run */
    uint16_t dn_len;
    uint8_t name_len, dns_len, sid_len;
    bool live, enabled;
};

#define BLOCK 256 /* records */

/* A run of places. Rosters that are copies of one another share the blocks in which they do not
 * differ: a synchronization that changes little costs little. */
struct block {
    _Atomic uint32_t refs; /* a new one counts from 0 */
    struct record records[BLOCK];
    struct buf text;
    size_t wasted; /* bytes of text that no record uses any more */
};

struct roster {
    _Atomic uint32_t refs;
    struct block **blocks;
    uint32_t block_count;
    uint32_t places;     /* all below were used once */
    uint32_t free_place; /* lowest place that may be free */
    size_t count, disabled;
    struct roster_index index[KEYS];
};

/* ---- hashes ---- */

/* FNV-1a over bytes folded to lower case where they are letters A to Z. */
static uint32_t hash_text(const char *text, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];

        h = (h ^ (c >= 'A' && c <= 'Z' ? c | 0x20u : c)) * UINT64_C(0x100000001b3);
    }
    return (uint32_t)(h ^ h >> 32);
}

static uint32_t hash_bytes(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(h ^ h >> 32);
}

static struct block *block_of(const struct roster *r, uint32_t place)
{
    return r->blocks[place / BLOCK];
}

static struct record *record_at(const struct roster *r, uint32_t place)
{
    return &block_of(r, place)->records[place % BLOCK];
}

static uint32_t hash_at(const struct roster *r, enum key key, uint32_t place)
{
    return record_at(r, place)->hash[key];
}

/* One function for each index, since an index does not know which it is. */
static uint32_t hash_id(const void *r, uint32_t place)
{
    return hash_at(r, BY_ID, place);
}

static uint32_t hash_guid(const void *r, uint32_t place)
{
    return hash_at(r, BY_GUID, place);
}

static uint32_t hash_name(const void *r, uint32_t place)
{
    return hash_at(r, BY_NAME, place);
}

static uint32_t hash_dns(const void *r, uint32_t place)
{
    return hash_at(r, BY_DNS, place);
}

static uint32_t hash_sid(const void *r, uint32_t place)
{
    return hash_at(r, BY_SID, place);
}

static roster_hash_fn *const hash_of[KEYS] = {[BY_ID] = hash_id,
                                              [BY_GUID] = hash_guid,
                                              [BY_NAME] = hash_name,
                                              [BY_DNS] = hash_dns,
                                              [BY_SID] = hash_sid};

/* ---- life ---- */

static void block_unref(struct block *b)
{
    if (atomic_fetch_sub(&b->refs, 1) != 0)
        return;
    buf_fini(&b->text);
    free(b);
}

struct roster *roster_new(void)
{
    struct roster *r = calloc(1, sizeof(*r));
    bool ok = r != NULL;

    for (int k = 0; ok && k < KEYS; k++)
        ok = roster_index_init(&r->index[k]);
    if (!ok) {
        roster_unref(r);
        return NULL;
    }
    return r;
}

const struct roster *roster_ref(const struct roster *r)
{
    atomic_fetch_add(&((struct roster *)(uintptr_t)r)->refs, 1);
    return r;
}

void roster_unref(const struct roster *shared)
{
    struct roster *r = (struct roster *)(uintptr_t)shared;

    if (r == NULL || atomic_fetch_sub(&r->refs, 1) != 0) /* a new one counts from 0 */
        return;
    for (int k = 0; k < KEYS; k++)
        roster_index_fini(&r->index[k]);
    for (uint32_t i = 0; i < r->block_count; i++)
        block_unref(r->blocks[i]);
    free(r->blocks);
    free(r);
}

/* ---- records ---- */

static size_t run_len(const struct record *rec)
{
    return (size_t)rec->name_len + 1 + rec->dns_len + 1 + rec->dn_len + 1 + rec->sid_len;
}

static void view(const struct roster *r, uint32_t place, struct member *out)
{
    const struct record *rec = record_at(r, place);
    const char *run = (const char *)block_of(r, place)->text.data + rec->text;

    out->id = rec->id;
    out->guid = rec->guid;
    out->name = run;
    out->dns_name = out->name + rec->name_len + 1;
    out->dn = out->dns_name + rec->dns_len + 1;
    out->sid = (const uint8_t *)out->dn + rec->dn_len + 1;
    out->sid_len = rec->sid_len;
    out->enabled = rec->enabled;
}

static bool indexed(const struct record *rec, int key)
{
    return (key != BY_GUID || !guid_is_zero(&rec->guid)) && (key != BY_DNS || rec->dns_len > 0) &&
           (key != BY_SID || rec->sid_len > 0);
}

static bool same_as(const struct roster *r, uint32_t place, const struct member *m)
{
    struct member had;

    view(r, place, &had);
    return had.enabled == m->enabled && guid_equal(&had.guid, &m->guid) &&
           strcmp(had.name, m->name) == 0 && strcmp(had.dns_name, m->dns_name) == 0 &&
           strcmp(had.dn, m->dn) == 0 && had.sid_len == m->sid_len &&
           memcmp(had.sid, m->sid, m->sid_len) == 0;
}

/* A block of its own with the same content, leaving out text that no record uses. */
static struct block *block_copy(const struct block *from)
{
    struct block *b = malloc(sizeof(*b));

    if (b == NULL)
        return NULL;
    memcpy(b->records, from->records, sizeof(b->records));
    atomic_init(&b->refs, 0);
    b->text = (struct buf)BUF_INIT;
    b->wasted = 0;
    for (int i = 0; i < BLOCK; i++) {
        struct record *rec = &b->records[i];

        if (!rec->live)
            continue;
        rec->text = (uint32_t)b->text.len;
        buf_add(&b->text, from->text.data + from->records[i].text, run_len(rec));
    }
    if (b->text.err == ERR_OK)
        return b;
    block_unref(b);
    return NULL;
}

/* The block of a place, for writing: nobody else's, and without much waste. */
static struct block *own_block(struct roster *r, uint32_t place)
{
    struct block **at = &r->blocks[place / BLOCK];
    struct block *copy;

    if (atomic_load(&(*at)->refs) == 0 && (*at)->wasted < 64 + (*at)->text.len / 2)
        return *at;
    copy = block_copy(*at);
    if (copy == NULL)
        return NULL;
    block_unref(*at);
    *at = copy;
    return copy;
}

static bool add_block(struct roster *r)
{
    struct block **grown =
        realloc(r->blocks, (r->block_count + (size_t)1) * sizeof(struct block *));

    if (grown == NULL)
        return false;
    r->blocks = grown;
    grown[r->block_count] = calloc(1, sizeof(struct block));
    if (grown[r->block_count] == NULL)
        return false;
    r->block_count++;
    return true;
}

/* The block is the roster's own. */
static void drop(struct roster *r, uint32_t place)
{
    struct record *rec = record_at(r, place);

    for (int k = 0; k < KEYS; k++)
        if (indexed(rec, k))
            roster_index_remove(&r->index[k], rec->hash[k], place, hash_of[k], r);
    block_of(r, place)->wasted += run_len(rec);
    r->count--;
    r->disabled -= !rec->enabled;
    rec->live = false;
    if (place < r->free_place)
        r->free_place = place;
}

static uint32_t find_place(struct roster *r)
{
    while (r->free_place < r->places && record_at(r, r->free_place)->live)
        r->free_place++;
    return r->free_place;
}

/* Room for an account at a place, in its block and in every index; nothing changes that shows. */
static bool reserve(struct roster *r, uint32_t place, size_t bytes)
{
    struct block *b;

    if (place / BLOCK == r->block_count && !add_block(r))
        return false;
    for (int k = 0; k < KEYS; k++)
        if (!roster_index_reserve(&r->index[k], hash_of[k], r))
            return false;
    b = own_block(r, place);
    if (b == NULL || buf_grow(&b->text, bytes) == NULL)
        return false;
    b->text.len -= bytes;
    return true;
}

static void put(struct roster *r, uint32_t place, const struct member *m)
{
    struct record *rec = record_at(r, place);
    struct buf *text = &block_of(r, place)->text;

    *rec = (struct record){
        .id = m->id,
        .guid = m->guid,
        .hash = {[BY_ID] = hash_bytes(m->id.b, sizeof(m->id.b)),
                 [BY_GUID] = hash_bytes(m->guid.b, sizeof(m->guid.b)),
                 [BY_NAME] = hash_text(m->name, strlen(m->name)),
                 [BY_DNS] = hash_text(m->dns_name, strlen(m->dns_name)),
                 [BY_SID] = hash_bytes(m->sid, m->sid_len)},
        .text = (uint32_t)text->len,
        .dn_len = (uint16_t)strlen(m->dn),
        .name_len = (uint8_t)strlen(m->name),
        .dns_len = (uint8_t)strlen(m->dns_name),
        .sid_len = (uint8_t)m->sid_len,
        .live = true,
        .enabled = m->enabled,
    };
    buf_add(text, m->name, rec->name_len + (size_t)1);
    buf_add(text, m->dns_name, rec->dns_len + (size_t)1);
    buf_add(text, m->dn, rec->dn_len + (size_t)1);
    buf_add(text, m->sid, m->sid_len);
    if (place == r->places)
        r->places++;
    r->count++;
    r->disabled += !m->enabled;
    for (int k = 0; k < KEYS; k++)
        if (indexed(rec, k))
            roster_index_add(&r->index[k], rec->hash[k], place);
}

enum err roster_set(struct roster *r, const struct member *m, uint32_t *at)
{
    uint32_t had = roster_place(r, &m->id);
    uint32_t place = had != ROSTER_NONE ? had : find_place(r);
    size_t name = strlen(m->name), dns = strlen(m->dns_name), dn = strlen(m->dn);

    if (name == 0 || name > ROSTER_NAME_MAX || dns > ROSTER_DNS_MAX || dn > ROSTER_DN_MAX ||
        m->sid_len > ROSTER_SID_MAX)
        return ERR_LIMIT;
    if (!reserve(r, place, name + 1 + dns + 1 + dn + 1 + m->sid_len))
        return ERR_NOMEM;
    if (had != ROSTER_NONE)
        drop(r, had);
    put(r, place, m);
    if (at != NULL)
        *at = place;
    return ERR_OK;
}

bool roster_has(const struct roster *r, const struct member *m, uint32_t *at)
{
    *at = roster_place(r, &m->id);
    return *at != ROSTER_NONE && same_as(r, *at, m);
}

enum err roster_remove(struct roster *r, const struct guid *id)
{
    uint32_t place = roster_place(r, id);

    if (place == ROSTER_NONE)
        return ERR_NOTFOUND;
    if (own_block(r, place) == NULL)
        return ERR_NOMEM;
    drop(r, place);
    return ERR_OK;
}

/* ---- copies ---- */

struct roster *roster_copy(const struct roster *from)
{
    struct roster *r = calloc(1, sizeof(*r));
    size_t bytes = from->block_count * sizeof(struct block *);
    bool ok = r != NULL;

    if (!ok)
        return NULL;
    r->places = from->places;
    r->free_place = from->free_place;
    r->count = from->count;
    r->disabled = from->disabled;
    for (int k = 0; ok && k < KEYS; k++)
        ok = roster_index_copy(&r->index[k], &from->index[k]);
    r->blocks = ok && bytes > 0 ? malloc(bytes) : NULL;
    ok = ok && (bytes == 0 || r->blocks != NULL);
    for (uint32_t i = 0; ok && i < from->block_count; i++) {
        r->blocks[i] = from->blocks[i];
        atomic_fetch_add(&r->blocks[i]->refs, 1);
        r->block_count++;
    }
    if (!ok) {
        roster_unref(r);
        return NULL;
    }
    return r;
}

/* ---- reading ---- */

size_t roster_count(const struct roster *r)
{
    return r->count;
}

size_t roster_disabled(const struct roster *r)
{
    return r->disabled;
}

size_t roster_bytes(const struct roster *r)
{
    size_t bytes = sizeof(*r);

    for (uint32_t i = 0; i < r->block_count; i++)
        bytes += sizeof(struct block *) + sizeof(struct block) + r->blocks[i]->text.cap;
    for (int k = 0; k < KEYS; k++)
        bytes += ((size_t)r->index[k].mask + 1) * sizeof(uint32_t);
    return bytes;
}

uint32_t roster_places(const struct roster *r)
{
    return r->places;
}

bool roster_at(const struct roster *r, uint32_t at, struct member *out)
{
    if (at >= r->places || !record_at(r, at)->live)
        return false;
    view(r, at, out);
    return true;
}

uint32_t roster_place(const struct roster *r, const struct guid *id)
{
    uint32_t pos = hash_bytes(id->b, sizeof(id->b)), place;

    while ((place = roster_index_next(&r->index[BY_ID], &pos)) != ROSTER_NONE)
        if (guid_equal(&record_at(r, place)->id, id))
            return place;
    return ROSTER_NONE;
}

bool roster_by_id(const struct roster *r, const struct guid *id, struct member *out)
{
    uint32_t place = roster_place(r, id);

    return place != ROSTER_NONE && roster_at(r, place, out);
}

static bool equal_folded(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t x = (uint8_t)a[i], y = (uint8_t)b[i];

        if ((x >= 'A' && x <= 'Z' ? x | 0x20u : x) != (y >= 'A' && y <= 'Z' ? y | 0x20u : y))
            return false;
    }
    return true;
}

static bool matches(const struct roster *r, enum key key, uint32_t place, const void *data,
                    size_t len)
{
    const struct record *rec = record_at(r, place);
    struct member m;

    view(r, place, &m);
    switch (key) {
    case BY_NAME:
        return rec->name_len == len && equal_folded(m.name, data, len);
    case BY_DNS:
        return rec->dns_len == len && equal_folded(m.dns_name, data, len);
    case BY_GUID:
        return memcmp(rec->guid.b, data, len) == 0;
    case BY_SID:
        return rec->sid_len == len && memcmp(m.sid, data, len) == 0;
    default:
        return false;
    }
}

static unsigned find(const struct roster *r, enum key key, uint32_t hash, const void *data,
                     size_t len, struct member *out)
{
    uint32_t pos = hash, place;
    unsigned n = 0;

    while ((place = roster_index_next(&r->index[key], &pos)) != ROSTER_NONE) {
        if (hash_at(r, key, place) != hash || !matches(r, key, place, data, len))
            continue;
        if (n++ == 0)
            view(r, place, out);
    }
    return n;
}

static size_t len_without(const char *text, char last)
{
    size_t len = strlen(text);

    return len > 0 && text[len - 1] == last ? len - 1 : len;
}

unsigned roster_by_name(const struct roster *r, const char *name, struct member *out)
{
    size_t len = len_without(name, '$');

    return find(r, BY_NAME, hash_text(name, len), name, len, out);
}

unsigned roster_by_dns(const struct roster *r, const char *name, struct member *out)
{
    size_t len = len_without(name, '.');

    return len == 0 ? 0 : find(r, BY_DNS, hash_text(name, len), name, len, out);
}

unsigned roster_by_guid(const struct roster *r, const struct guid *guid, struct member *out)
{
    return guid_is_zero(guid) ? 0
                              : find(r, BY_GUID, hash_bytes(guid->b, sizeof(guid->b)), guid->b,
                                     sizeof(guid->b), out);
}

unsigned roster_by_sid(const struct roster *r, const void *sid, size_t len, struct member *out)
{
    return len == 0 ? 0 : find(r, BY_SID, hash_bytes(sid, len), sid, len, out);
}
