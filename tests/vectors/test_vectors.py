"""Golden streams: python3 test_vectors.py MICA [--fewer | --update], or --decoder "COMMAND of decode_raw"

Every stream of this folder must decode to the pixels whose MD5 stands in vectors.json, and every picture listed there
must encode to the same bytes, at every instruction-set level of this processor and with 1, 2, 4 and 7 threads. The same
list is checked by builds of different compilers and processors, so equal MD5s here mean equal results everywhere.

Streams of versions before 1.0 that are no longer read lie in folders of their own (v0.1): they must be refused with a
message that names both versions.

--decoder decodes only, once, with the small program decode_raw, perhaps under an emulator.

--fewer is for builds that are slow and look for other faults than differences (sanitizers): 1 and 7 threads.

--update writes streams and sums anew. It is for a new bitstream version or model only: streams of a released version
must decode for ever.
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = os.path.join(HERE, '..', '..', 'testimages')
INDEX = os.path.join(HERE, 'vectors.json')
THREADS = ('1', '2', '4', '7')


def model_options(model):
    return ['--model', os.path.join(HERE, model) if '.' in model else model]


def levels(mica):
    """Levels that this processor has, as options; the rest is reported as skipped."""
    out = subprocess.run([mica, '--version'], capture_output=True, text=True, check=True).stdout
    sets = out.split('instruction sets:')[1].strip().split('+')
    known = ['c', 'sse41', 'avx2', 'avxvnni', 'avx512', 'avx512vnni', 'neon', 'dotprod']
    have = [v for v in known if v == 'c' or v in sets]
    print('levels: %s; skipped, not on this processor: %s' % (' '.join(have),
                                                           ' '.join(v for v in known if v not in have) or 'none'))
    return have


def decode_md5(mica, v, *options):
    out = subprocess.run([mica, 'decode', '--md5', *options, *model_options(v['model']),
                          os.path.join(HERE, v['stream']), '-'], capture_output=True, text=True, check=True)
    return out.stdout.split()[0]


def encode(mica, v, path, *options):
    subprocess.run([mica, 'encode', '-q', str(v['quality']), *v.get('options', []), *options, *model_options(v['model']),
                    os.path.join(IMAGES, v['picture']), path], check=True)
    with open(path, 'rb') as f:
        return f.read()


def check_decoder(command, vectors):
    bad = 0
    for v in vectors:
        model = [os.path.join(HERE, v['model'])] if '.' in v['model'] else []
        out = subprocess.run([*command, os.path.join(HERE, v['stream']), *model], capture_output=True)
        ok = out.returncode == 0 and hashlib.md5(out.stdout).hexdigest() == v['pixels_md5']
        bad += not ok
        print('%s %s %s' % ('ok  ' if ok else 'FAIL', v['stream'], out.stderr.decode().strip()))
    return bad


def check_older(mica, vectors):
    """Streams in the folders of other versions than the listed ones."""
    bad = 0
    current = {os.path.dirname(v['stream']) for v in vectors}
    folders = [name for name in os.listdir(HERE) if name.startswith('v') and os.path.isdir(os.path.join(HERE, name))]
    for folder in sorted(set(folders) - current):
        for name in sorted(os.listdir(os.path.join(HERE, folder))):
            path = os.path.join(HERE, folder, name)
            out = subprocess.run([mica, 'decode', '--md5', path], capture_output=True, text=True)
            ok = (out.returncode == 1 and not out.stdout and out.stderr.count('\n') == 1 and
                  'format version %s, this mica reads %s' % (folder[1:], max(current)[1:]) in out.stderr)
            bad += not ok
            print('%s %s/%s: %s' % ('ok  ' if ok else 'FAIL', folder, name, out.stderr.strip()))
    return bad


def main():
    mica = sys.argv[1]
    with open(INDEX) as f:
        vectors = json.load(f)
    if mica == '--decoder':
        sys.exit(1 if check_decoder(sys.argv[2].split(), vectors) else 0)
    if '--update' in sys.argv:
        for v in vectors:
            encode(mica, v, os.path.join(HERE, v['stream']))
            v['pixels_md5'] = decode_md5(mica, v)
        with open(INDEX, 'w') as f:
            f.write('[\n' + ',\n'.join(json.dumps(v) for v in vectors) + '\n]\n')
        return
    have = levels(mica)
    threads = THREADS[::3] if '--fewer' in sys.argv else THREADS
    runs = [('--cpu', level, '--threads', t) for level in have for t in threads]
    bad = check_older(mica, vectors)
    with tempfile.TemporaryDirectory() as d:
        for v in vectors:
            with open(os.path.join(HERE, v['stream']), 'rb') as f:
                stream = f.read()
            wrong = [' '.join(r) for r in runs if decode_md5(mica, v, *r) != v['pixels_md5']]
            wrong += ['encode ' + ' '.join(r) for r in runs
                      if v.get('encode', True) and encode(mica, v, os.path.join(d, 'x.mica'), *r) != stream]
            bad += bool(wrong)
            print('%s %s (%s, %d bytes, md5 %s)%s' % ('FAIL' if wrong else 'ok  ', v['stream'], v['model'], len(stream),
                  hashlib.md5(stream).hexdigest(), ''.join('\n     differs: ' + w for w in wrong)))
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
