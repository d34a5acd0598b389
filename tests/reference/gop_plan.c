/* gop_plan FRAMES BFRAMES: what the encoder plans for a clip, a line for each predicted frame: its
 * place in time, the number of references and their slots, the slots it goes into, and its quality
 * below that of the key frame. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/enc_gop.h"

static void print(MicaGop *gop)
{
    for (MicaPlannedFrame *p; (p = mica_gop_next(gop)) != NULL;)
        if (p->header.type == MICA_FRAME_PREDICTED)
            printf("%u %d %d %d %u %d\n", p->header.order, p->header.references, p->header.slot[0],
                   p->header.slot[1], p->header.keep, p->below);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    const int frames = atoi(argv[1]), bframes = atoi(argv[2]);
    if (bframes < 0 || bframes > MICA_MAX_BFRAMES)
        return 2;
    MicaGop gop;
    mica_gop_plan_key(&gop, bframes == 0);
    print(&gop);
    for (int done = 1; done < frames;) {
        const int group = frames - done < bframes + 1 ? frames - done : bframes + 1;
        mica_gop_plan_group(&gop, group);
        print(&gop);
        done += group;
    }
    return 0;
}
