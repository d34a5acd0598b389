"""Prediction by the encoder's own motion search, compiled from the sources of libmica on first use."""
import ctypes
import os
import platform
import subprocess
import tempfile

import numpy as np
import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
SOURCES = ('tools/train/motion.c', 'codec/enc_coarse.c', 'codec/enc_fractions.c', 'codec/enc_match.c', 'codec/enc_motion.c',
           'codec/enc_motion_rates.c', 'codec/motion.c', 'codec/motion_candidates.c', 'codec/motion_code.c', 'codec/reference.c',
           'codec/base/bytes.c', 'codec/base/cpu.c', 'codec/base/mem.c', 'codec/base/pool.c', 'entropy/bit_coder.c',
           'entropy/rans.c', 'transforms/motion_kernels.c')
# Only these may use the instructions of their flag (cmake/Simd.cmake); the processor decides when they run.
X86_SOURCES = {'transforms/x86/motion_kernels_sse41.c': '-msse4.1', 'transforms/x86/motion_kernels_avx2.c': '-mavx2'}


def build(folder):
    """Compile the library into a folder and load it."""
    path = os.path.join(folder, 'libmica_motion.so')
    x86 = X86_SOURCES if platform.machine() in ('x86_64', 'AMD64') else {}
    sources = [os.path.join(ROOT, s) for s in SOURCES + tuple(x86)]
    if not os.path.exists(path) or os.path.getmtime(path) < max(map(os.path.getmtime, sources)):
        flags = ['-O3', '-fPIC', '-D_POSIX_C_SOURCE=200809L', '-I', ROOT, '-I', os.path.join(ROOT, 'include')]
        flags += ['-DMICA_HAVE_X86=1'] if x86 else []
        with tempfile.TemporaryDirectory() as objects:
            names = [os.path.join(objects, '%d.o' % i) for i in range(len(sources))]
            for source, name, extra in zip(sources, names, [None] * len(SOURCES) + list(x86.values())):
                subprocess.run(['cc', '-c', '-o', name, source] + flags + ([extra] if extra else []), check=True)
            part = '%s.%d' % (path, os.getpid())         # other processes may build or load it too
            subprocess.run(['cc', '-shared', '-o', part] + names + ['-lpthread'], check=True)
            os.replace(part, path)
    return ctypes.CDLL(path)


def search_lambda(distortion_lambda):
    """SATD that a bit is worth, in 1/16, where the codec minimises distortion_lambda * squared error + bits."""
    return np.clip(np.round(19 * np.asarray(distortion_lambda) ** -.5), 1, 4095).astype(np.int32)


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
