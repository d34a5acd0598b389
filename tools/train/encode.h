/* Coding of pictures and videos as an encoder does it by default, for programs of this folder that
 * listen inside of it. What is coded is thrown away; what cannot be coded ends the program with a
 * message. */
#ifndef MICA_TRAIN_ENCODE_H
#define MICA_TRAIN_ENCODE_H

#include "models/network.h"
#include "mica/mica.h"

typedef struct EncodeOptions {
    MicaModel *predicted; /* of the frames of a video, NULL: pictures */
    int effort;           /* 0: the default */
} EncodeOptions;

/* Take "-p PREDICTED.mmodel" and "-e EFFORT" from the front of the arguments. */
EncodeOptions encode_options(int *argc, char ***argv);

/* That of the pictures or frames that are listened to. */
const MicaNetwork *encode_network(const MicaModel *model, const EncodeOptions *options);

/* Pictures, or with options->predicted pictures of equal size as the frames of a video, one key
 * frame and frames predicted from those before. */
void encode_all(const MicaModel *model, const EncodeOptions *options, double quality, int count,
                char **paths);

#endif
