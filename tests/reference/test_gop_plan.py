"""The trainer plans frames as the encoder does: python3 test_gop_plan.py GOP_PLAN"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'tools', 'train'))
import gop  # noqa: E402


def encoder(command, frames, bframes):
    for line in subprocess.run([command, str(frames), str(bframes)], check=True, capture_output=True, text=True).stdout.splitlines():
        index, references, first, second, keep, below = map(int, line.split())
        yield gop.Planned(index, (first, second)[:references], tuple(i for i in range(gop.SLOTS) if keep >> i & 1), below)


def main():
    planned = 0
    for bframes in (0, 1, 3, 7):
        for frames in range(1, 40):
            want = list(encoder(sys.argv[1], frames, bframes))
            got = [p._replace(keep=tuple(sorted(p.keep))) for p in gop.plan(frames, bframes)]
            assert got == want, '%d frames, %d B frames: trainer %s, encoder %s' % (frames, bframes, got, want)
            planned += len(want)
    print('%d planned frames are alike' % planned)


main()
