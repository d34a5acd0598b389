"""Pictures with a prediction, bit for bit against the numpy reference: python3 test_predicted.py CODE_PREDICTED MODEL...

For awkward sizes, gray and colour, at several qualities, the pixels of code_predicted.c (which tries all levels and
thread counts) must be those of the reference.
"""
import os
import subprocess
import sys

import numpy as np

from test_reference import expected, picture
from integer import Reference

# width, height, channels, quality, side of a segment in pixels
CASES = ((1, 1, 3, 50, 1024), (7, 13, 3, 0, 1024), (64, 64, 3, 100, 32), (65, 63, 3, 31.7, 32), (200, 72, 1, 60, 96),
         (33, 130, 1, 12.5, 64), (150, 1100, 3, 45, 128),
         (9, 2300, 3, 70, 1024))      # more rows than the work planes hold at once


def prediction_of(a, seed):
    """The picture moved and with noise, some of it beyond what the networks could add."""
    rng = np.random.default_rng(seed)
    moved = np.roll(a, (2, -3), (0, 1)).astype(int)
    return np.clip(moved + np.round(rng.normal(0, 20, a.shape)), 0, 255).astype(np.uint8)


def decoded(program, model, a, prediction, quality, side):
    """What the C code makes of it, or None if its levels and thread counts disagree."""
    h, w, channels = a.shape
    run = subprocess.run([program, model, *map(str, (w, h, channels, quality, side))],
                         input=a.tobytes() + prediction.tobytes(), stdout=subprocess.PIPE)
    return None if run.returncode else np.frombuffer(run.stdout, np.uint8).reshape(h, w, channels)


def compare(program, model, reference, a, prediction, quality, side):
    want, = expected(reference, a, quality, side, prediction)
    got = decoded(program, model, a, prediction, quality, side)
    same = got is not None and np.array_equal(got, want)
    print('%s %s %dx%dx%d -q %g: mean difference to the prediction %.1f' %
          ('ok  ' if same else 'FAIL', os.path.basename(model), a.shape[1], a.shape[0], a.shape[2], quality,
           np.abs(want - prediction.astype(int)).mean()))
    return same


def main():
    good = []
    for model in sys.argv[2:]:
        reference = Reference(model)
        for i, (w, h, c, quality, side) in enumerate(CASES):
            a = picture(w, h, c, i)
            good.append(compare(sys.argv[1], model, reference, a, prediction_of(a, i), quality, side))
    sys.exit(0 if all(good) else 1)


if __name__ == '__main__':
    main()
