#!/bin/sh
# check.sh: build and test everything, first as users build it, then with clang and the sanitizers. Fails if anything
# does.
set -u
cd "$(dirname "$0")/.." || exit 1
sh tools/setup.sh || exit 1
jobs=$(nproc 2>/dev/null || echo 2)
failed=

# check NAME cmake-option...: configure, build and test in build/NAME.
check() {
    name=$1
    folder=build/$name
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    mkdir -p "$folder"
    rm -f "$folder/ctest.log"
    generator=
    # A folder keeps the generator that it was made with.
    [ -e "$folder/CMakeCache.txt" ] || generator="-GNinja"
    cmake $generator -S . -B "$folder" -DMICA_WERROR=ON -DMICA_TESTS=ON "$@" &&
        cmake --build "$folder" -j "$jobs" &&
        ctest --test-dir "$folder" --output-on-failure --no-tests=error -j "$jobs" \
            -O "$PWD/$folder/ctest.log" ||
        failed="$failed $name"
}

CC=gcc
command -v gcc >/dev/null || CC=cc
# The shared library too: the command may then use public symbols only, and those are checked.
check check -DCMAKE_C_COMPILER="$CC" -DMICA_SHARED=ON
# Optimised a little, for otherwise the pictures take minutes.
check sanitize -DCMAKE_C_COMPILER=clang -DMICA_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=Debug \
    '-DCMAKE_C_FLAGS_DEBUG=-O1 -g'

for name in check sanitize; do
    printf '\n== Summary of %s (build/%s/ctest.log)\n' "$name" "$name"
    if ! sed -n '/tests passed/,$p' "build/$name/ctest.log" 2>/dev/null | grep -v '^\[' | grep .; then
        echo "did not get as far as the tests"
    fi
done
if [ -n "$failed" ]; then
    printf '\nFAILED:%s\n' "$failed"
    exit 1
fi
printf '\nAll passed.\n'
