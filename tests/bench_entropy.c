/* bench_entropy [--cpu LEVELS] [--runs N] [FOLDER TAG]: the entropy coder by itself, see
 * tools/bench_coder.h. JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mica/codec.h"
#include "tools/bench_coder.h"

int main(int argc, char **argv)
{
    uint32_t flags = mica_cpu_flags(), wanted;
    int runs = 15, i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (!strcmp(argv[i], "--cpu") && mica_cpu_flags_parse(argv[i + 1], &wanted) == MICA_OK)
            flags &= wanted;
        else if (!strcmp(argv[i], "--runs"))
            runs = atoi(argv[i + 1]);
        else
            return 2;
    }
    const char *folder = i < argc ? argv[i] : NULL, *tag = i + 1 < argc ? argv[i + 1] : "kodak";
    BenchCoderResult results[BENCH_CODER_SETS];
    MicaStatus status = bench_coder(folder, tag, flags, runs, results);
    if (status != MICA_OK) {
        fprintf(stderr, "bench_entropy: %s\n", mica_status_string(status));
        return 1;
    }
    char text[128];
    mica_cpu_flags_text(flags, text, sizeof(text));
    printf("{\"data\": \"%s\", \"cpu\": \"%s\", \"coder\": {\n", folder ? tag : "generated", text);
    for (int k = 0; k < BENCH_CODER_SETS; k++) {
        const BenchCoderResult *r = results + k;
        printf("  \"%s\": {\"symbols\": %zu, \"bytes\": %zu, \"encode_ns_per_symbol\": %.2f, "
               "\"encode_median\": %.2f, \"decode_ns_per_symbol\": %.2f, \"decode_median\": %.2f, "
               "\"size_over_ideal_percent\": %.4f}%s\n",
               r->name, r->symbols, r->bytes, r->encode_ns, r->encode_median_ns, r->decode_ns,
               r->decode_median_ns, r->over_ideal_percent, k + 1 < BENCH_CODER_SETS ? "," : "");
    }
    puts("}}");
    return 0;
}
