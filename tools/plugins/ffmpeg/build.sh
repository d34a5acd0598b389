#!/bin/sh
# build.sh [5.1|7.1] [FOLDER]: fetch Debian's source package of FFmpeg (5.1: bookworm, 7.1: trixie), add the mica decoder and
# encoder, build a small ffmpeg and ffprobe with a libmica of this tree, and run test.sh with them. FOLDER (default
# build/ffmpeg-RELEASE) keeps everything; a second run builds only what changed. Nothing is installed, no root is needed.
# Exit code 77: something that this needs is missing.
set -eu
release=${1:-5.1}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
folder=${2:-$root/build/ffmpeg-$release}
case $release in
5.1) suite=bookworm ;;
7.1) suite=trixie ;;
*)
    echo "build.sh: there are patches for 5.1 and 7.1" >&2
    exit 2
    ;;
esac
for tool in apt-get dpkg-source make cmake pkg-config patch cc; do
    if ! command -v "$tool" >/dev/null; then
        echo "build.sh: $tool is missing"
        exit 77
    fi
done
for package in zlib libpng libjpeg libavformat libavcodec libswscale; do # all but zlib: of the mica command
    if ! pkg-config --exists "$package"; then
        echo "build.sh: $package is missing"
        exit 77
    fi
done
mkdir -p "$folder"
cd "$folder"
folder=$(pwd)
jobs=${JOBS:-$(nproc)}

# An apt of its own: the system may have no deb-src lines, and they need not come from this release.
fetch() {
    archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    if [ -z "$archive" ] || [ ! -e "$keys" ]; then
        echo "build.sh: apt knows no Debian archive"
        exit 77
    fi
    mkdir -p apt/lists/partial apt/cache/archives/partial
    echo "deb-src [signed-by=$keys] $archive $suite main" >apt/sources.list
    set -- -q -o "Dir::Etc::SourceList=$folder/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache"
    apt-get "$@" update || exit 77
    rm -rf ffmpeg-[0-9]*/ # of an interrupted run
    apt-get "$@" source ffmpeg || exit 77
    set -- ffmpeg-[0-9]*/
    while read -r name; do
        patch -d "$1" -p1 <"$here/patches/$release/$name"
    done <"$here/patches/$release/series"
    mv "$1" source
}
[ -d source ] || fetch

# libmica, the command for comparison, and mica.pc
cmake -S "$root" -B mica -DMICA_SHARED=ON -DMICA_TESTS=OFF >/dev/null
cmake --build mica -j "$jobs" >/dev/null
cmake --install mica --prefix "$folder/prefix" >/dev/null

for file in libmica.h libmicadec.c libmicaenc.c; do
    cmp -s "$here/$file" "source/libavcodec/$file" || cp "$here/$file" source/libavcodec/
done
mkdir -p ffmpeg
cd ffmpeg
# As little as the tests need: minutes instead of an hour.
[ -e ffbuild/config.mak ] ||
    PKG_CONFIG_PATH="$(echo "$folder"/prefix/lib*/pkgconfig "$folder"/prefix/lib/*/pkgconfig | tr ' ' ':')" \
        ../source/configure --disable-everything --disable-autodetect --disable-doc --disable-debug \
        --disable-network --disable-x86asm --disable-ffplay --enable-zlib --enable-libmica \
        --enable-protocol=file,pipe --enable-parser=png --enable-indev=lavfi \
        --enable-demuxer=image2,image_png_pipe,nut,mov,matroska,avi,yuv4mpegpipe \
        --enable-muxer=nut,mov,matroska,avi,yuv4mpegpipe,framemd5,image2,null,rawvideo \
        --enable-decoder=png,rawvideo,wrapped_avframe,ffv1,pcm_s16le,libmica \
        --enable-encoder=png,rawvideo,wrapped_avframe,ffv1,pcm_s16le,libmica \
        --enable-filter=scale,format,null,anull,aformat,aresample,testsrc2,sine,trim,fps
make -j "$jobs" >make.log 2>&1 || {
    tail -n 20 make.log
    exit 1
}
LD_LIBRARY_PATH=$(dirname "$(find "$folder/prefix" -name libmica.so | head -n 1)")
export LD_LIBRARY_PATH
exec sh "$here/test.sh" "$folder/ffmpeg/ffmpeg" "$folder/ffmpeg/ffprobe" "$folder/mica/tools/mica"
