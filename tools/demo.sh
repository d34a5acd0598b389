#!/bin/sh
# demo.sh [IMAGE.png [QUALITY]]: build mica, code a picture, and set it beside a JPEG of the same size.
# MICA=command skips the build and takes that command.
set -eu
start=$PWD
cd "$(dirname "$0")/.."
sh tools/setup.sh demo

image=${1:-testimages/photo_stream.png}
case $image in
/*) ;;
*) [ -z "${1:-}" ] || image=$start/$image ;;
esac
quality=${2:-50}

mica=${MICA:-}
if [ -z "$mica" ]; then
    folder=build/demo
    generator=
    [ -e $folder/CMakeCache.txt ] || generator=-GNinja
    cmake $generator -S . -B $folder -DMICA_TESTS=OFF >/dev/null
    cmake --build $folder -j "$(nproc 2>/dev/null || echo 2)"
    for path in $folder/tools/mica $folder/mica $folder/bin/mica; do
        [ -x "$path" ] && [ -f "$path" ] && mica=$path
    done
    if [ -z "$mica" ]; then
        echo "demo: the build made no mica command" >&2
        exit 1
    fi
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

now() { # milliseconds
    echo $(($(date +%s%N) / 1000000))
}

bytes() {
    wc -c <"$1" | tr -d ' '
}

psnr() { # psnr DISTORTED
    "$mica" compare --json "$image" "$1" | tr -d '\n' |
        sed 's/.*"psnr_rgb"[[:space:]]*:[[:space:]]*\([^,}[:space:]]*\).*/\1/'
}

row() { # row NAME BYTES PSNR ENCODE_MS DECODE_MS
    awk -v name="$1" -v bytes="$2" -v pixels="$pixels" -v psnr="$3" -v encode="$4" -v decode="$5" 'BEGIN {
        printf "%-16s %8d %7.3f %9s %10s %10s\n", name, bytes, bytes * 8 / pixels,
            psnr ~ /^[0-9.]+$/ ? sprintf("%.2f", psnr) : psnr, encode, decode }'
}

# The width and height stand at a fixed place of every PNG.
size=$(od -An -tu1 -j16 -N8 "$image" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4,
    (($5 * 256 + $6) * 256 + $7) * 256 + $8 }')
width=${size% *}
height=${size#* }
pixels=$((width * height))

# Once before the clock runs, so that the files of the program are in memory.
"$mica" encode -q "$quality" "$image" "$work/warm.mica"
t0=$(now)
mica_encode_text=$("$mica" encode --verbose -q "$quality" "$image" "$work/a.mica" 2>&1)
t1=$(now)
mica_decode_text=$("$mica" decode --verbose "$work/a.mica" "$work/a.png" 2>&1)
t2=$(now)
mica_bytes=$(bytes "$work/a.mica")

# The lowest JPEG quality that takes at least as many bytes.
python3 testimages/png2ppm.py "$image" "$work/in.ppm"
low=1
high=100
while [ $low -lt $high ]; do
    middle=$(((low + high) / 2))
    cjpeg -optimize -quality $middle -outfile "$work/try.jpg" "$work/in.ppm"
    if [ "$(bytes "$work/try.jpg")" -ge "$mica_bytes" ]; then
        high=$middle
    else
        low=$((middle + 1))
    fi
done
t3=$(now)
cjpeg -optimize -quality $low -outfile "$work/a.jpg" "$work/in.ppm"
t4=$(now)
djpeg -pnm -outfile "$work/jpeg.ppm" "$work/a.jpg"
t5=$(now)

echo
echo "$image, ${width}x$height"
printf '%-16s %8s %7s %9s %10s %10s\n' '' bytes bpp 'PSNR/dB' 'encode/ms' 'decode/ms'
row "mica -q $quality" "$mica_bytes" "$(psnr "$work/a.png")" $((t1 - t0)) $((t2 - t1))
row "libjpeg -q $low" "$(bytes "$work/a.jpg")" "$(psnr "$work/jpeg.ppm")" $((t4 - t3)) $((t5 - t4))
echo "Times are of whole commands, files included (mica: PNG, libjpeg: PPM). What mica says itself:"
printf 'encode: %s\ndecode: %s\n' "$mica_encode_text" "$mica_decode_text"
