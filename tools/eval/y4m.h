/* One-frame YUV4MPEG2 files, 8 bits 4:4:4, full-range BT.601: what video encoders read and write.
 */
#ifndef MICA_TOOLS_EVAL_Y4M_H
#define MICA_TOOLS_EVAL_Y4M_H

#include <stddef.h>

#include "mica/image.h"
#include "tools/files.h"

/* Write errors are left to output_file_commit(). */
MicaStatus y4m_write(OutputFile *out, const MicaImage *image);

MicaStatus y4m_read(const uint8_t *data, size_t size, MicaImage *image, MicaError *error);

#endif
