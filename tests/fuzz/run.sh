#!/bin/sh
# run.sh [-t SECONDS] [TARGET...]: build the fuzz targets with clang and the address and undefined-behaviour sanitizers in
# build/fuzz, and run each for that long (default 600 s), one after the other. What is found lies in build/fuzz/findings,
# the growing corpora in build/fuzz/corpus_TARGET.
set -eu
cd "$(dirname "$0")/../.."
seconds=600
if [ "${1:-}" = -t ]; then
    seconds=$2
    shift 2
fi
[ $# -gt 0 ] || set -- image stream model symbols roundtrip video sequence
generator=
[ -e build/fuzz/CMakeCache.txt ] || ! command -v ninja >/dev/null || generator=-GNinja
cmake $generator -S . -B build/fuzz -DCMAKE_C_COMPILER=clang -DMICA_FUZZ=ON \
    -DMICA_SANITIZE=fuzzer-no-link,address,undefined '-DCMAKE_C_FLAGS_RELEASE=-O2 -g1' >/dev/null
for target; do
    cmake --build build/fuzz --target "fuzz_$target" >/dev/null
done
mkdir -p build/fuzz/findings
status=0
for target; do
    mkdir -p "build/fuzz/corpus_$target"
    build/fuzz/tests/fuzz_$target -max_total_time="$seconds" -max_len=600 -timeout=60 -rss_limit_mb=3000 \
        -artifact_prefix="build/fuzz/findings/$target-" "build/fuzz/corpus_$target" "tests/fuzz/corpus_$target" \
        2>"build/fuzz/$target.log" || status=1
    echo "$target: $(grep -E '^Done|ERROR|SUMMARY' "build/fuzz/$target.log" | tail -n 1)"
done
exit $status
