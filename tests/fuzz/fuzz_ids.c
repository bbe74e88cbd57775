/* Installation and confirmation IDs. What is read as an IID must be written the same way again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clearing/ids.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The digits alone. */
static void strip(const char *text, char *out, size_t room)
{
    size_t n = 0;

    for (; *text != '\0' && n + 1 < room; text++) {
        if (*text >= '0' && *text <= '9')
            out[n++] = *text;
    }
    out[n] = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t confirm[REALM_CONFIRM_LEN] = {1};
    char *text = strndup((const char *)data, size);
    char again[IID_TEXT_MAX], a[IID_DIGITS + 1], b[IID_DIGITS + 1];
    struct iid id = {.key = "A2222-22222-22222-22222-22222"};
    struct errinfo ei = {0};
    uint8_t zero[HOSTKEY_FREE] = {0};

    if (text == NULL)
        return 0;
    if (iid_read(text, &id, &ei) == ERR_OK) {
        iid_write(&id, again);
        strip(text, a, sizeof(a));
        strip(again, b, sizeof(b));
        if (strcmp(a, b) != 0)
            abort();
    } else if (ei.hresult == 0) {
        abort();
    }
    hostkey_text_from_values(zero, id.key);
    if (cid_check(text, &id, confirm, &ei) != ERR_OK && ei.hresult == 0)
        abort();
    free(text);
    return 0;
}
