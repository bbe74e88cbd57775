/* The daemon's configuration file: whatever it holds, it is loaded with every number in its row's
 * range, or refused with a line that names the file. And the bytes that carry it to another
 * process. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "settings/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file that exists in memory only, found by its descriptor. */
static const char *file_of(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("adbad.conf", MFD_CLOEXEC);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return path;
}

static void check_range(const struct conf_key *k, const struct settings *s)
{
    const void *member = (const char *)s + k->offset;
    uint32_t number;
    int64_t seconds;

    if (k->min == 0 && k->max == 0)
        return;
    memcpy(&number, member, sizeof(number));
    memcpy(&seconds, member, k->type == CONF_DURATION ? sizeof(seconds) : 0);
    if ((k->type == CONF_UINT && (number < k->min || number > k->max)) ||
        (k->type == CONF_DURATION && (seconds < k->min || seconds > k->max)))
        abort();
}

/* What goes from the steward to the network process: taken, it says the same when it is written
 * again. */
static void check_text(const uint8_t *data, size_t size)
{
    struct buf packed = BUF_INIT, again = BUF_INIT;
    struct settings_text text;
    struct errinfo ei = {0};

    buf_add(&packed, data, size);
    if (settings_text_unpack(&packed, &text, &ei) == ERR_OK) {
        settings_text_pack(&text, &again);
        if (again.len != size || (size > 0 && memcmp(again.data, data, size) != 0))
            abort();
    } else if (ei.code == ERR_OK) {
        abort();
    }
    settings_text_free(&text);
    buf_fini(&packed);
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = file_of(data, size);
    struct errinfo ei = {0};
    struct settings s;

    check_text(data, size);
    if (settings_load(path, &s, &ei) != ERR_OK) {
        if (ei.code == ERR_OK || strstr(ei.text, path) == NULL)
            abort();
        return 0;
    }
    for (size_t i = 0; i < settings_table.n; i++)
        check_range(&settings_table.keys[i], &s);
    settings_free(&s);
    return 0;
}
