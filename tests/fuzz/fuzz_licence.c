/* A licence as it may stand in a directory. The first byte chooses: the signed whole, or, since no
 * fuzz engine finds a signature, the document behind it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "adba/licence.h"
#include "adba/licence_doc.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1893456000) /* 2030-01-01T00:00:00Z */

static struct bundle bundle;

/* Of a realm that was made for this and is used nowhere else. */
static void load_bundle(void)
{
    struct buf text = BUF_INIT;

    if (file_read(FUZZ_BUNDLE, 100000, &text, NULL) != ERR_OK ||
        bundle_parse(text.data, text.len, "bundle", &bundle, NULL) != ERR_OK)
        abort();
    buf_fini(&text);
}

static void open_whole(const uint8_t *der, size_t size)
{
    struct errinfo ei = {0};
    struct licence l;

    if (licence_open(&bundle, der, size, NOW, &l, &ei) == ERR_OK)
        licence_fini(&l);
    else if (ei.hresult != 0xC004F081u || ei.text[0] == '\0')
        abort(); /* every refusal says why, and what a client shows */
}

/* What parses must come back the same from its own text. */
static void parse_document(const uint8_t *text, size_t size)
{
    struct buf first = BUF_INIT, second = BUF_INIT;
    struct licence l, again;

    if (licence_doc_parse(text, size, &l, NULL) != ERR_OK)
        return;
    if (licence_doc_write(&l, &first, NULL) != ERR_OK ||
        licence_doc_parse(first.data, first.len, &again, NULL) != ERR_OK ||
        licence_doc_write(&again, &second, NULL) != ERR_OK || first.len != second.len ||
        memcmp(first.data, second.data, first.len) != 0)
        abort();
    licence_fini(&l);
    licence_fini(&again);
    buf_fini(&first);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (bundle.issuer == NULL)
        load_bundle();
    if (size > 0 && data[0] % 2 == 0)
        open_whole(data + 1, size - 1);
    else if (size > 0)
        parse_document(data + 1, size - 1);
    return 0;
}
