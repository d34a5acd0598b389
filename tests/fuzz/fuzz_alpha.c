/*
 * The alpha section: no crash, no read past the end, nothing left unset; what is accepted encodes
 * to a section that decodes to the same.
 *
 * The first 2 bytes are the size of the picture, the third its depth, the rest is the section.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/alpha.h"
#include "fuzz.h"

static MicaPool *pool;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!pool)
        fuzz_require(mica_pool_create(&pool, 1) == MICA_OK, "a pool");
    if (size < 3)
        return 0;
    const int width = 1 + data[0] % 80, height = 1 + data[1] % 80, depth = data[2] & 1 ? 16 : 8;
    MicaImage a, b;
    fuzz_require(mica_image_alloc_depth(&a, width, height, 2, depth) == MICA_OK, "memory");
    fuzz_require(mica_image_alloc_depth(&b, width, height, 2, depth) == MICA_OK, "memory");
    memset(a.data, 0, (size_t)(a.stride * height));
    memset(b.data, 0, (size_t)(b.stride * height));
    uint8_t *const section = fuzz_copy(data + 3, size - 3);
    MicaError error = {0};
    const MicaStatus status =
        mica_alpha_decode(section, size - 3, width, height, depth, pool, &a, 0, 0, &error);
    if (status == MICA_OK) {
        MicaWriter out = {0};
        fuzz_require(mica_alpha_encode(&a, 100, pool, &out) == MICA_OK, "encode");
        fuzz_require(mica_alpha_decode(out.data, out.size, width, height, depth, pool, &b, 0, 0,
                                       NULL) == MICA_OK,
                     "decode again");
        fuzz_require(memcmp(a.data, b.data, (size_t)(a.stride * height)) == 0, "the same alpha");
        mica_writer_free(&out);
    } else {
        fuzz_require(status == MICA_ERROR_BITSTREAM && error.text[0], "a message");
    }
    free(section);
    mica_image_free(&a);
    mica_image_free(&b);
    return 0;
}
