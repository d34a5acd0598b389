// The one-shot calls from C++.
#include <mica/entropy.h>
#include <mica/mica.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>

static void check(MicaStatus status, const MicaError &error)
{
    if (status != MICA_OK)
        throw std::runtime_error(error.text[0] ? error.text : mica_status_string(status));
}

static int run()
{
    const int width = 100, height = 60;
    std::vector<unsigned char> samples(3 * width * height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                samples[3 * (y * width + x) + c] = static_cast<unsigned char>(2 * x + y + 20 * c);
    MicaImage image = MicaImage();
    check(mica_image_alloc(&image, width, height, 3), MicaError());
    for (int y = 0; y < height; y++)
        for (int x = 0; x < 3 * width; x++)
            image.data[y * image.stride + x] = samples[3 * width * y + x];

    MicaError error = MicaError();
    MicaBuffer file;
    check(mica_image_encode(&image, nullptr, &file, &error), error);
    MicaStreamInfo info;
    check(mica_stream_info(file.data, file.size, &info, &error), error);
    MicaImage back;
    check(mica_image_decode(file.data, file.size, nullptr, &back, &error), error);
    double sum = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < 3 * width; x++)
            sum += std::abs(samples[3 * width * y + x] - back.data[y * back.stride + x]);
    const double mean = sum / (3.0 * width * height);
    std::printf("mica %s from C++: %zu bytes, quality %g, mean error %.2f\n", mica_version(),
                file.size, info.quality, mean);
    const bool good = info.width == width && back.height == height && mean < 8;
    mica_buffer_free(&file);
    mica_image_free(&back);
    mica_image_free(&image);

    MicaEntropyCoder *coder = nullptr;
    check(mica_entropy_create(&coder, mica_cpu_flags()), MicaError());
    mica_entropy_destroy(&coder);
    return good ? 0 : 1;
}

int main()
{
    try {
        return run();
    } catch (const std::exception &e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
