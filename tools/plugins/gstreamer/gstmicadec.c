#include "gstmica.h"

#include <gst/video/gstvideodecoder.h>
#include <string.h>

typedef struct GstMicaDec {
    GstVideoDecoder parent;
    MicaVideoDecoder *decoder;
    MicaVideoInfo info;
    GstVideoCodecState *output;
    gint threads;
    gboolean conceal;
    gchar *model, *predicted_model;
} GstMicaDec;

typedef struct GstMicaDecClass {
    GstVideoDecoderClass parent_class;
} GstMicaDecClass;

G_DEFINE_TYPE(GstMicaDec, gst_mica_dec, GST_TYPE_VIDEO_DECODER)

enum { PROP_0, PROP_THREADS, PROP_CONCEAL, PROP_MODEL, PROP_PREDICTED_MODEL };

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(MICA_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(MICA_FORMATS)));

static void close_decoder(GstMicaDec *self)
{
    mica_video_decoder_close(&self->decoder);
    if (self->output)
        gst_video_codec_state_unref(self->output);
    self->output = NULL;
}

/* The output's caps from the header of the stream. */
static void describe(GstMicaDec *self, GstVideoCodecState *input)
{
    const MicaVideoInfo *info = &self->info;
    self->output =
        gst_video_decoder_set_output_state(GST_VIDEO_DECODER(self), gst_mica_to_gst(info->format),
                                           (guint)info->width, (guint)info->height, input);
    GstVideoInfo *to = &self->output->info;
    to->colorimetry.range = info->full_range || info->format <= MICA_PIXEL_RGB24
                                ? GST_VIDEO_COLOR_RANGE_0_255
                                : GST_VIDEO_COLOR_RANGE_16_235;
    to->colorimetry.primaries = gst_video_color_primaries_from_iso((guint)info->primaries);
    to->colorimetry.transfer = gst_video_transfer_function_from_iso((guint)info->transfer);
    to->colorimetry.matrix = info->format == MICA_PIXEL_RGB24
                                 ? GST_VIDEO_COLOR_MATRIX_RGB
                                 : gst_video_color_matrix_from_iso((guint)info->matrix);
    static const GstVideoChromaSite sites[] = {
        GST_VIDEO_CHROMA_SITE_UNKNOWN, GST_VIDEO_CHROMA_SITE_MPEG2, GST_VIDEO_CHROMA_SITE_JPEG,
        GST_VIDEO_CHROMA_SITE_COSITED};
    to->chroma_site = sites[info->chroma_site];
    if (GST_VIDEO_INFO_FPS_N(to) == 0 && info->frame_rate[0] && info->frame_rate[0] <= G_MAXINT &&
        info->frame_rate[1] <= G_MAXINT) {
        GST_VIDEO_INFO_FPS_N(to) = (gint)info->frame_rate[0];
        GST_VIDEO_INFO_FPS_D(to) = (gint)info->frame_rate[1];
    }
    if (info->sample_aspect[0] && info->sample_aspect[0] <= G_MAXINT &&
        info->sample_aspect[1] <= G_MAXINT) {
        GST_VIDEO_INFO_PAR_N(to) = (gint)info->sample_aspect[0];
        GST_VIDEO_INFO_PAR_D(to) = (gint)info->sample_aspect[1];
    }
}

static gboolean set_format(GstVideoDecoder *base, GstVideoCodecState *state)
{
    GstMicaDec *self = (GstMicaDec *)base;
    close_decoder(self);
    GstMapInfo map;
    if (!state->codec_data || !gst_buffer_map(state->codec_data, &map, GST_MAP_READ)) {
        GST_ELEMENT_ERROR(self, STREAM, DECODE, ("the caps have no codec_data"), (NULL));
        return FALSE;
    }
    MicaVideoDecodeSettings settings;
    MicaModel *model = NULL, *predicted = NULL;
    MicaError error = {MICA_OK, ""};
    MicaStatus status = MICA_ERROR_MODEL_MISSING;
    mica_video_decode_defaults(&settings, sizeof settings);
    settings.threads = self->threads;
    settings.conceal = self->conceal;
    const gboolean have_models =
        (!self->model || (model = gst_mica_open_model(GST_ELEMENT(self), self->model))) &&
        (!self->predicted_model ||
         (predicted = gst_mica_open_model(GST_ELEMENT(self), self->predicted_model)));
    if (have_models) {
        settings.model = model;
        settings.predicted_model = predicted;
        memset(&self->info, 0, sizeof self->info);
        self->info.struct_size = sizeof self->info;
        status = mica_video_info_read(map.data, map.size, &self->info, NULL, &error);
        if (status == MICA_OK)
            status = mica_video_decoder_open(&self->decoder, map.data, map.size, &settings, &error);
    }
    mica_model_unref(&model);
    mica_model_unref(&predicted);
    gst_buffer_unmap(state->codec_data, &map);
    if (status != MICA_OK) {
        if (have_models)
            GST_ELEMENT_ERROR(self, STREAM, DECODE, ("%s", error.text), (NULL));
        return FALSE;
    }
    describe(self, state);
    const GstVideoInfo *output = &self->output->info;
    if (self->info.predicted && GST_VIDEO_INFO_FPS_N(output) > 0) {
        const GstClockTime delay =
            gst_util_uint64_scale_int((guint64)self->info.reorder * GST_SECOND,
                                      GST_VIDEO_INFO_FPS_D(output), GST_VIDEO_INFO_FPS_N(output));
        gst_video_decoder_set_latency(base, delay, delay);
    }
    return gst_video_decoder_negotiate(base);
}

