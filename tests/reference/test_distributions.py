"""Distributions that fit: python3 test_distributions.py SYMBOL_COUNTS MICA TINY.mmodel

The tiny model codes its latents under distributions drawn at random. Those that distributions.py finds from the counts of
symbol_counts must make its files smaller by what it says: at effort 1, whose symbols do not depend on what they cost.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN = os.path.join(HERE, '..', '..', 'tools', 'train')
sys.path.insert(0, HERE)
from test_reference import picture

QUALITIES = '20', '80'


def size(mica, model, source, quality, folder):
    coded = os.path.join(folder, 'x.mica')
    subprocess.run([mica, 'encode', '--effort', '1', '--model', model, '-q', quality, source, coded], check=True)
    subprocess.run([mica, 'decode', '--md5', '--model', model, coded, '-'], check=True, stdout=subprocess.DEVNULL)
    return os.path.getsize(coded)


def main():
    counter, mica, model = sys.argv[1:]
    bad = 0
    with tempfile.TemporaryDirectory() as d:
        source, counts, fitted = (os.path.join(d, name) for name in ('x.ppm', 'counts', 'fitted.mmodel'))
        a = picture(128, 192, 3, 5)
        with open(source, 'wb') as f:
            f.write(b'P6 %d %d 255\n' % (a.shape[1], a.shape[0]) + a.tobytes())
        with open(counts, 'wb') as f:
            subprocess.run([counter, '-e', '1', model, ','.join(QUALITIES), source], check=True, stdout=f)
        out = subprocess.run([sys.executable, os.path.join(TRAIN, 'distributions.py'), '--least', '1', model, fitted, counts],
                             check=True, capture_output=True, text=True).stdout
        said = [(float(change) / 100, int(before)) for change, before in re.findall(r': (\S+) % of (\d+) bytes', out)]
        bad += len(said) != len(QUALITIES)
        for quality, (change, before) in zip(QUALITIES, said):
            old, new = (size(mica, m, source, quality, d) for m in (model, fitted))
            print('-q %s: %d bytes, then %d; latents of %d bytes should take %+.1f %%' % (quality, old, new, before, 100 * change))
            # Magnitudes from 63 on are counted together.
            bad += not (before < old and change < -.02 and abs(new - old - change * before) < .03 * old)
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
