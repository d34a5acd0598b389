#include "codec/enc_waiting.h"

#include <string.h>

MicaStatus mica_waiting_create(MicaWaitingFrames *w, int width, int height, int channels,
                               int bframes, int lookahead)
{
    memset(w, 0, sizeof *w);
    w->bframes = bframes;
    w->lookahead = lookahead;
    w->capacity = bframes + 2 + 2 * lookahead;
    for (int i = 0; i < w->capacity; i++) {
        const MicaStatus status = mica_image_alloc(&w->held[i].image, width, height, channels);
        if (status != MICA_OK) {
            mica_waiting_free(w);
            return status;
        }
    }
    return MICA_OK;
}

void mica_waiting_free(MicaWaitingFrames *w)
{
    for (int i = 0; i < w->capacity; i++)
        mica_image_free(&w->held[i].image);
    memset(w, 0, sizeof *w);
}

void mica_waiting_clear(MicaWaitingFrames *w)
{
    w->coded = w->count = 0;
}

MicaWaitingFrame *mica_waiting_at(MicaWaitingFrames *w, int i)
{
    return &w->held[w->coded + i];
}

/* Take a frame out of those held; its picture is used again. */
static void take_out(MicaWaitingFrames *w, int i)
{
    const MicaWaitingFrame out = w->held[i];
    memmove(w->held + i, w->held + i + 1, (size_t)(w->capacity - 1 - i) * sizeof out);
    w->held[w->capacity - 1] = out;
}

MicaWaitingFrame *mica_waiting_add(MicaWaitingFrames *w)
{
    return mica_waiting_at(w, w->count++);
}

int mica_waiting_group(const MicaWaitingFrames *w, int last)
{
    const MicaWaitingFrame *next = w->held + w->coded;
    if (w->count == 0)
        return 0;
    int size = 1;
    if (!next[0].key)
        while (size < w->count && size <= w->bframes && !next[size].key)
            size++;
    if (last)
        return size;
    const int whole = next[0].key || size > w->bframes || (size < w->count && next[size].key);
    return whole && w->count >= size + w->lookahead ? size : 0;
}

void mica_waiting_drop(MicaWaitingFrames *w, int count)
{
    w->coded += count;
    w->count -= count;
    for (; w->coded > w->lookahead; w->coded--)
        take_out(w, 0);
}

void mica_waiting_remove(MicaWaitingFrames *w, int i)
{
    take_out(w, w->coded + i);
    w->count--;
}

int mica_waiting_around(const MicaWaitingFrames *w, int i, int direction, int reach,
                        const MicaImage *image[MICA_MAX_LOOKAHEAD])
{
    int at = w->coded + i, count = 0;
    const uint8_t room = w->held[at].room;
    const int end = w->coded + w->count;
    while (count < reach) {
        if (direction < 0 && w->held[at].cut)
            break;
        at += direction;
        if (at < 0 || at >= end || (direction > 0 && w->held[at].cut) || w->held[at].room != room)
            break;
        image[count++] = &w->held[at].image;
    }
    return count;
}
