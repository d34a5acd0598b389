/* libmica: a learned picture codec. Include this one. */
#ifndef MICA_MICA_H
#define MICA_MICA_H

#include "mica/codec.h"
#include "mica/image.h"
#include "mica/model.h"
#include "mica/status.h"
#include "mica/video.h"

#endif
