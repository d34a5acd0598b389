#!/bin/sh
# test.sh FFMPEG FFPROBE MICA: what an ffmpeg with libmica must do, compared with the mica command.
set -eu
ffmpeg=$1 ffprobe=$2 mica=$3
root=$(cd "$(dirname "$0")/../../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
passed=0

ff() {
    "$ffmpeg" -nostdin -v error -y "$@"
}
samples() { # MD5 of the samples of a file, as ffmpeg decodes them
    ff -i "$1" -map 0:v -f rawvideo - | md5sum | cut -d' ' -f1
}
packets() { # MD5 of each packet, without its times
    ff -i "$1" -map 0:v -c copy -f framemd5 - | sed -n 's/^[0-9].*, *//p'
}
frames() {
    ff "$@" -map 0:v -f framemd5 - | sed -n 's/^[0-9].*, *//p'
}
equal() { # equal NAME A B
    if [ "$2" != "$3" ] || [ -z "$2" ]; then
        printf 'FAILED: %s\n%s\n--\n%s\n' "$1" "$2" "$3" >&2
        exit 1
    fi
    passed=$((passed + 1))
}

for picture in "$root"/testimages/*.png; do break; done
ff -i "$picture" -c:v libmica -quality 70 picture.mkv
equal "a picture" "$(samples picture.mkv)" "$("$mica" decode --md5 picture.mkv)"

ff -f lavfi -i testsrc2=s=176x144:r=25:d=1 -f lavfi -i sine=d=1 -pix_fmt yuv420p -c:v ffv1 -c:a pcm_s16le clip.mkv
ff -i clip.mkv -map 0:v clip.y4m
ff -i clip.mkv -c:v libmica -quality 60 -c:a copy a.nut
"$mica" encode -q 60 clip.mkv b.nut
equal "packets equal the command's" "$(packets a.nut)" "$(packets b.nut)"
equal "frames of both" "$(samples a.nut)" "$(samples b.nut)"
equal "frames equal the command's" "$(samples a.nut)" "$("$mica" decode --md5 b.nut)"
equal "the other way" "$(samples b.nut)" "$("$mica" decode --md5 a.nut)"
equal "25 frames" "$(frames -i a.nut | wc -l)" 25
ff -i clip.y4m -c:v libmica -quality 60 c.nut
"$mica" encode -q 60 clip.y4m d.nut # its chroma lies elsewhere, so it is not equal to a.nut
equal "y4m as input" "$(packets c.nut)" "$(packets d.nut)"

for container in mov mkv avi nut; do
    ff -i a.nut -c copy "copy.$container"
    equal "$container" "$(samples "copy.$container")" "$(samples a.nut)"
    equal "$container by the command" "$("$mica" decode --md5 "copy.$container")" "$(samples a.nut)"
    equal "$container, codec and format" "$("$ffprobe" -v error -select_streams v -of csv=p=0 \
        -show_entries stream=codec_name,codec_tag_string,pix_fmt "copy.$container")" mica,mica,yuv420p
    equal "$container, seeking" "$(frames -ss 0.6 -i "copy.$container" -frames:v 3)" \
        "$(frames -i a.nut | sed -n 16,18p)"
done

ff -i a.nut -c:v ffv1 -c:a copy lossless.mkv
equal "transcoded to FFV1" "$(samples lossless.mkv)" "$(samples a.nut)"
ff -i a.nut -map 0:v back.y4m
"$mica" decode a.nut other.y4m
equal "y4m of both" "$(samples back.y4m)" "$(samples other.y4m)"
for format in yuv422p yuv444p10le gray rgb24; do
    ff -i clip.mkv -map 0:v -pix_fmt $format -frames:v 2 -c:v libmica f.mkv
    equal "$format" "$("$ffprobe" -v error -of csv=p=0 -show_entries stream=pix_fmt f.mkv)" $format
    equal "$format, samples" "$(samples f.mkv)" "$("$mica" decode --md5 f.mkv)"
done

ff -threads 1 -i clip.mkv -map 0:v -c:v libmica -threads 1 -quality 60 t1.nut
ff -i clip.mkv -map 0:v -c:v libmica -threads 5 -quality 60 t5.nut
equal "threads" "$(packets t1.nut)" "$(packets t5.nut)"
ff -i clip.mkv -map 0:v -c:v libmica -effort 1 -flags low_delay -model "$root/models/weights/s.mmodel" -quality 60 e1.nut
equal "model from a file, low effort" "$(samples e1.nut)" "$("$mica" decode --md5 e1.nut)"
ff -i clip.mkv -map 0:v -c:v libmica -b:v 300k -bufsize 300k rate.nut
bits=$(($(wc -c <rate.nut) * 8))
equal "300 kbit in a second, within 20 %" "$((bits > 240000 && bits < 360000))" 1

keys() { # how many packets are key frames
    "$ffprobe" -v error -select_streams v -of csv=p=0 -show_entries packet=flags "$1" | grep -c K
}
stamps() { # time stamps of the frames as they leave the decoder, from the first one on
    "$ffprobe" -v error -select_streams v -of csv=p=0 -show_entries frame=pts_time "$1" |
        awk 'NR == 1 { first = $1 } { printf "%.2f\n", $1 - first }'
}
equal "one key frame" "$(keys a.nut)" 1
ff -i clip.mkv -map 0:v -c:v libmica -g 5 -quality 60 g5.nut
"$mica" encode -q 60 --gop 5 --video-only clip.mkv other.nut
equal "-g 5" "$(packets g5.nut)" "$(packets other.nut)"
equal "-g 5, key frames" "$(keys g5.nut)" 5
ff -i clip.mkv -map 0:v -c:v libmica -g 1 -quality 60 g1.nut
equal "-g 1, key frames" "$(keys g1.nut)" 25
ff -i clip.mkv -map 0:v -c:v libmica -force_key_frames 0.4 -quality 60 forced.nut
equal "a forced key frame" "$(keys forced.nut)" 2
ff -i clip.mkv -map 0:v -c:v libmica -preset fast -lookahead 0 -quality 60 fast.nut
"$mica" encode -q 60 --preset fast --lookahead 0 --video-only clip.mkv other.nut
equal "preset and lookahead" "$(packets fast.nut)" "$(packets other.nut)"
for bframes in 1 3 7; do
    ff -i clip.mkv -map 0:v -c:v libmica -bf $((bframes + bframes / 2)) -quality 60 bf.nut
    "$mica" encode -q 60 --bframes $bframes --video-only clip.mkv other.nut
    equal "$bframes B frames" "$(packets bf.nut)" "$(packets other.nut)"
    equal "$bframes B frames, samples" "$(samples bf.nut)" "$("$mica" decode --md5 bf.nut)"
    for container in mov nut; do
        ff -i bf.nut -c copy "copy-bf.$container"
        equal "$bframes B frames, $container" "$(samples "copy-bf.$container")" "$(samples bf.nut)"
        equal "$bframes B frames, $container, times" "$(stamps "copy-bf.$container")" "$(stamps a.nut)"
    done
    # Not NUT: it has no negative times, so that the first frame comes later than 0 there.
    equal "$bframes B frames, seeking" "$(frames -ss 0.6 -i copy-bf.mov -frames:v 3)" \
        "$(frames -i bf.nut | sed -n 16,18p)"
    # An edit list hides frames that are needed for decoding.
    ff -ss 0.6 -i copy-bf.mov -c copy trimmed.mov
    equal "$bframes B frames, trimmed" "$(frames -i trimmed.mov)" "$(frames -i bf.nut | sed -n '16,$p')"
done

damage() { # damage IN OUT CONDITION: change a byte of the packet for which the condition of awk holds
    at=$("$ffprobe" -v error -select_streams v -of csv=p=0 -show_entries packet=pos,flags "$1" |
        awk -F, "/K/ { key++ } $3 { print \$1 + 60; exit }")
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    cp "$1" "$2"
    printf "\\$(printf %o $((byte ^ 255)))" | dd of="$2" bs=1 seek="$at" conv=notrunc status=none
}
# A damaged key frame costs the frames up to the next one, or none with concealment.
damage g5.nut bad.nut 'key == 3'
equal "a damaged packet" "$(frames -i bad.nut 2>/dev/null | wc -l)" 20
equal "concealed" "$(frames -conceal 1 -i bad.nut 2>/dev/null | uniq -c | awk '$1 == 6' | wc -l)" 1
# Among B frames one packet can bring several errors.
ff -i clip.mkv -map 0:v -c:v libmica -g 10 -bf 3 -quality 60 bf.nut
damage bf.nut bad.nut 'NR == 2'
equal "a damaged packet among B frames" "$(frames -i bad.nut 2>/dev/null)" "$(frames -i bf.nut | sed 2,10d)"
equal "concealed among B frames" "$(frames -conceal 1 -i bad.nut 2>/dev/null | uniq -c | awk '$1 == 10' | wc -l)" 1
echo "$passed checks passed"
