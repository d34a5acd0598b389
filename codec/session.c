#include "codec/session.h"

#include <string.h>

#include "codec/base/cpu.h"
#include "codec/base/diag.h"
#include "codec/settings.h"

MicaStatus mica_session_open(MicaSession *session, const MicaModel *model, int threads,
                             uint32_t cpu_mask, MicaError *error)
{
    const uint32_t cpu_flags = mica_cpu_flags() & cpu_mask;
    memset(session, 0, sizeof *session);
    session->cpu_flags = cpu_flags;
    /* Counting references is not part of the model's value, hence the const in the signature. */
    session->model = mica_model_ref((MicaModel *)(uintptr_t)model);
    MicaStatus status = mica_model_network(model, cpu_flags, &session->network, error);
    if (status == MICA_OK) {
        status = mica_pool_create(&session->pool, mica_threads_wanted(threads));
        if (status != MICA_OK)
            mica_fail(error, status, "cannot start threads");
    }
    if (status != MICA_OK)
        mica_session_close(session);
    return status;
}

void mica_session_close(MicaSession *session)
{
    mica_pool_destroy(&session->pool);
    mica_model_unref(&session->model);
    memset(session, 0, sizeof *session);
}
