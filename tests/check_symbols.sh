#!/bin/sh
# check_symbols.sh LIBRARY: a shared library exports mica_* and nothing else.
set -u
command -v nm >/dev/null || exit 77
symbols=$(nm -D --defined-only "$1") || exit 1
# The linker adds the second group on some systems.
others=$(printf '%s\n' "$symbols" | awk 'NF { print $NF }' | sed 's/@.*//' |
    grep -vE '^(mica_.*|_init|_fini|_edata|_end|__bss_start)$')
if [ -n "$others" ]; then
    printf 'exported without the prefix:\n%s\n' "$others"
    exit 1
fi
count=$(printf '%s\n' "$symbols" | grep -c ' mica_')
echo "$count symbols exported"
[ "$count" -gt 0 ]
