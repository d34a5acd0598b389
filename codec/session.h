/*
 * What coding one picture after another has in common: the network packed for this machine, and
 * threads. Opening costs milliseconds, so a sequence opens once and codes every picture with it.
 *
 * Nothing in a session depends on a picture, its size or its quality. A session codes one picture
 * at a time; sessions of the same model share its weights and may run at once.
 */
#ifndef MICA_CODEC_SESSION_H
#define MICA_CODEC_SESSION_H

#include "codec/base/pool.h"
#include "models/model.h"

typedef struct MicaSession {
    MicaModel *model; /* a reference */
    const MicaNetwork *network;
    uint32_t cpu_flags; /* allowed and there */
    MicaPool *pool;
} MicaSession;

/* threads: 0 for one per processor; cpu_mask: instruction sets allowed. After a failure the session
 * is zeroed. */
MicaStatus mica_session_open(MicaSession *session, const MicaModel *model, int threads,
                             uint32_t cpu_mask, MicaError *error);

/* A zeroed session is fine. */
void mica_session_close(MicaSession *session);

#endif
