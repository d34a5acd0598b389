"""Prediction by the encoder's own motion search, compiled from the sources of libmica on first use."""
import ctypes
import os
import subprocess

import numpy as np
import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
SOURCES = ('tools/train/motion.c', 'codec/enc_motion.c', 'codec/motion.c', 'codec/reference.c', 'codec/base/mem.c',
           'codec/base/pool.c')


def build(folder):
    """Compile the library into a folder and load it."""
    path = os.path.join(folder, 'libmica_motion.so')
    sources = [os.path.join(ROOT, s) for s in SOURCES]
    if not os.path.exists(path) or os.path.getmtime(path) < max(map(os.path.getmtime, sources)):
        subprocess.run(['cc', '-O3', '-march=native', '-shared', '-fPIC', '-I', ROOT, '-I', os.path.join(ROOT, 'include'),
                        '-o', path] + sources + ['-lpthread'], check=True)
    return ctypes.CDLL(path)


def search_lambda(distortion_lambda):
    """SATD that a bit is worth, in 1/16, where the codec minimises distortion_lambda * squared error + bits."""
    return np.clip(np.round(16 * np.asarray(distortion_lambda) ** -.5), 1, 4095).astype(np.int32)


def predict(library, current, first, second, references, lambdas):
    """current, first, second: uint8 (N, 3, H, W); references (N,): 1 if only the first is one; lambdas (N,) as of
    search_lambda() -> prediction of each, uint8."""
    pixels = [t.permute(0, 2, 3, 1).contiguous().numpy() for t in (current, first, second)]
    out = np.empty_like(pixels[0])
    references, lambdas = np.ascontiguousarray(references, np.uint8), np.ascontiguousarray(lambdas, np.int32)
    n, h, w, _ = out.shape
    pointer = lambda a: a.ctypes.data_as(ctypes.c_void_p)
    if library.mica_train_predict(*map(pointer, pixels), pointer(references), pointer(out), n, w, h, pointer(lambdas)):
        raise MemoryError
    return torch.from_numpy(out).permute(0, 3, 1, 2)
