/*
 * Frames in work: slots that are filled, worked on by a fixed number of workers, and taken out in
 * the order in which they went in.
 *
 * With one worker there is no thread: the work is done in submit(). Apart from the work function,
 * all calls come from one thread at a time. A slot belongs to the caller from acquire() to submit()
 * and from take() to release(), and to a worker in between.
 */
#ifndef MICA_CODEC_FRAME_QUEUE_H
#define MICA_CODEC_FRAME_QUEUE_H

#include "mica/status.h"

typedef struct MicaFrameQueue MicaFrameQueue;

typedef void (*MicaFrameWork)(void *context, int slot, int worker);

MicaStatus mica_frame_queue_create(MicaFrameQueue **queue, int workers, MicaFrameWork work,
                                   void *context);

/* Drops what has not begun, waits for what has, and ends the workers; NULL is fine. */
void mica_frame_queue_destroy(MicaFrameQueue **queue);

/* Slots that a queue with so many workers has. */
int mica_frame_queue_slots(int workers);

/* A free slot to fill, or -1 if all are in use. */
int mica_frame_queue_acquire(MicaFrameQueue *queue);
void mica_frame_queue_submit(MicaFrameQueue *queue);

/* Slots submitted and not yet taken. */
int mica_frame_queue_pending(const MicaFrameQueue *queue);

/* The oldest slot once its work is done, or -1: if none is pending, or, without `wait`, if it is
 * not done. */
int mica_frame_queue_take(MicaFrameQueue *queue, int wait);
void mica_frame_queue_release(MicaFrameQueue *queue);

/* Forget all that is pending; waits for work that has begun. */
void mica_frame_queue_flush(MicaFrameQueue *queue);

#endif
