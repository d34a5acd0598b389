/* Coding of pictures and videos as an encoder does it by default, for programs of this folder that
 * listen inside of it. What is coded is thrown away; what cannot be coded ends the program with a
 * message. */
#ifndef MICA_TRAIN_ENCODE_H
#define MICA_TRAIN_ENCODE_H

#include "mica/mica.h"

/* effort 0 is the default. */
void encode_pictures(const MicaModel *model, int effort, double quality, int count, char **paths);

/* Pictures of equal size as the frames of a video; the second model is that of predicted frames. */
void encode_video(const MicaModel *model, const MicaModel *predicted, double quality, int count,
                  char **paths);

#endif
