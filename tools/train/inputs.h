/* What the programs of this folder read: models and binary PPM files of 8 bits. A file that cannot
 * be used ends the program with a message. */
#ifndef MICA_TRAIN_INPUTS_H
#define MICA_TRAIN_INPUTS_H

#include <stdio.h>
#include <stdlib.h>

#include "mica/mica.h"

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static inline void check(MicaStatus status, const char *what, const MicaError *error)
{
    if (status != MICA_OK)
        die(what, error->text);
}

static inline MicaModel *load_model(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die(path, "cannot read");
    const long size = ftell(f);
    unsigned char *data = size > 0 ? malloc((size_t)size) : NULL;
    rewind(f);
    if (!data || fread(data, 1, (size_t)size, f) != (size_t)size)
        die(path, "cannot read");
    fclose(f);
    MicaModel *model;
    MicaError error;
    if (mica_model_load(&model, data, (size_t)size, &error) != MICA_OK)
        die(path, error.text);
    free(data);
    return model;
}

static inline void load_picture(const char *path, MicaImage *image)
{
    FILE *f = fopen(path, "rb");
    int width, height, maximum;
    if (!f || fscanf(f, "P6 %d %d %d", &width, &height, &maximum) != 3 || maximum != 255)
        die(path, "not a binary PPM of 8 bits");
    fgetc(f);
    if (mica_image_alloc(image, width, height, 3) != MICA_OK)
        die(path, "no memory");
    for (int y = 0; y < height; y++)
        if (fread(image->data + y * image->stride, 3, (size_t)width, f) != (size_t)width)
            die(path, "too short");
    fclose(f);
}

#endif
