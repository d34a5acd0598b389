#!/bin/sh
# test.sh [PYTHON]: build libmica, the command and the Pillow plugin below build/plugin-pillow and run the plugin's tests.
# Exit code 77: Python, its headers, setuptools or Pillow are missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
python=${1:-python3}
folder=$root/build/plugin-pillow
if ! "$python" -c 'import PIL, setuptools, sysconfig, os
assert os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))' 2>/dev/null; then
    echo "test.sh: $python with its headers, setuptools and Pillow is missing"
    exit 77
fi
# BUILD: a build of this tree with MICA_SHARED, to use instead of one more.
build=${BUILD:-$folder/mica}
if [ -z "${BUILD:-}" ]; then
    cmake -S "$root" -B "$build" -DMICA_SHARED=ON -DMICA_TESTS=OFF >/dev/null
    cmake --build "$build" -j "${JOBS:-$(nproc)}" >/dev/null
fi
cmake --install "$build" --prefix "$folder/prefix" >/dev/null
library=$(dirname "$(find "$folder/prefix" -name libmica.so | head -n 1)")
# A copy, because setuptools leaves its things beside the sources.
rm -rf "$folder/package"
cp -r "$here" "$folder/package"
cd "$folder/package"
PKG_CONFIG_PATH=$library/pkgconfig LDFLAGS=-Wl,-rpath,$library "$python" setup.py -q build_ext --inplace
PYTHONPATH=. MICA=$build/tools/mica exec "$python" -m unittest -v tests/test_pillow.py
