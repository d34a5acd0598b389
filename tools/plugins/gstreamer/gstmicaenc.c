#include "gstmica.h"

#include <gst/video/gstvideoencoder.h>

typedef struct GstMicaEnc {
    GstVideoEncoder parent;
    MicaVideoEncoder *encoder;
    GstVideoCodecState *input;
    gdouble quality;
    gint effort, threads, gop, bframes, lookahead, preset;
    gboolean scenecut;
    guint bitrate; /* kbit/s */
    gchar *model, *predicted_model;
} GstMicaEnc;

typedef struct GstMicaEncClass {
    GstVideoEncoderClass parent_class;
} GstMicaEncClass;

G_DEFINE_TYPE(GstMicaEnc, gst_mica_enc, GST_TYPE_VIDEO_ENCODER)

enum {
    PROP_0,
    PROP_QUALITY,
    PROP_EFFORT,
    PROP_THREADS,
    PROP_GOP,
    PROP_BFRAMES,
    PROP_LOOKAHEAD,
    PROP_PRESET,
    PROP_SCENECUT,
    PROP_BITRATE,
    PROP_MODEL,
    PROP_PREDICTED_MODEL
};

/* What the property bframes may be; the default first. */
static GType bframes_type(void)
{
    static const GEnumValue values[] = {{0, "No B frames, no delay", "0"},
                                        {1, "1 between two others", "1"},
                                        {3, "3 between two others", "3"},
                                        {7, "7 between two others", "7"},
                                        {0, NULL, NULL}};
    static gsize type = 0;
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstMicaBFrames", values));
    return type;
}

static GType preset_type(void)
{
    static const GEnumValue values[] = {{MICA_PRESET_MAIN, "V", "main"},
                                        {MICA_PRESET_FAST, "V-fast: faster, more bits", "fast"},
                                        {0, NULL, NULL}};
    static gsize type = 0;
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstMicaPreset", values));
    return type;
}

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(MICA_FORMATS)));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(MICA_CAPS));

static void describe(const GstVideoInfo *from, MicaVideoInfo *info)
{
    mica_video_info_defaults(info, sizeof *info);
    gst_mica_from_gst(GST_VIDEO_INFO_FORMAT(from), &info->format);
    info->width = GST_VIDEO_INFO_WIDTH(from);
    info->height = GST_VIDEO_INFO_HEIGHT(from);
    info->full_range = from->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
    info->primaries = (int)gst_video_color_primaries_to_iso(from->colorimetry.primaries);
    info->transfer = (int)gst_video_transfer_function_to_iso(from->colorimetry.transfer);
    info->matrix = (int)gst_video_color_matrix_to_iso(from->colorimetry.matrix);
    const GstVideoChromaSite site = GST_VIDEO_INFO_CHROMA_SITE(from);
    if (site == GST_VIDEO_CHROMA_SITE_MPEG2)
        info->chroma_site = MICA_CHROMA_LEFT;
    else if (site == GST_VIDEO_CHROMA_SITE_JPEG)
        info->chroma_site = MICA_CHROMA_CENTER;
    else if (site == GST_VIDEO_CHROMA_SITE_COSITED)
        info->chroma_site = MICA_CHROMA_TOP_LEFT;
    if (GST_VIDEO_INFO_FPS_N(from) > 0 && GST_VIDEO_INFO_FPS_D(from) > 0) {
        info->frame_rate[0] = (uint32_t)GST_VIDEO_INFO_FPS_N(from);
        info->frame_rate[1] = (uint32_t)GST_VIDEO_INFO_FPS_D(from);
    }
    if (GST_VIDEO_INFO_PAR_N(from) > 0 && GST_VIDEO_INFO_PAR_D(from) > 0) {
        info->sample_aspect[0] = (uint32_t)GST_VIDEO_INFO_PAR_N(from);
        info->sample_aspect[1] = (uint32_t)GST_VIDEO_INFO_PAR_D(from);
    }
}

