/* What goes between the network process and the steward, both ways. The first byte chooses: a
 * request, which is the steward's boundary, or an answer's packet of one kind of job. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/look.h"
#include "jobs/reading.h"
#include "jobs/request.h"
#include "jobs/secret.h"
#include "jobs/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken says the same when it is written again. */
static void check_request(const uint8_t *data, size_t size)
{
    struct buf again = BUF_INIT;
    struct job_request r;
    struct errinfo ei = {0};

    if (request_read(data, size, &r, &ei) != ERR_OK) {
        if (ei.code == ERR_OK)
            abort();
        return;
    }
    if (request_write(&r, &again) != ERR_OK || again.len != size ||
        memcmp(again.data, data, size) != 0)
        abort();
    buf_fini(&again);
}

static enum err each(void *arg, const struct members_note *n, struct errinfo *ei)
{
    (void)arg;
    (void)ei;
    if (n->what == MEMBERS_PUT &&
        (n->member.name[0] == '\0' || n->member.sid_len > ROSTER_SID_MAX ||
         strlen(n->member.dn) > ROSTER_DN_MAX))
        abort();
    return ERR_OK;
}

static void check_answer(uint8_t which, enum packet_type type, struct wire_rd *r)
{
    struct look l = {0};
    struct reading_in in = {.each = each};
    struct update u = {0};
    struct secret s;
    struct errinfo ei = {0};
    enum err e;

    if (which == 1)
        e = look_take(&l, type, r, &ei);
    else if (which == 2)
        e = reading_take(&in, type, r, &ei);
    else if (which == 3)
        e = update_take(&u, type, r, &ei);
    else
        e = secret_take(&s, type, r, &ei);
    if (e != ei.code)
        abort();
    look_fini(&l);
    members_reading_fini(&in.reading);
    update_fini(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_rd r;
    enum packet_type type;

    if (size < 2)
        return 0;
    if (data[0] % 5 == 0) {
        check_request(data + 1, size - 1);
        return 0;
    }
    r = wire_reader(data + 1, size - 1);
    type = (enum packet_type)wire_u8(&r);
    check_answer(data[0] % 5, type, &r);
    return 0;
}
