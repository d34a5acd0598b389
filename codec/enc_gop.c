#include "codec/enc_gop.h"

#include <string.h>

/* Anchors take turns in two slots. The other two are for the frames between anchors, by depth, or,
 * if there are none, for every fourth anchor, which has a better quality than the others. */
#define ANCHOR_SLOTS 2
#define TURNS 4

/* Hundredths by which frames are coded below the quality of key frames: by depth, and for anchors
 * that follow each other by turns, as HM's configurations for low delay and random access do. Far
 * more than there: what the key frame and every fourth anchor show well, the others copy. */
static const unsigned char below_turn[TURNS] = {18, 32, 27, 32};
static const unsigned char below_depth[] = {14, 25, 33, 41};

int mica_gop_reorder(int bframes)
{
    int depth = 0;
    for (; bframes > 0; bframes /= 2)
        depth++;
    return depth;
}

int mica_gop_is_turn(const MicaGop *gop)
{
    return gop->single && gop->anchors % TURNS == 0;
}

static MicaPlannedFrame *add(MicaGop *gop, int frame, int depth)
{
    MicaPlannedFrame *p = &gop->planned[gop->count++];
    memset(p, 0, sizeof *p);
    p->frame = frame;
    p->depth = depth;
    p->below = below_depth[depth];
    p->header.order = gop->order + (uint32_t)frame;
    return p;
}

void mica_gop_plan_key(MicaGop *gop, int single)
{
    memset(gop, 0, sizeof *gop);
    gop->single = single;
    MicaPlannedFrame *key = add(gop, 0, 0);
    key->below = 0;
    key->header.keep = 1u | (single ? 1u << ANCHOR_SLOTS : 0);
    gop->order = 1;
}

/* The frames between `first` and `last` of the group, which lie in two slots. */
static void plan_between(MicaGop *gop, int first, int first_slot, int last, int last_slot,
                         int depth)
{
    if (last - first < 2)
        return;
    const int middle = (first + last) / 2, leaf = last - first < 3;
    const int slot = ANCHOR_SLOTS + depth - 1;
    MicaPlannedFrame *p = add(gop, middle, depth);
    p->header.type = MICA_FRAME_PREDICTED;
    p->header.references = 2;
    p->header.slot[0] = first_slot;
    p->header.slot[1] = last_slot;
    p->header.keep = leaf ? 0 : 1u << slot;
    plan_between(gop, first, first_slot, middle, slot, depth + 1);
    plan_between(gop, middle, slot, last, last_slot, depth + 1);
}

/* An anchor is predicted from the one before, and from an older one that is likely to be good. */
static void choose_references(const MicaGop *gop, MicaFrameHeader *h)
{
    const int number = gop->anchors, last = (number - 1) % ANCHOR_SLOTS;
    int older = number % ANCHOR_SLOTS, there = number > 1;
    if (gop->single) {
        const int good = (number - 1) / TURNS;
        const int before = good - (good * TURNS == number - 1); /* not the last anchor itself */
        older = ANCHOR_SLOTS + (before & 1);
        there = before >= 0;
        if (number % TURNS == 0)
            h->keep |= 1u << (ANCHOR_SLOTS + (number / TURNS & 1));
    }
    h->keep |= 1u << (number % ANCHOR_SLOTS);
    h->slot[0] = last;
    h->slot[1] = there ? older : 0;
    h->references = there ? 2 : 1;
}

void mica_gop_plan_group(MicaGop *gop, int frames)
{
    gop->count = gop->next = 0;
    MicaPlannedFrame *anchor = add(gop, frames - 1, 0);
    gop->anchors++;
    if (gop->single)
        anchor->below = below_turn[gop->anchors % TURNS];
    anchor->header.type = MICA_FRAME_PREDICTED;
    choose_references(gop, &anchor->header);
    plan_between(gop, -1, anchor->header.slot[0], frames - 1, gop->anchors % ANCHOR_SLOTS, 1);
    gop->order += (uint32_t)frames;
}

MicaPlannedFrame *mica_gop_next(MicaGop *gop)
{
    return gop->next < gop->count ? &gop->planned[gop->next++] : NULL;
}

void mica_gop_skip(MicaGop *gop, const MicaPlannedFrame *lost)
{
    int slot = 0;
    while (slot < MICA_REFERENCE_SLOTS && !(lost->header.keep >> slot & 1))
        slot++;
    for (int i = gop->next; i < gop->count; i++) {
        MicaFrameHeader *h = &gop->planned[i].header;
        for (int r = 0; r < h->references; r++)
            if (h->slot[r] == slot)
                h->slot[r] = lost->header.slot[r];
        if (h->keep >> slot & 1)
            return; /* from here on the slot holds another frame */
    }
}
