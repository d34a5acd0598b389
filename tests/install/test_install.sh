#!/bin/sh
# test_install.sh BUILD SOURCE CC CXX: install into an empty prefix and use what is there as others would: the command,
# the CMake package and mica.pc, each from C and C++, the manual pages, the MIME type and the magic file. Exit code 77:
# there is no C++ compiler.
set -eu
build=$1
source=$2
cc=$3
cxx=${4:-}
[ -n "$cxx" ] || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
prefix=$folder/prefix

cmake --install "$build" --prefix "$prefix" >"$folder/log"
# As a package is made: below DESTDIR, for another prefix.
DESTDIR=$folder/dest cmake --install "$build" --prefix /usr >>"$folder/log"
[ -f "$folder/dest/usr/include/mica/mica.h" ]
grep -rq "$folder" "$folder/dest/usr" && { echo "a file names the folder that it was installed to"; exit 1; }

echo "== find_package"
cmake -S "$source/tests/install/consumer" -B "$folder/consumer" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" >>"$folder/log"
cmake --build "$folder/consumer" >>"$folder/log"
for program in "$folder"/consumer/one_shot_*; do
    "$program"
done

if command -v pkg-config >/dev/null; then
    echo "== pkg-config"
    # The folder can be moved.
    mv "$prefix" "$folder/moved"
    prefix=$folder/moved
    export PKG_CONFIG_PATH="$(dirname "$(find "$prefix" -name mica.pc)")"
    flags=$(pkg-config --define-prefix --cflags --libs mica)
    static=$(pkg-config --define-prefix --static --libs-only-l --libs-only-other mica)
    libraries=$(pkg-config --define-prefix --variable=libdir mica)
    # shellcheck disable=SC2086 # lists of flags
    {
        "$cc" "$source/tests/install/consumer/one_shot.c" -o "$folder/one" $flags
        "$cxx" "$source/tests/install/consumer/one_shot.cc" -o "$folder/two" $flags
        "$cc" "$source/tests/install/consumer/one_shot.c" -o "$folder/three" -I"$prefix/include" \
            "$libraries/libmica.a" $(echo "$static" | sed 's/-lmica//g')
    }
    for program in one two; do
        LD_LIBRARY_PATH=$libraries "$folder/$program"
    done
    "$folder/three"
fi

if ls "$prefix"/lib*/libmica.so >/dev/null 2>&1 && command -v readelf >/dev/null; then
    echo "== soname"
    version=$(sed -n 's/^Version: //p' "$PKG_CONFIG_PATH/mica.pc")
    readelf -d "$libraries/libmica.so" | grep "SONAME.*libmica\.so\.${version%.*}\]"
fi

if [ ! -x "$prefix/bin/mica" ]; then
    echo "the command is not part of this build"
    exit 0
fi
echo "== command"
"$prefix/bin/mica" --version
for command in $("$prefix/bin/mica" --help=commands); do
    [ -f "$prefix/share/man/man1/mica-$command.1" ]
done
photo=$source/testimages/$(ls "$source/testimages" | grep -m 1 'png$')
"$prefix/bin/mica" encode -q 10 "$photo" "$folder/photo.mica"

if command -v file >/dev/null; then
    echo "== file"
    file -b -m "$prefix/share/mica/mica.magic" "$folder/photo.mica" | grep 'mica picture, bitstream [0-9]*\.[0-9]*, model'
    file -b --mime-type -m "$prefix/share/mica/mica.magic" "$folder/photo.mica" | grep -x image/x-mica
fi
if command -v update-mime-database >/dev/null; then
    echo "== MIME type"
    update-mime-database "$prefix/share/mime" 2>"$folder/mime.log"
    grep -x 'image/x-mica:\*\.mica' "$prefix/share/mime/globs"
fi
if command -v groff >/dev/null; then
    echo "== manual pages"
    for page in "$prefix"/share/man/man1/*.1; do
        # Warnings go to stderr.
        [ -z "$(groff -man -Tutf8 -ww -z "$page" 2>&1)" ] || {
            groff -man -Tutf8 -ww -z "$page"
            exit 1
        }
    done
fi
