#!/bin/sh
# run.sh [-t SECONDS] [-r RUNS] [-f] [TARGET...]: build the fuzz targets with clang and the address and undefined-behaviour
# sanitizers in build/fuzz, and run each for that long (default 600 s), or, with -r, until it has made so many executions,
# one after the other. With -f there are no sanitizers, and the folder is build/fuzz-fast: six times as many executions of
# roundtrip, whose own checks remain. What is found lies in build/fuzz/findings, the growing corpora in
# build/fuzz/corpus_TARGET, and build/fuzz/counts.txt gets a line "TARGET EXECUTIONS" after each.
set -eu
cd "$(dirname "$0")/../.."
seconds=600
runs=-1
build=build/fuzz
sanitizers=,address,undefined
while getopts t:r:f option; do
    case $option in
    t) seconds=$OPTARG ;;
    r) runs=$OPTARG seconds=0 ;;
    f) build=build/fuzz-fast sanitizers= ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- image container stream model symbols alpha roundtrip video sequence
generator=
[ -e "$build/CMakeCache.txt" ] || ! command -v ninja >/dev/null || generator=-GNinja
cmake $generator -S . -B "$build" -DCMAKE_C_COMPILER=clang -DMICA_FUZZ=ON \
    "-DMICA_SANITIZE=fuzzer-no-link$sanitizers" \
    "-DCMAKE_C_FLAGS=-g1 -fsanitize-coverage-ignorelist=$PWD/tests/fuzz/uncovered.txt" >/dev/null
# A picture's work memory would be mapped and faulted in anew every time.
export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824
# Nothing is gained from remembering long call stacks, nor megabytes of freed blocks of small inputs.
export ASAN_OPTIONS="quarantine_size_mb=16:malloc_context_size=4${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
for target; do
    cmake --build "$build" --target "fuzz_$target" >/dev/null
done
mkdir -p "$build/findings"
status=0
for target; do
    mkdir -p "$build/corpus_$target"
    "$build/tests/fuzz_$target" -max_total_time="$seconds" -runs="$runs" -max_len=600 -timeout=60 -rss_limit_mb=3000 \
        -artifact_prefix="$build/findings/$target-" "$build/corpus_$target" "tests/fuzz/corpus_$target" \
        2>"$build/$target.log" || status=1
    echo "$target $(sed -n 's/^#\([0-9]*\).*/\1/p; s/^Done \([0-9]*\) .*/\1/p' "$build/$target.log" | tail -n 1)" \
        >>"$build/counts.txt"
    echo "$target: $(grep -E '^Done|ERROR|SUMMARY' "$build/$target.log" | tail -n 1)"
done
exit $status
