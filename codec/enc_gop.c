#include "codec/enc_gop.h"

#include <string.h>

/* Anchors take turns in two slots; frames between two anchors have the others, by depth. */
#define ANCHOR_SLOTS 2

int mica_gop_reorder(int bframes)
{
    int depth = 0;
    for (; bframes > 0; bframes /= 2)
        depth++;
    return depth;
}

static MicaPlannedFrame *add(MicaGop *gop, int frame, int depth)
{
    MicaPlannedFrame *p = &gop->planned[gop->count++];
    memset(p, 0, sizeof *p);
    p->frame = frame;
    p->depth = depth;
    p->header.order = gop->order + (uint32_t)frame;
    return p;
}

static void begin(MicaGop *gop)
{
    gop->count = gop->next = 0;
}

void mica_gop_plan_key(MicaGop *gop)
{
    memset(gop, 0, sizeof *gop);
    add(gop, 0, 0)->header.keep = 1u << gop->anchor_slot;
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

void mica_gop_plan_group(MicaGop *gop, int frames)
{
    begin(gop);
    const int before = gop->anchor_slot;
    gop->anchor_slot = (before + 1) % ANCHOR_SLOTS;
    MicaPlannedFrame *anchor = add(gop, frames - 1, 0);
    anchor->phase = ++gop->anchors;
    anchor->header.type = MICA_FRAME_PREDICTED;
    anchor->header.references = 1;
    anchor->header.slot[0] = before;
    anchor->header.keep = 1u << gop->anchor_slot;
    plan_between(gop, -1, before, frames - 1, gop->anchor_slot, 1);
    gop->order += (uint32_t)frames;
}

const MicaPlannedFrame *mica_gop_next(MicaGop *gop)
{
    return gop->next < gop->count ? &gop->planned[gop->next++] : NULL;
}