static GstFlowReturn push_frame(GstMicaDec *self, GstVideoCodecFrame *frame,
                                const MicaVideoFrame *from)
{
    GstVideoDecoder *base = GST_VIDEO_DECODER(self);
    const GstFlowReturn flow = gst_video_decoder_allocate_output_frame(base, frame);
    GstVideoFrame video;
    if (flow != GST_FLOW_OK) {
        gst_video_decoder_release_frame(base, frame);
        return flow;
    }
    if (!gst_video_frame_map(&video, &self->output->info, frame->output_buffer, GST_MAP_WRITE)) {
        gst_video_decoder_release_frame(base, frame);
        GST_ELEMENT_ERROR(self, STREAM, DECODE, ("cannot write a frame"), (NULL));
        return GST_FLOW_ERROR;
    }
    for (int p = 0; p < mica_pixel_planes(self->info.format); p++) {
        const size_t row = mica_pixel_row_bytes(self->info.format, self->info.width, p);
        guint8 *to = GST_VIDEO_FRAME_PLANE_DATA(&video, p);
        for (int y = 0; y < mica_pixel_rows(self->info.format, self->info.height, p); y++)
            memcpy(to + (gsize)y * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&video, p),
                   from->data[p] + y * from->stride[p], row);
    }
    gst_video_frame_unmap(&video);
    if (from->flags & MICA_VIDEO_CONCEALED)
        GST_BUFFER_FLAG_SET(frame->output_buffer, GST_BUFFER_FLAG_CORRUPTED);
    return gst_video_decoder_finish_frame(base, frame);
}

/* Push every frame that is ready; after the end was sent, all. */
static GstFlowReturn push_frames(GstMicaDec *self)
{
    GstVideoDecoder *base = GST_VIDEO_DECODER(self);
    for (;;) {
        MicaVideoFrame f = {.struct_size = sizeof f};
        MicaError error = {MICA_OK, ""};
        const MicaStatus status = mica_video_decoder_receive(self->decoder, &f, &error);
        if (status == MICA_ERROR_AGAIN || status == MICA_ERROR_EOF)
            return GST_FLOW_OK;
        GstVideoCodecFrame *frame = gst_video_decoder_get_frame(base, GPOINTER_TO_INT(f.opaque));
        GstFlowReturn flow = GST_FLOW_OK;
        if (!frame)
            continue;
        if (status == MICA_OK) {
            flow = push_frame(self, frame, &f);
        } else {
            /* One damaged frame is a warning; many in a row become an error. */
            gst_video_decoder_drop_frame(base, frame);
            GST_VIDEO_DECODER_ERROR(self, 1, STREAM, DECODE, ("%s", error.text), (NULL), flow);
        }
        if (flow != GST_FLOW_OK)
            return flow;
    }
}

