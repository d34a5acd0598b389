#!/bin/sh
# cross.sh [ARCH...]: build the library for other processors with Debian's cross compilers and run checkasm, the golden
# streams and the golden videos under qemu-user. Default: aarch64 (NEON, dot product) and s390x (big endian, plain C). Slow; not part of the
# ordinary tests. Exit code 77: a cross compiler or emulator is missing.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- aarch64 s390x
for arch; do
    for tool in "$arch-linux-gnu-gcc" "qemu-$arch"; do
        if ! command -v "$tool" >/dev/null; then
            echo "cross.sh: $tool is missing (apt-get install gcc-$arch-linux-gnu libc6-dev-$(
                echo "$arch" | sed s/aarch64/arm64/)-cross qemu-user)"
            exit 77
        fi
    done
    folder=build/cross-$arch
    cmake -S . -B "$folder" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$arch" \
        -DCMAKE_C_COMPILER="$arch-linux-gnu-gcc" -DMICA_TOOLS=OFF -DMICA_TESTS=OFF -DMICA_VECTOR_TOOLS=ON >/dev/null
    cmake --build "$folder" -j "$(nproc)" | tail -n 1
    emulator="qemu-$arch -L /usr/$arch-linux-gnu"
    printf '\n== %s: checkasm\n' "$arch"
    $emulator "$folder/checkasm/checkasm" | tail -n 4
    printf '\n== %s: golden streams\n' "$arch"
    python3 tests/vectors/test_vectors.py --decoder "$emulator $folder/decode_raw"
    printf '\n== %s: golden videos\n' "$arch"
    python3 tests/vectors/test_video_vectors.py "$emulator $folder/decode_video"
done
