#!/bin/sh
# test.sh: build libmica, the command and the GStreamer plugin below build/plugin-gstreamer, and run pipelines with
# gst-launch-1.0 whose results must equal the mica command's. Exit code 77: GStreamer, its headers or its good plugins are
# missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
folder=$root/build/plugin-gstreamer
for element in videotestsrc videoconvert y4menc; do
    if ! gst-inspect-1.0 "$element" >/dev/null 2>&1 || ! pkg-config --exists gstreamer-video-1.0; then
        echo "test.sh: GStreamer with $element and its headers is missing"
        exit 77
    fi
done
# BUILD: a build of this tree with MICA_SHARED, to use instead of one more.
build=${BUILD:-$folder/mica}
if [ -z "${BUILD:-}" ]; then
    cmake -S "$root" -B "$build" -DMICA_SHARED=ON -DMICA_TESTS=OFF >/dev/null
    cmake --build "$build" -j "${JOBS:-$(nproc)}" >/dev/null
fi
cmake --install "$build" --prefix "$folder/prefix" >/dev/null
library=$(dirname "$(find "$folder/prefix" -name libmica.so | head -n 1)")
export PKG_CONFIG_PATH="$library/pkgconfig" LD_LIBRARY_PATH="$library"
cmake -S "$here" -B "$folder/plugin" -DCMAKE_C_FLAGS=-Werror >/dev/null
cmake --build "$folder/plugin" >/dev/null
export GST_PLUGIN_PATH="$folder/plugin" GST_REGISTRY="$folder/registry.bin"
mica=$build/tools/mica
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0

launch() {
    timeout 120 gst-launch-1.0 -q "$@"
}
equal() {
    if ! cmp "$2" "$3"; then
        echo "FAILED: $1"
        exit 1
    fi
    passed=$((passed + 1))
}
# The samples of a y4m file, without its headers. (y4menc pads odd widths, hence the even sizes below.)
samples() {
    python3 -c '
import re, sys
head, data = open(sys.argv[1], "rb").read().split(b"\n", 1)
w, h = int(re.search(rb" W(\d+)", head)[1]), int(re.search(rb" H(\d+)", head)[1])
size = {b"420": w * h + 2 * ((w + 1) // 2) * ((h + 1) // 2), b"422": w * h + 2 * ((w + 1) // 2) * h,
        b"444": 3 * w * h}[re.search(rb" C(\d\d\d)", head)[1]] + 6
assert len(data) % size == 0 and len(data) // size == int(sys.argv[2]), (len(data), size)
for i in range(0, len(data), size):
    sys.stdout.buffer.write(data[i + 6:i + size])' "$1" "$2"
}

gst-inspect-1.0 micaenc >/dev/null
gst-inspect-1.0 micadec >/dev/null
# Not 4:2:2: GStreamer has its chroma between the columns in small pictures, and y4m cannot say so.
for format in I420 Y444; do
    source="videotestsrc num-buffers=7 pattern=ball ! video/x-raw,format=$format,width=176,height=120,framerate=25/1"
    # shellcheck disable=SC2086 # a pipeline is words
    launch $source ! y4menc ! filesink location=in.y4m
    # shellcheck disable=SC2086
    launch $source ! micaenc quality=70 ! micadec ! y4menc ! filesink location=out.y4m
    "$mica" encode -q 70 in.y4m m.nut
    "$mica" decode m.nut m.y4m
    samples out.y4m 7 >a
    samples m.y4m 7 >b
    equal "$format equals the command's" a b
done
for options in "gop=1" "gop=3" "bframes=1" "bframes=3" "bframes=7 gop=5" "bframes=3 scenecut=false" "preset=fast lookahead=0"; do
    # shellcheck disable=SC2086
    launch $source ! micaenc quality=70 $options ! micadec ! y4menc ! filesink location=out.y4m
    words=$(printf '%s' "$options" | sed -E 's/scenecut=false/no-scenecut/; s/[a-z]+=|no-/--&/g')
    # shellcheck disable=SC2086
    "$mica" encode -q 70 $words in.y4m m.nut
    "$mica" decode m.nut m.y4m
    samples out.y4m 7 >a
    samples m.y4m 7 >b
    equal "$options equals the command's" a b
done
for format in GRAY8 RGB Y42B I420_10LE; do
    launch videotestsrc num-buffers=3 ! "video/x-raw,format=$format,width=64,height=48" ! micaenc ! micadec ! \
        "video/x-raw,format=$format" ! filesink location=raw
    case $format in GRAY8) size=9216 ;; Y42B) size=18432 ;; *) size=27648 ;; esac
    [ "$(wc -c <raw)" -eq "$size" ] || {
        echo "FAILED: $format has $(wc -c <raw) bytes"
        exit 1
    }
    passed=$((passed + 1))
done
source="videotestsrc num-buffers=9 ! video/x-raw,format=I420,width=128,height=96,framerate=25/1"
for threads in 1 3; do
    # shellcheck disable=SC2086
    launch $source ! micaenc threads=$threads effort=1 ! filesink location=packets$threads
done
equal "threads" packets1 packets3
# shellcheck disable=SC2086
launch $source ! micaenc bitrate=300 model="$root/models/weights/s.mmodel" ! micadec threads=2 conceal=true ! fakesink
# A missing model is an error, not a crash.
# shellcheck disable=SC2086
if launch $source ! micaenc model=/no/such/file ! fakesink >log 2>&1; then
    echo "FAILED: a missing model was accepted"
    exit 1
fi
grep -qi 'no such file' log
# Time stamps rise in the order of decoding before the decoder, and in that of output behind it.
# shellcheck disable=SC2086
timeout 120 gst-launch-1.0 -v $source ! micaenc bframes=3 ! identity silent=false name=coded ! micadec ! identity silent=false name=shown ! \
    fakesink >log
for stage in coded:dts shown:pts; do
    name=${stage%:*} time=${stage#*:}
    grep -o "/GstIdentity:$name: last-message = chain.*" log | grep -o "$time: [0-9:.]*" >times
    [ "$(wc -l <times)" -eq 9 ] || {
        echo "FAILED: $(wc -l <times) time stamps of $name"
        exit 1
    }
    sort times >sorted
    equal "$time of $name" times sorted
done
echo "$((passed + 2)) checks passed"
