#!/bin/sh
# run.sh [-t SECONDS] [-r RUNS] [TARGET...]: build the fuzz targets with clang and the address and undefined-behaviour
# sanitizers in build/fuzz, and run each for that long (default 600 s), or, with -r, until it has made so many executions,
# one after the other. What is found lies in build/fuzz/findings, the growing corpora in build/fuzz/corpus_TARGET, and
# build/fuzz/counts.txt gets a line "TARGET EXECUTIONS" after each.
set -eu
cd "$(dirname "$0")/../.."
seconds=600
runs=-1
while getopts t:r: option; do
    case $option in
    t) seconds=$OPTARG ;;
    r) runs=$OPTARG seconds=0 ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- image container stream model symbols alpha roundtrip video sequence
generator=
[ -e build/fuzz/CMakeCache.txt ] || ! command -v ninja >/dev/null || generator=-GNinja
cmake $generator -S . -B build/fuzz -DCMAKE_C_COMPILER=clang -DMICA_FUZZ=ON \
    -DMICA_SANITIZE=fuzzer-no-link,address,undefined \
    "-DCMAKE_C_FLAGS=-g1 -fsanitize-coverage-ignorelist=$PWD/tests/fuzz/uncovered.txt" >/dev/null
# Nothing is gained from remembering long call stacks, nor megabytes of freed blocks of small inputs.
export ASAN_OPTIONS="quarantine_size_mb=16:malloc_context_size=4${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
for target; do
    cmake --build build/fuzz --target "fuzz_$target" >/dev/null
done
mkdir -p build/fuzz/findings
status=0
for target; do
    mkdir -p "build/fuzz/corpus_$target"
    build/fuzz/tests/fuzz_$target -max_total_time="$seconds" -runs="$runs" -max_len=600 -timeout=60 -rss_limit_mb=3000 \
        -artifact_prefix="build/fuzz/findings/$target-" "build/fuzz/corpus_$target" "tests/fuzz/corpus_$target" \
        2>"build/fuzz/$target.log" || status=1
    echo "$target $(sed -n 's/^#\([0-9]*\).*/\1/p; s/^Done \([0-9]*\) .*/\1/p' "build/fuzz/$target.log" | tail -n 1)" \
        >>build/fuzz/counts.txt
    echo "$target: $(grep -E '^Done|ERROR|SUMMARY' "build/fuzz/$target.log" | tail -n 1)"
done
exit $status
