/* replay: stands in for the fuzz engine where there is none. Runs the target over every file of
 * the folder (or the one file) named on the command line and says how many; an empty corpus
 * fails, for a test that tries nothing must not pass. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)16 * 1024 * 1024)

/* A copy of exactly the input's size, so that a sanitizer sees any step beyond. */
static int run(const char *path)
{
    struct buf content = BUF_INIT;
    struct errinfo ei;
    uint8_t *copy;

    if (file_read(path, INPUT_MAX, &content, &ei) != ERR_OK) {
        fprintf(stderr, "%s\n", ei.text);
        return 1;
    }
    copy = malloc(content.len == 0 ? 1 : content.len);
    if (copy == NULL)
        abort();
    if (content.len != 0)
        memcpy(copy, content.data, content.len);
    LLVMFuzzerTestOneInput(copy, content.len);
    free(copy);
    buf_fini(&content);
    return 0;
}

static int run_folder(const char *path, unsigned *count)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int failed = 0;

    if (folder == NULL) {
        perror(path);
        return 1;
    }
    while ((entry = readdir(folder)) != NULL && !failed) {
        char file[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        failed = run(file);
        ++*count;
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    unsigned count = 0;

    for (int i = 1; i < argc; i++) {
        struct stat st;
        int failed;

        if (stat(argv[i], &st) == 0 && S_ISREG(st.st_mode)) {
            failed = run(argv[i]);
            count++;
        } else {
            failed = run_folder(argv[i], &count);
        }
        if (failed)
            return 1;
    }
    printf("%u inputs replayed\n", count);
    return count == 0;
}
