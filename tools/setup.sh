#!/bin/sh
# setup.sh [demo]: install what building and testing need, on Debian 12 or a relative of it. Does nothing, and needs no
# network, when all is there. "demo" adds what tools/demo.sh compares with.
set -u

missing=
want() { # want PACKAGE COMMAND...: the package is missing if the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

has() {
    command -v "$1"
}

# A header and a library, asked of the compiler: they may come from elsewhere than a package.
links() { # links HEADER LIBRARY
    # Some of these headers expect others before them.
    for header in stdarg.h stddef.h stdint.h stdio.h setjmp.h "$1"; do
        echo "#include <$header>"
    done | sed '$a int main(void) { return 0; }' |
        cc -x c - -o /dev/null "-l$2"
}

# The sanitizers need a runtime library that clang itself does not depend on.
sanitizes() {
    printf 'int main(void) { return 0; }\n' | clang -fsanitize=address,undefined -x c - -o /dev/null
}

numpy() {
    python3 -c 'import numpy' || /usr/bin/python3 -c 'import numpy'
}

find_missing() {
    missing=
    want build-essential eval 'has cc && has make'
    want cmake has cmake
    want ninja-build has ninja
    want pkg-config has pkg-config
    want libpng-dev links png.h png
    want libjpeg-dev links jpeglib.h jpeg
    want libavformat-dev links libavformat/avformat.h avformat
    want libavcodec-dev links libavcodec/avcodec.h avcodec
    want libswscale-dev links libswscale/swscale.h swscale
    want liblcms2-dev links lcms2.h lcms2
    want libcmocka-dev links cmocka.h cmocka
    want python3-numpy numpy
    want clang has clang
    want clang-format has clang-format
    if has clang >/dev/null; then
        version=$(clang -dumpversion | cut -d. -f1)
        want "libclang-rt-$version-dev" sanitizes
    fi
    if [ "${1:-}" = demo ]; then
        want libjpeg-turbo-progs eval 'has cjpeg && has djpeg'
    fi
}

find_missing "$@"
# Twice, because which runtime clang needs shows only when clang is there.
for pass in 1 2; do
    [ -n "$missing" ] || exit 0
    if [ "$(id -u)" -ne 0 ] || ! has apt-get >/dev/null; then
        echo "setup: please install what is missing: apt-get install$missing" >&2
        exit 1
    fi
    echo "setup, pass $pass: installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q || exit 1
    # shellcheck disable=SC2086 # a list of words
    apt-get install -q -y --no-install-recommends $missing || exit 1
    find_missing "$@"
done
if [ -n "$missing" ]; then
    echo "setup: still missing after the installation:$missing" >&2
    exit 1
fi