/* Push every packet that is ready; after the end was sent, all. */
static GstFlowReturn push_packets(GstMicaEnc *self)
{
    GstVideoEncoder *base = GST_VIDEO_ENCODER(self);
    for (;;) {
        MicaVideoPacket p = {.struct_size = sizeof p};
        MicaError error = {MICA_OK, ""};
        const MicaStatus status = mica_video_encoder_receive(self->encoder, &p, &error);
        if (status == MICA_ERROR_AGAIN || status == MICA_ERROR_EOF)
            return GST_FLOW_OK;
        if (status != MICA_OK) {
            GST_ELEMENT_ERROR(self, STREAM, ENCODE, ("%s", error.text), (NULL));
            return GST_FLOW_ERROR;
        }
        GstVideoCodecFrame *frame = gst_video_encoder_get_frame(base, GPOINTER_TO_INT(p.opaque));
        if (!frame)
            continue;
        frame->output_buffer = gst_buffer_new_allocate(NULL, p.size, NULL);
        gst_buffer_fill(frame->output_buffer, 0, p.data, p.size);
        if (p.flags & MICA_VIDEO_KEY)
            GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT(frame);
        const GstFlowReturn flow = gst_video_encoder_finish_frame(base, frame);
        if (flow != GST_FLOW_OK)
            return flow;
    }
}

static GstFlowReturn finish(GstVideoEncoder *base)
{
    GstMicaEnc *self = (GstMicaEnc *)base;
    if (!self->encoder)
        return GST_FLOW_OK;
    mica_video_encoder_send(self->encoder, NULL, NULL);
    const GstFlowReturn flow = push_packets(self);
    mica_video_encoder_flush(self->encoder); /* more may come */
    return flow;
}

static gboolean set_format(GstVideoEncoder *base, GstVideoCodecState *state)
{
    GstMicaEnc *self = (GstMicaEnc *)base;
    finish(base);
    mica_video_encoder_close(&self->encoder);
    if (self->input)
        gst_video_codec_state_unref(self->input);
    self->input = gst_video_codec_state_ref(state);

    MicaVideoInfo info;
    MicaVideoEncodeSettings settings;
    MicaModel *model = NULL, *predicted = NULL;
    MicaError error = {MICA_OK, ""};
    describe(&state->info, &info);
    mica_video_encode_defaults(&settings, sizeof settings);
    settings.quality = self->quality;
    settings.effort = self->effort;
    settings.threads = self->threads;
    settings.gop = self->gop;
    settings.bframes = self->bframes;
    settings.lookahead = self->lookahead;
    settings.preset = (MicaVideoPreset)self->preset;
    settings.scenecut = self->scenecut;
    settings.bitrate = (uint64_t)self->bitrate * 1000;
    if (self->model && !(model = gst_mica_open_model(GST_ELEMENT(self), self->model)))
        return FALSE;
    if (self->predicted_model &&
        !(predicted = gst_mica_open_model(GST_ELEMENT(self), self->predicted_model))) {
        mica_model_unref(&model);
        return FALSE;
    }
    settings.model = model;
    settings.predicted_model = predicted;
    const MicaStatus status = mica_video_encoder_open(&self->encoder, &info, &settings, &error);
    mica_model_unref(&model);
    mica_model_unref(&predicted);
    if (status != MICA_OK) {
        GST_ELEMENT_ERROR(self, LIBRARY, INIT, ("%s", error.text), (NULL));
        return FALSE;
    }
    const uint8_t *extradata;
    size_t size;
    mica_video_encoder_extradata(self->encoder, &extradata, &size);
    GstBuffer *codec_data = gst_buffer_new_allocate(NULL, size, NULL);
    gst_buffer_fill(codec_data, 0, extradata, size);
    GstCaps *caps = gst_caps_new_simple(MICA_CAPS, "codec_data", GST_TYPE_BUFFER, codec_data, NULL);
    gst_buffer_unref(codec_data);
    gst_video_codec_state_unref(gst_video_encoder_set_output_state(base, caps, state));
    if (settings.gop > 1 && info.frame_rate[0]) {
        const GstClockTime delay =
            gst_util_uint64_scale_int((guint64)(settings.bframes + settings.lookahead) * GST_SECOND,
                                      (gint)info.frame_rate[1], (gint)info.frame_rate[0]);
        gst_video_encoder_set_latency(base, delay, delay);
    }
    return gst_video_encoder_negotiate(base);
}

