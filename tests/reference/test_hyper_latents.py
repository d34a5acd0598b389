"""hyper_latents against the numpy reference: python3 test_hyper_latents.py HYPER_LATENTS MODEL"""
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'train'))
from integer import Reference
from test_reference import padded_rgb, picture, write_pnm

LEVELS = (0, 333, 1008)


def main():
    reference = Reference(sys.argv[2])
    pictures = [picture(150, 70, 3, 1), picture(64, 200, 3, 2)]
    with tempfile.TemporaryDirectory() as d:
        paths = [os.path.join(d, '%d.ppm' % i) for i in range(len(pictures))]
        for path, a in zip(paths, pictures):
            write_pnm(path, a)
        data = subprocess.run([sys.argv[1], sys.argv[2], ','.join('%d' % v for v in LEVELS), *paths],
                              check=True, capture_output=True).stdout
    bad = at = 0
    for i, a in enumerate(pictures):
        for level in LEVELS:
            z = reference.hyper_analyse(reference.analyse(padded_rgb(a), level)[0], level)
            got = np.frombuffer(data, '<i4', 4, at).tolist()
            values = np.frombuffer(data, '<i2', z.size, at + 16).reshape(z.shape)
            at += 16 + 2 * z.size
            same = got == [*z.shape, level] and np.array_equal(values, z)
            print('picture %d, level %d: %s' % (i, level, 'equal' if same else 'differ'))
            bad += not same or not z.any()
    if at != len(data):
        print('%d bytes too many' % (len(data) - at))
        bad += 1
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
