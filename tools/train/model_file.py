"""The model file (docs/models.md): named integer tensors behind a small header, entropy-coded, closed by
a SHA-256. numpy only."""
import hashlib
import struct

import numpy as np

import model_values

MAGIC = b'MICAMODL'
FORMAT_VERSION = 3
# Architectures: picture networks, with a prediction of the picture, with a restoration filter, with any of these and a context of z.
PICTURE, PREDICTED, RESTORED, COMBINED = 1, 2, 3, 4
ID_SIZE = 8
TYPES = {1: np.dtype('i1'), 2: np.dtype('u1'), 3: np.dtype('<i2'), 4: np.dtype('<i4')}
CODES = {t: c for c, t in TYPES.items()}
DIMENSIONS = {PICTURE: ('features', 'latents', 'hyper', 'analysis', 'synthesis', 'prior', 'context')}
DIMENSIONS[PREDICTED] = (*DIMENSIONS[PICTURE], 'condition')
DIMENSIONS[RESTORED] = DIMENSIONS[PICTURE]
DIMENSIONS[COMBINED] = (*DIMENSIONS[PICTURE], 'condition', 'restoration', 'hyper_context')


def write(path, name, config, tensors):
    """tensors: dict of name -> integer array of one of TYPES. Returns the id as hex."""
    config = dict(config, restoration=int('restoration' in tensors))
    parts = [config.get('hyper_context') and COMBINED, config.get('condition') and PREDICTED, config['restoration'] and RESTORED, PICTURE]
    architecture = next(filter(None, parts))
    out = [MAGIC, struct.pack('<HHB', FORMAT_VERSION, architecture, len(name)), name.encode()]
    out += [struct.pack('<H', config[d]) for d in DIMENSIONS[architecture]]
    out.append(struct.pack('<H', len(tensors)))
    codes, values = model_values.encode(list(tensors.values()))
    for (key, a), code in zip(tensors.items(), codes):
        out.append(struct.pack('<B', len(key)) + key.encode())
        out.append(struct.pack('<BB', CODES[a.dtype], a.ndim) + struct.pack('<%dI' % a.ndim, *a.shape) + code)
    out.append(values)
    body = b''.join(out)
    digest = hashlib.sha256(body).digest()
    with open(path, 'wb') as f:
        f.write(body + digest)
    return digest[:ID_SIZE].hex()


def read(path):
    """(name, config, tensors, id as hex)"""
    with open(path, 'rb') as f:
        data = f.read()
    body, digest = data[:-32], data[-32:]
    if body[:8] != MAGIC or hashlib.sha256(body).digest() != digest:
        raise ValueError('%s: not a model file, or damaged' % path)
    version, architecture, size = struct.unpack_from('<HHB', body, 8)
    if version != FORMAT_VERSION or architecture not in DIMENSIONS:
        raise ValueError('%s: format %d, architecture %d' % (path, version, architecture))
    at = 13
    name = body[at:at + size].decode()
    at += size
    dimensions = DIMENSIONS[architecture]
    *values, count = struct.unpack_from('<%dH' % (len(dimensions) + 1), body, at)
    config = dict(zip(dimensions, values))
    config.setdefault('condition', 0)
    config.setdefault('hyper_context', 0)
    at += 2 * len(dimensions) + 2
    entries = []
    for _ in range(count):
        size = body[at]
        key = body[at + 1:at + 1 + size].decode()
        at += 1 + size
        code, ndim = body[at], body[at + 1]
        shape = struct.unpack_from('<%dI' % ndim, body, at + 2)
        at += 2 + 4 * ndim
        entries.append((key, TYPES[code], shape, body[at:at + model_values.HEADER.size]))
        at += model_values.HEADER.size
    tensors = dict(zip([e[0] for e in entries], model_values.decode([e[1:] for e in entries], body[at:])))
    return name, config, tensors, digest[:ID_SIZE].hex()
