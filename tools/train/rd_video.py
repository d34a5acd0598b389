"""Rate and distortion of videos: mica beside x264, x265 and SVT-AV1 in the same structure of frames, and BD-rates.

PSNR of each plane of each frame in 8 bits, averaged over frames; Y, U and V weigh 6, 1, 1. Rate: bytes of the video packets.
"""
import argparse
import json
import os
import subprocess
import tempfile

import numpy as np
from rd import bd_rate

PEERS = {
    'x264': lambda s, gop: ['-c:v', 'libx264', '-preset', 'medium', '-g', str(gop), '-keyint_min', str(gop)] + (
        ['-bf', '0'] if s == 'low-delay' else []),
    'x265': lambda s, gop: ['-c:v', 'libx265', '-preset', 'medium', '-x265-params', 'log-level=none:keyint=%d:min-keyint=%d%s' % (
        gop, gop, ':bframes=0' if s == 'low-delay' else '')],
    'svtav1': lambda s, gop: ['-c:v', 'libsvtav1', '-preset', '8', '-g', str(gop), '-svtav1-params',
                              'pred-struct=%d' % (1 if s == 'low-delay' else 2)],
}
CRF = {'x264': (18, 23, 28, 33, 38), 'x265': (18, 23, 28, 33, 38), 'svtav1': (20, 30, 40, 50, 58)}


def run(*words):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True).stdout


def frames_of(path, width, height, count):
    """uint8 planes (count, bytes of a frame) of any video as yuv420p."""
    raw = run('ffmpeg', '-v', 'error', '-i', path, '-frames:v', count, '-pix_fmt', 'yuv420p', '-f', 'rawvideo', '-')
    return np.frombuffer(raw, np.uint8).reshape(count, width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2))


def psnr(a, b, width, height):
    y, c = width * height, ((width + 1) // 2) * ((height + 1) // 2)
    total = 0
    for begin, end, weight in ((0, y, 6), (y, y + c, 1), (y + c, y + 2 * c, 1)):
        d = a[:, begin:end].astype(np.float32) - b[:, begin:end]
        total += weight / 8 * np.mean(10 * np.log10(255 ** 2 / np.maximum((d * d).mean(1), 1e-4)))
    return float(total)


def packet_bytes(path):
    out = run('ffprobe', '-v', 'error', '-select_streams', 'v:0', '-show_entries', 'packet=size', '-of', 'csv=p=0', path)
    return sum(int(v.strip(b', ')) for v in out.split() if v.strip(b', '))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--mica', required=True, help='the command')
    p.add_argument('--models', default='', help='options of mica encode and decode that name models')
    p.add_argument('--options', default='', help='further options of mica encode')
    p.add_argument('--qualities', default='10,25,40,55,70')
    p.add_argument('--frames', type=int, default=48)
    p.add_argument('--gop', type=int, default=10000)
    p.add_argument('--structure', choices=('low-delay', 'random-access'), default='low-delay')
    p.add_argument('--peers', default='x264,x265,svtav1')
    p.add_argument('--cache', help='JSON file that keeps the points of the peers')
    p.add_argument('videos', nargs='+')
    a = p.parse_args()
    cache = json.load(open(a.cache)) if a.cache and os.path.exists(a.cache) else {}
    table = []
    for video in a.videos:
        probe = json.loads(run('ffprobe', '-v', 'error', '-select_streams', 'v:0', '-show_streams', '-of', 'json', video))['streams'][0]
        width, height = probe['width'], probe['height']
        name = os.path.basename(video)
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, 'source.y4m')
            run('ffmpeg', '-v', 'error', '-i', video, '-an', '-frames:v', a.frames, '-pix_fmt', 'yuv420p', source)
            original = frames_of(source, width, height, a.frames)
            points = {}
            for peer in [v for v in a.peers.split(',') if v]:
                key = ' '.join((name, peer, a.structure, str(a.frames), str(a.gop)))
                if key not in cache:
                    cache[key] = []
                    for crf in CRF[peer]:
                        out = os.path.join(folder, peer + '.mkv')
                        run('ffmpeg', '-y', '-v', 'error', '-i', source, *PEERS[peer](a.structure, a.gop), '-crf', crf, out)
                        cache[key].append((packet_bytes(out), psnr(original, frames_of(out, width, height, a.frames), width, height)))
                points[peer] = cache[key]
            points['mica'] = []
            for q in a.qualities.split(','):
                out, back = os.path.join(folder, 'mica.nut'), os.path.join(folder, 'mica.y4m')
                extra = ['--bframes', 0 if a.structure == 'low-delay' else 7] if '--bframes' not in a.options else []
                run(a.mica, 'encode', '-q', q, '--gop', a.gop, '--no-scenecut', *extra, *a.models.split(), *a.options.split(),
                    source, out)
                run(a.mica, 'decode', *a.models.split(), out, back)
                points['mica'].append((packet_bytes(out), psnr(original, frames_of(back, width, height, a.frames), width, height)))
            for codec, values in points.items():
                print('%-28s %-7s' % (name, codec), '  '.join('%.4f/%.2f' % (
                    8 * b / a.frames / width / height, d) for b, d in values), flush=True)
            curve = {k: np.array(sorted(map(tuple, v))).T for k, v in points.items()}
            row = {peer: bd_rate(*curve['mica'], *curve[peer])[0] for peer in points if peer != 'mica'}
            print('%-28s BD-rate' % name, '  '.join('%s %+.1f %%' % v for v in row.items()), flush=True)
            table.append(row)
        if a.cache:
            json.dump(cache, open(a.cache, 'w'))
    if table and table[0]:
        print('mean BD-rate', '  '.join('%s %+.1f %%' % (k, np.mean([t[k] for t in table])) for k in table[0]))


if __name__ == '__main__':
    main()