static GstFlowReturn handle_frame(GstVideoEncoder *base, GstVideoCodecFrame *frame)
{
    GstMicaEnc *self = (GstMicaEnc *)base;
    GstVideoFrame video;
    if (!gst_video_frame_map(&video, &self->input->info, frame->input_buffer, GST_MAP_READ)) {
        gst_video_codec_frame_unref(frame);
        GST_ELEMENT_ERROR(self, STREAM, ENCODE, ("cannot read a frame"), (NULL));
        return GST_FLOW_ERROR;
    }
    MicaVideoFrame f = {.struct_size = sizeof f,
                        .opaque = GINT_TO_POINTER((gint)frame->system_frame_number)};
    if (GST_VIDEO_CODEC_FRAME_IS_FORCE_KEYFRAME(frame))
        f.flags = MICA_VIDEO_KEY;
    for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&video) && i < MICA_PLANES; i++) {
        f.data[i] = GST_VIDEO_FRAME_PLANE_DATA(&video, i);
        f.stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE(&video, i);
    }
    MicaError error = {MICA_OK, ""};
    GstFlowReturn flow = GST_FLOW_OK;
    MicaStatus status = mica_video_encoder_send(self->encoder, &f, &error);
    while (status == MICA_ERROR_AGAIN && flow == GST_FLOW_OK) {
        flow = push_packets(self);
        if (flow == GST_FLOW_OK)
            status = mica_video_encoder_send(self->encoder, &f, &error);
    }
    gst_video_frame_unmap(&video);
    gst_video_codec_frame_unref(frame);
    if (flow == GST_FLOW_OK && status != MICA_OK) {
        GST_ELEMENT_ERROR(self, STREAM, ENCODE, ("%s", error.text), (NULL));
        return GST_FLOW_ERROR;
    }
    return flow == GST_FLOW_OK ? push_packets(self) : flow;
}

static gboolean flush(GstVideoEncoder *base)
{
    GstMicaEnc *self = (GstMicaEnc *)base;
    mica_video_encoder_flush(self->encoder);
    return TRUE;
}

