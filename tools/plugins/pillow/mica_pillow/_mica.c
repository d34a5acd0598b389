/* libmica for Python: bytes in, bytes out. The work is done without the interpreter's lock. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <mica/mica.h>

#include <string.h>

static PyObject *raise_error(MicaStatus status, const MicaError *error)
{
    if (status == MICA_ERROR_OUT_OF_MEMORY)
        return PyErr_NoMemory();
    PyErr_SetString(PyExc_ValueError, error->text[0] ? error->text : mica_status_string(status));
    return NULL;
}

static PyObject *info(PyObject *self, PyObject *arguments)
{
    Py_buffer data;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*", &data))
        return NULL;
    MicaStreamInfo stream;
    MicaError error = {0};
    const MicaStatus status = mica_stream_info(data.buf, (size_t)data.len, &stream, &error);
    PyBuffer_Release(&data);
    if (status != MICA_OK)
        return raise_error(status, &error);
    return Py_BuildValue("iiiid", stream.width, stream.height, stream.channels, stream.depth,
                         stream.quality);
}

/* The metadata that stands in the sections of a stream that info() has accepted. */
static PyObject *metadata(PyObject *self, PyObject *arguments)
{
    static const struct {
        const char *section, *name;
    } known[] = {{"ICCP", "icc_profile"}, {"EXIF", "exif"}, {"XMP ", "xmp"}};
    Py_buffer data;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*", &data))
        return NULL;
    MicaStreamInfo stream;
    MicaError error = {0};
    const MicaStatus status = mica_stream_info(data.buf, (size_t)data.len, &stream, &error);
    PyObject *result = status == MICA_OK ? PyDict_New() : raise_error(status, &error);
    for (int i = 0; result && i < stream.section_count; i++)
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            const MicaSectionInfo *s = &stream.sections[i];
            if (strcmp(s->type, known[k].section) != 0)
                continue;
            PyObject *bytes =
                PyBytes_FromStringAndSize((const char *)data.buf + s->offset, (Py_ssize_t)s->size);
            if (!bytes || PyDict_SetItemString(result, known[k].name, bytes) != 0)
                Py_CLEAR(result);
            Py_XDECREF(bytes);
            if (!result)
                break;
        }
    PyBuffer_Release(&data);
    return result;
}

static PyObject *decode(PyObject *self, PyObject *arguments)
{
    Py_buffer data;
    int depth;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*i", &data, &depth))
        return NULL;
    MicaDecodeSettings settings;
    mica_decode_defaults(&settings, sizeof settings);
    settings.depth = depth;
    MicaImage image;
    MicaError error = {0};
    MicaStatus status;
    Py_BEGIN_ALLOW_THREADS status =
        mica_image_decode(data.buf, (size_t)data.len, &settings, &image, &error);
    Py_END_ALLOW_THREADS PyBuffer_Release(&data);
    if (status != MICA_OK)
        return raise_error(status, &error);
    const size_t row = (size_t)image.width * (size_t)image.channels * (size_t)(depth / 8);
    PyObject *result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(row * (size_t)image.height));
    if (result) {
        uint8_t *to = (uint8_t *)PyBytes_AS_STRING(result);
        for (int y = 0; y < image.height; y++)
            memcpy(to + (size_t)y * row, image.data + y * image.stride, row);
        const uint16_t one = 1;
        if (depth == 16 && *(const uint8_t *)&one == 0) /* I;16 is little-endian */
            for (size_t i = 0; i < row * (size_t)image.height; i += 2) {
                const uint8_t first = to[i];
                to[i] = to[i + 1];
                to[i + 1] = first;
            }
    }
    mica_image_free(&image);
    return result;
}

static PyObject *encode(PyObject *self, PyObject *arguments)
{
    Py_buffer data, icc, exif, xmp;
    MicaImage image;
    MicaEncodeSettings settings;
    (void)self;
    memset(&image, 0, sizeof image);
    mica_encode_defaults(&settings, sizeof settings);
    if (!PyArg_ParseTuple(arguments, "y*iiiidiiiy*y*y*", &data, &image.width, &image.height,
                          &image.channels, &image.depth, &settings.quality, &settings.effort,
                          &settings.threads, &settings.alpha_quality, &icc, &exif, &xmp))
        return NULL;
    MicaError error = {0};
    MicaStatus status = MICA_ERROR_INVALID_ARGUMENT;
    MicaBuffer out = {0};
    const size_t row = (size_t)image.width * (size_t)image.channels * (size_t)(image.depth / 8);
    if (image.width > 0 && image.height > 0 && image.width <= MICA_MAX_DIMENSION &&
        image.height <= MICA_MAX_DIMENSION && (size_t)data.len == row * (size_t)image.height) {
        image.data = data.buf;
        image.stride = (ptrdiff_t)row;
        image.icc = (MicaBuffer){.data = icc.buf, .size = (size_t)icc.len};
        image.exif = (MicaBuffer){.data = exif.buf, .size = (size_t)exif.len};
        image.xmp = (MicaBuffer){.data = xmp.buf, .size = (size_t)xmp.len};
        Py_BEGIN_ALLOW_THREADS status = mica_image_encode(&image, &settings, &out, &error);
        Py_END_ALLOW_THREADS
    } else {
        strcpy(error.text, "the size of the picture is out of range");
    }
    PyBuffer_Release(&data);
    PyBuffer_Release(&icc);
    PyBuffer_Release(&exif);
    PyBuffer_Release(&xmp);
    if (status != MICA_OK)
        return raise_error(status, &error);
    PyObject *result = PyBytes_FromStringAndSize((const char *)out.data, (Py_ssize_t)out.size);
    mica_buffer_free(&out);
    return result;
}

static PyObject *version(PyObject *self, PyObject *arguments)
{
    (void)self;
    (void)arguments;
    return PyUnicode_FromString(mica_version());
}

static PyMethodDef methods[] = {
    {"info", info, METH_VARARGS, "info(data) -> width, height, channels, depth, quality"},
    {"metadata", metadata, METH_VARARGS, "metadata(data) -> dict of icc_profile, exif, xmp"},
    {"decode", decode, METH_VARARGS, "decode(data, depth) -> samples"},
    {"encode", encode, METH_VARARGS,
     "encode(samples, width, height, channels, depth, quality, effort, threads, alpha_quality, "
     "icc, exif, xmp) -> data"},
    {"version", version, METH_NOARGS, "version of libmica"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_mica", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__mica(void)
{
    return PyModule_Create(&module);
}
