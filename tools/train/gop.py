"""The order in which libmica codes frames, what each is predicted from, and how far its quality lies below that of key
frames: codec/enc_gop.c for the trainer (tests/reference/test_gop_plan.py compares them)."""
from collections import namedtuple

SLOTS = 4                        # decoded frames that a decoder keeps
ANCHOR_SLOTS = 2
TURNS = (18, 32, 27, 32)         # hundredths of the scale of qualities: anchors without B frames, by their number modulo 4
BY_DEPTH = (14, 25, 33, 41)      # with B frames, by depth

# index: of the frame in time; references: slots; keep: slots that the decoded frame goes into; below: hundredths
Planned = namedtuple('Planned', 'index references keep below')


def key_slots(bframes):
    return (0,) if bframes else (0, ANCHOR_SLOTS)


def plan(frames, bframes):
    """The predicted frames of a clip in coding order; frame 0 is the key frame. bframes: 0, 1, 3 or 7."""
    anchors, first = 0, 0
    while first < frames - 1:
        last = min(first + bframes + 1, frames - 1)
        anchors += 1
        yield anchor(anchors, last, bframes)
        yield from between(first, (anchors - 1) % ANCHOR_SLOTS, last, anchors % ANCHOR_SLOTS, 1)
        first = last


def anchor(number, index, bframes):
    before = (number - 1) % ANCHOR_SLOTS
    keep = (number % ANCHOR_SLOTS,)
    if bframes:
        references = (before, number % ANCHOR_SLOTS) if number > 1 else (before,)
        return Planned(index, references, keep, BY_DEPTH[0])
    turns = len(TURNS)
    good = (number - 1) // turns
    older = good - (good * turns == number - 1)      # not the last anchor itself
    references = (before, ANCHOR_SLOTS + (older & 1)) if older >= 0 else (before,)
    if number % turns == 0:
        keep += (ANCHOR_SLOTS + (number // turns & 1),)
    return Planned(index, references, keep, TURNS[number % turns])


def between(first, first_slot, last, last_slot, depth):
    if last - first < 2:
        return
    middle, slot = (first + last) // 2, ANCHOR_SLOTS + depth - 1
    yield Planned(middle, (first_slot, last_slot), () if last - first < 3 else (slot,), BY_DEPTH[depth])
    yield from between(first, first_slot, middle, slot, depth + 1)
    yield from between(middle, slot, last, last_slot, depth + 1)
