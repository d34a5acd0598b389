#!/bin/sh
# check_headers.sh ROOT CC [CXX]: every public header compiles alone, as C99, C11 and C++.
set -u
root=$1
cc=$2
cxx=${3:-}
status=0

# try COMPILER LANGUAGE STANDARD HEADER
try() {
    printf '#include "mica/%s"\n#include "mica/%s"\ntypedef int mica_header_test;\n' "$4" "$4" |
        "$1" -x "$2" -std="$3" -pedantic-errors -Wall -Wextra -Werror -I"$root/include" -fsyntax-only - ||
        {
            echo "mica/$4 does not compile as $3"
            status=1
        }
}

count=0
for path in "$root"/include/mica/*.h; do
    header=${path##*/}
    try "$cc" c c99 "$header"
    try "$cc" c c11 "$header"
    [ -z "$cxx" ] || try "$cxx" c++ c++11 "$header"
    count=$((count + 1))
done
echo "$count headers, C++ compiler: ${cxx:-none}"
exit $status
