/* In place of video where the build did not find FFmpeg's libraries. */
#include "tools/report.h"
#include "tools/video/video.h"

static int refuse(const char *name)
{
    MicaError error;
    report_fail(&error, MICA_ERROR_UNSUPPORTED_FEATURE,
                "this mica was built without FFmpeg's libraries, which video needs");
    return report_error(name, &error);
}

int video_encode(const VideoEncodeJob *job)
{
    return refuse(report_output_name(job->output_name));
}

int video_decode(const VideoDecodeJob *job)
{
    return refuse(report_input_name(job->input_name));
}
