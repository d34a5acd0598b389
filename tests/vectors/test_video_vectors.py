"""Golden videos: python3 test_video_vectors.py "COMMAND of decode_video" [--update ENCODE_VIDEO]

Every video of sequences.json, of key frames and predicted ones, must decode to frames with the MD5s that stand there.
decode_video does so at every level of its processor with 1, 2, 4 and 7 threads, and fails if they differ; the command may
begin with an emulator. The models lie here, so that new built-in ones change nothing.

What an encoder makes of a video may change, so encoding is not compared. --update encodes the videos anew and writes the
sums: for a new bitstream version only, because streams of a released version must decode for ever.
"""
import hashlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INDEX = os.path.join(HERE, 'sequences.json')
MODEL = os.path.join(HERE, 'tiny.mmodel')     # of key frames


def path_of(v):
    return os.path.join(HERE, 'sequences', v['stream'])


def models_of(v):
    return [MODEL, os.path.join(HERE, v['predicted'])]


def decode(command, v):
    """The MD5 of every frame, or None, and what the decoder says."""
    out = subprocess.run([*command, path_of(v), *models_of(v)], capture_output=True)
    message = out.stderr.decode().strip()
    if out.returncode or not out.stdout or len(out.stdout) % v['frames']:
        return None, message or 'no whole frames'
    size = len(out.stdout) // v['frames']
    return [hashlib.md5(out.stdout[i:i + size]).hexdigest() for i in range(0, len(out.stdout), size)], message


def update(command, encoder, videos):
    for v in videos:
        values = [v[name] for name in ('format', 'width', 'height', 'frames', 'gop', 'bframes', 'quality')]
        subprocess.run([encoder, path_of(v), *models_of(v), *map(str, values)], check=True)
        v['md5'], message = decode(command, v)
        if v['md5'] is None:
            sys.exit('%s: %s' % (v['stream'], message))
    with open(INDEX, 'w') as f:
        f.write('[\n' + ',\n'.join(json.dumps(v) for v in videos) + '\n]\n')


def main():
    command = sys.argv[1].split()
    with open(INDEX) as f:
        videos = json.load(f)
    if '--update' in sys.argv:
        update(command, sys.argv[sys.argv.index('--update') + 1], videos)
        return
    bad = 0
    for v in videos:
        sums, message = decode(command, v)
        wrong = ['all'] if sums is None else [i for i, s in enumerate(v['md5']) if s != sums[i]]
        bad += bool(wrong)
        print('%s %s: %d frames, %s%s' % ('FAIL' if wrong else 'ok  ', v['stream'], v['frames'], message,
                                          '; other frames: %s' % wrong if wrong else ''))
    sys.exit(1 if bad or not videos else 0)


if __name__ == '__main__':
    main()
