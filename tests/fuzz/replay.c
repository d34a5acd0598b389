/* Runs a fuzz target once for each file named or found in a folder named: the corpus as a test,
 * with any compiler. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int inputs;

static void replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    static uint8_t data[1 << 20];
    const size_t size = fread(data, 1, sizeof data, f);
    fclose(f);
    uint8_t *const copy = fuzz_copy(data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs++;
}

int main(int argc, char **argv)
{
    fuzz_check_all = 1;
    for (int i = 1; i < argc; i++) {
        struct dirent **entries;
        const int count = scandir(argv[i], &entries, NULL, alphasort);
        if (count < 0) {
            replay(argv[i]);
            continue;
        }
        for (int k = 0; k < count; k++) {
            char path[4096];
            if (entries[k]->d_name[0] != '.') {
                snprintf(path, sizeof path, "%s/%s", argv[i], entries[k]->d_name);
                replay(path);
            }
            free(entries[k]);
        }
        free(entries);
    }
    printf("%d inputs\n", inputs);
    return inputs ? 0 : 1; /* an empty corpus tests nothing */
}
