/* Security descriptors: bytes that are read must be written and read again to the same; and so must
 * the text that is made of them. The same input is also tried as text. */
#include <stdlib.h>
#include <string.h>

#include "ldap/sd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sid domain = {.authority = 5, .n = 4, .sub = {21, 1, 2, 3}};
static const struct sd_domain dom = {&domain, &domain};

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Encoding is canonical: what was encoded once decodes and encodes to the same bytes. */
static void check_bytes(const struct sd *sd)
{
    struct buf one = BUF_INIT, two = BUF_INIT;
    struct sd again;
    struct errinfo ei;

    if (sd_encode(sd, &one, &ei) == ERR_OK) {
        must(sd_parse(one.data, one.len, &again, &ei) == ERR_OK);
        must(sd_equal_dacl(sd, &again));
        must(sd_encode(&again, &two, &ei) == ERR_OK);
        must(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
        sd_fini(&again);
    }
    buf_fini(&one);
    buf_fini(&two);
}

static void check_text(const struct sd *sd)
{
    struct buf text = BUF_INIT;
    struct sd again;
    struct errinfo ei;

    if (sd_to_sddl(sd, &dom, &text, &ei) == ERR_OK) {
        must(sd_from_sddl(buf_str(&text), &dom, &again, &ei) == ERR_OK);
        must(sd_equal_dacl(sd, &again));
        sd_fini(&again);
    }
    buf_fini(&text);
}

static void check(struct sd *sd)
{
    struct sd_writer w[4];

    check_bytes(sd);
    check_text(sd);
    (void)sd_granted(sd, &domain, 1, NULL, 0);
    (void)sd_writers(sd, w, 4);
    sd_fini(sd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct errinfo ei;
    struct sd sd;

    if (sd_parse(data, size, &sd, &ei) == ERR_OK)
        check(&sd);
    if (text != NULL && sd_from_sddl(text, &dom, &sd, &ei) == ERR_OK)
        check(&sd);
    free(text);
    return 0;
}
