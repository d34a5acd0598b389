"""The hyper section of files that the command writes, decoded in numpy: python3 test_hyper_section.py MICA MODEL..."""
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'train'))
from hyper_payload import decode_hyper, read_varint
from integer import Reference
from test_reference import padded_rgb, picture, write_pnm

PREFIX, HYPER = 14, 2        # bytes before the sections, type of the section
CASES = ((300, 200, 0), (130, 330, 35), (64, 64, 80), (700, 70, 100))     # width, height, quality


def hyper_section(data):
    at = PREFIX
    while at < len(data):
        kind = data[at]
        size, at = read_varint(data, at + 1)
        if kind == HYPER:
            return data[at:at + size]
        at += size + 4
    raise ValueError('no hyper section')


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as d:
        source, coded = os.path.join(d, 'in.pnm'), os.path.join(d, 'x.mica')
        for model in sys.argv[2:]:
            reference = Reference(model)
            for i, (width, height, quality) in enumerate(CASES):
                a = picture(width, height, 3, i)
                write_pnm(source, a)
                subprocess.run([sys.argv[1], 'encode', '--effort', '1', '-q', str(quality), '--model', model, source, coded], check=True)
                rgb, level = padded_rgb(a), int(quality * 1008 / 100 + 0.5)
                with open(coded, 'rb') as f:
                    _, decoded = decode_hyper(reference, hyper_section(f.read()), rgb.shape[0] // 64, rgb.shape[1] // 64, level)
                same = np.array_equal(decoded, reference.analyse(rgb, level)[1])
                print('%-4s %s %dx%d -q %d: %d symbols not 0' % (
                    'ok' if same else 'BAD', os.path.basename(model), width, height, quality, (decoded != 0).sum()))
                bad += not same or not decoded.any()
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
