/*
 * What encode_video and decode_video share: models, and videos without a container. Such a file has
 * the extradata, then the packets in the order of decoding, each as 4 bytes of size, lowest first,
 * and the bytes.
 */
#ifndef MICA_TESTS_VECTORS_GOLDEN_VIDEO_H
#define MICA_TESTS_VECTORS_GOLDEN_VIDEO_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mica/mica.h"

#define PACKET_FILE_MAX (1u << 20)

/* A whole file, of at most a megabyte, or the end of the program. */
static inline uint8_t *packet_file_load(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(PACKET_FILE_MAX);
    if (!f || !data) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    *size = fread(data, 1, PACKET_FILE_MAX, f);
    fclose(f);
    return data;
}

/* The next record from *at on, NULL at the end; a file that ends early is the end of the program.
 */
static inline const uint8_t *packet_file_next(const uint8_t *data, size_t size, size_t *at,
                                              size_t *length)
{
    if (*at == size)
        return NULL;
    *length = 0;
    for (int i = 0; i < 4 && size - *at >= 4; i++)
        *length |= (size_t)data[*at + (size_t)i] << (8 * i);
    if (size - *at < 4 || *length > size - *at - 4) {
        fprintf(stderr, "the packet file is cut off\n");
        exit(1);
    }
    *at += 4 + *length;
    return data + *at - *length;
}

static inline void packet_file_put(FILE *f, const uint8_t *data, size_t length)
{
    for (int i = 0; i < 4; i++)
        putc((int)(length >> (8 * i) & 255), f);
    fwrite(data, 1, length, f);
}

/* End the program unless all is well. */
static inline void golden_check(MicaStatus status, const char *what, const MicaError *error)
{
    if (status == MICA_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, error->text);
    exit(1);
}

static inline MicaModel *golden_model(const char *path)
{
    size_t size;
    uint8_t *data = packet_file_load(path, &size);
    MicaModel *model;
    MicaError error;
    golden_check(mica_model_load(&model, data, size, &error), path, &error);
    free(data);
    return model;
}

#endif