static gboolean stop(GstVideoEncoder *base)
{
    GstMicaEnc *self = (GstMicaEnc *)base;
    mica_video_encoder_close(&self->encoder);
    if (self->input)
        gst_video_codec_state_unref(self->input);
    self->input = NULL;
    return TRUE;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstMicaEnc *self = (GstMicaEnc *)object;
    switch (id) {
    case PROP_QUALITY:
        self->quality = g_value_get_double(value);
        break;
    case PROP_EFFORT:
        self->effort = g_value_get_int(value);
        break;
    case PROP_THREADS:
        self->threads = g_value_get_int(value);
        break;
    case PROP_GOP:
        self->gop = g_value_get_int(value);
        break;
    case PROP_BFRAMES:
        self->bframes = g_value_get_enum(value);
        break;
    case PROP_LOOKAHEAD:
        self->lookahead = g_value_get_int(value);
        break;
    case PROP_PRESET:
        self->preset = g_value_get_enum(value);
        break;
    case PROP_SCENECUT:
        self->scenecut = g_value_get_boolean(value);
        break;
    case PROP_BITRATE:
        self->bitrate = g_value_get_uint(value);
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
    const GstMicaEnc *self = (const GstMicaEnc *)object;
    switch (id) {
    case PROP_QUALITY:
        g_value_set_double(value, self->quality);
        break;
    case PROP_EFFORT:
        g_value_set_int(value, self->effort);
        break;
    case PROP_THREADS:
        g_value_set_int(value, self->threads);
        break;
    case PROP_GOP:
        g_value_set_int(value, self->gop);
        break;
    case PROP_BFRAMES:
        g_value_set_enum(value, self->bframes);
        break;
    case PROP_LOOKAHEAD:
        g_value_set_int(value, self->lookahead);
        break;
    case PROP_PRESET:
        g_value_set_enum(value, self->preset);
        break;
    case PROP_SCENECUT:
        g_value_set_boolean(value, self->scenecut);
        break;
    case PROP_BITRATE:
        g_value_set_uint(value, self->bitrate);
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
    g_free(((GstMicaEnc *)object)->model);
    g_free(((GstMicaEnc *)object)->predicted_model);
    G_OBJECT_CLASS(gst_mica_enc_parent_class)->finalize(object);
}

static void gst_mica_enc_init(GstMicaEnc *self)
{
    self->quality = 50;
    self->effort = 2;
    self->gop = 120;
    self->lookahead = 8;
    self->scenecut = TRUE;
}

static void gst_mica_enc_class_init(GstMicaEncClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS(class);
    GstElementClass *element = GST_ELEMENT_CLASS(class);
    GstVideoEncoderClass *encoder = GST_VIDEO_ENCODER_CLASS(class);
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    g_object_class_install_property(
        object, PROP_QUALITY,
        g_param_spec_double("quality", "Quality", "0 (fewest bits) to 100", 0, 100, 50, flags));
    g_object_class_install_property(
        object, PROP_EFFORT,
        g_param_spec_int("effort", "Effort", "1 (fastest) to 9", 1, 9, 2, flags));
    g_object_class_install_property(
        object, PROP_THREADS,
        g_param_spec_int("threads", "Threads", "Threads, 0: one per processor", 0, 256, 0, flags));
    g_object_class_install_property(
        object, PROP_GOP,
        g_param_spec_int("gop", "GOP", "Frames per key frame at most, 1: key frames only", 1,
                         G_MAXINT, 120, flags));
    g_object_class_install_property(
        object, PROP_BFRAMES,
        g_param_spec_enum("bframes", "B frames", "Frames predicted from both sides, which delay",
                          bframes_type(), 0, flags));
    g_object_class_install_property(
        object, PROP_LOOKAHEAD,
        g_param_spec_int("lookahead", "Lookahead",
                         "Frames that wait behind one, for the temporal filter, 0: no delay", 0, 8,
                         8, flags));
    g_object_class_install_property(object, PROP_PRESET,
                                    g_param_spec_enum("preset", "Preset",
                                                      "Built-in model of predicted frames",
                                                      preset_type(), MICA_PRESET_MAIN, flags));
    g_object_class_install_property(
        object, PROP_SCENECUT,
        g_param_spec_boolean("scenecut", "Scene cut", "Key frames at cuts", TRUE, flags));
    g_object_class_install_property(object, PROP_BITRATE,
                                    g_param_spec_uint("bitrate", "Bit rate",
                                                      "kbit/s, 0: constant quality", 0, G_MAXUINT,
                                                      0, flags));
    g_object_class_install_property(
        object, PROP_MODEL,
        g_param_spec_string("model", "Model", "Model file; default: the built-in S", NULL, flags));
    g_object_class_install_property(
        object, PROP_PREDICTED_MODEL,
        g_param_spec_string("predicted-model", "Predicted model",
                            "Model file of predicted frames; default: the built-in V", NULL,
                            flags));

    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    gst_element_class_set_static_metadata(element, "mica video encoder", "Codec/Encoder/Video",
                                          "Encodes video with the mica learned codec", "mica");
    encoder->set_format = set_format;
    encoder->handle_frame = handle_frame;
    encoder->finish = finish;
    encoder->flush = flush;
    encoder->stop = stop;
}
