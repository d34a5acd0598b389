#!/bin/sh
# sanitize.sh thread|valgrind SOURCE FOLDER: build the unit tests in FOLDER and run those that use threads or much memory
# with ThreadSanitizer (clang) or under valgrind. Minutes. Exit code 77: a tool is missing.
set -eu
kind=$1
source=$2
folder=$3
generator=
[ -e "$folder/CMakeCache.txt" ] || ! command -v ninja >/dev/null || generator=-GNinja
status=0
case $kind in
thread)
    command -v clang >/dev/null || exit 77
    # The library takes part in the check, so it is built with the sanitizer as well.
    cmake $generator -S "$source" -B "$folder" -DCMAKE_C_COMPILER=clang -DMICA_SANITIZE=thread -DMICA_TOOLS=OFF \
        -DCMAKE_C_FLAGS=-g1 >/dev/null
    tests="pool motion symbol_coder model codec parts search abuse video sequence"
    ;;
valgrind)
    command -v valgrind >/dev/null || exit 77
    # valgrind does not know AVX-512.
    cmake $generator -S "$source" -B "$folder" -DMICA_TOOLS=OFF -DMICA_SIMD=OFF -DCMAKE_C_FLAGS=-g1 >/dev/null
    tests="bytes mem pool hash motion symbol_coder model abuse oom contents mask parts codec video sequence"
    ;;
*)
    echo "sanitize.sh thread|valgrind SOURCE FOLDER"
    exit 1
    ;;
esac
for name in $tests; do
    cmake --build "$folder" --target "test_$name" >"$folder/build.log" || { tail "$folder/build.log"; exit 1; }
    run="$folder/tests/test_$name"
    if [ "$kind" = valgrind ]; then
        run="valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,possible $run"
    fi
    if $run >"$folder/$name.log" 2>&1; then
        echo "$kind $name: ok"
    else
        echo "$kind $name: FAILED"
        tail -n 40 "$folder/$name.log"
        status=1
    fi
done
exit $status