static GstFlowReturn handle_frame(GstVideoDecoder *base, GstVideoCodecFrame *frame)
{
    GstMicaDec *self = (GstMicaDec *)base;
    GstMapInfo map;
    if (!self->decoder || !gst_buffer_map(frame->input_buffer, &map, GST_MAP_READ)) {
        gst_video_decoder_release_frame(base, frame);
        return GST_FLOW_NOT_NEGOTIATED;
    }
    const MicaVideoPacket p = {.struct_size = sizeof p,
                               .data = map.data,
                               .size = map.size,
                               .opaque = GINT_TO_POINTER((gint)frame->system_frame_number)};
    MicaError error = {MICA_OK, ""};
    GstFlowReturn flow = GST_FLOW_OK;
    MicaStatus status = mica_video_decoder_send(self->decoder, &p, &error);
    while (status == MICA_ERROR_AGAIN && flow == GST_FLOW_OK) {
        flow = push_frames(self);
        if (flow == GST_FLOW_OK)
            status = mica_video_decoder_send(self->decoder, &p, &error);
    }
    gst_buffer_unmap(frame->input_buffer, &map);
    gst_video_codec_frame_unref(frame);
    if (flow == GST_FLOW_OK && status != MICA_OK) {
        GST_ELEMENT_ERROR(self, STREAM, DECODE, ("%s", error.text), (NULL));
        return GST_FLOW_ERROR;
    }
    return flow == GST_FLOW_OK ? push_frames(self) : flow;
}

static GstFlowReturn drain(GstVideoDecoder *base)
{
    GstMicaDec *self = (GstMicaDec *)base;
    if (!self->decoder)
        return GST_FLOW_OK;
    mica_video_decoder_send(self->decoder, NULL, NULL);
    const GstFlowReturn flow = push_frames(self);
    mica_video_decoder_flush(self->decoder); /* more may come */
    return flow;
}

static gboolean flush(GstVideoDecoder *base)
{
    mica_video_decoder_flush(((GstMicaDec *)base)->decoder);
    return TRUE;
}

static gboolean stop(GstVideoDecoder *base)
{
    close_decoder((GstMicaDec *)base);
    return TRUE;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstMicaDec *self = (GstMicaDec *)object;
    switch (id) {
    case PROP_THREADS:
        self->threads = g_value_get_int(value);
        break;
    case PROP_CONCEAL:
        self->conceal = g_value_get_boolean(value);
        break;
    case PROP_MODEL:
        g_free(self->model);
        self->model = g_value_dup_string(value);
        break;
    case PROP_PREDICTED_MODEL:
        g_free(self->predicted_model);
        self->predicted_model = g_value_dup_string(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    const GstMicaDec *self = (const GstMicaDec *)object;
    switch (id) {
    case PROP_THREADS:
        g_value_set_int(value, self->threads);
        break;
    case PROP_CONCEAL:
        g_value_set_boolean(value, self->conceal);
        break;
    case PROP_MODEL:
        g_value_set_string(value, self->model);
        break;
    case PROP_PREDICTED_MODEL:
        g_value_set_string(value, self->predicted_model);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void finalize(GObject *object)
{
    g_free(((GstMicaDec *)object)->model);
    g_free(((GstMicaDec *)object)->predicted_model);
    G_OBJECT_CLASS(gst_mica_dec_parent_class)->finalize(object);
}

static void gst_mica_dec_init(GstMicaDec *self)
{
    gst_video_decoder_set_packetized(GST_VIDEO_DECODER(self), TRUE);
    gst_video_decoder_set_needs_sync_point(GST_VIDEO_DECODER(self), TRUE);
}

static void gst_mica_dec_class_init(GstMicaDecClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS(class);
    GstElementClass *element = GST_ELEMENT_CLASS(class);
    GstVideoDecoderClass *decoder = GST_VIDEO_DECODER_CLASS(class);
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    g_object_class_install_property(
        object, PROP_THREADS,
        g_param_spec_int("threads", "Threads", "Threads, 0: one per processor", 0, 256, 0, flags));
    g_object_class_install_property(
        object, PROP_CONCEAL,
        g_param_spec_boolean("conceal", "Conceal",
                             "Repeat the last frame in place of a damaged one", FALSE, flags));
    g_object_class_install_property(
        object, PROP_MODEL,
        g_param_spec_string("model", "Model", "Model file; default: by the id in the stream", NULL,
                            flags));
    g_object_class_install_property(
        object, PROP_PREDICTED_MODEL,
        g_param_spec_string("predicted-model", "Predicted model",
                            "Model file of predicted frames; default: by the id in the stream",
                            NULL, flags));

    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    gst_element_class_set_static_metadata(element, "mica video decoder", "Codec/Decoder/Video",
                                          "Decodes video of the mica learned codec", "mica");
    decoder->set_format = set_format;
    decoder->handle_frame = handle_frame;
    decoder->drain = drain;
    decoder->finish = drain;
    decoder->flush = flush;
    decoder->stop = stop;
}
