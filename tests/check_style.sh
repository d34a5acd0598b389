#!/bin/sh
# check_style.sh [ROOT]: blanks, line ends and encoding of the sources, and clang-format. Exit code 77 if everything
# that could be checked is fine but clang-format 14 is missing; other versions format differently.
set -u
cd "${1:-$(dirname "$0")/..}" || exit 1
status=0

# Files that git knows, or, in an unpacked archive, all but the build folders.
list_files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -- "$@"
    else
        for pattern in "$@"; do
            find . \( -name .git -o -path './build*' \) -prune -o -type f -name "$pattern" -print
        done
    fi
}

# report MESSAGE LINES: complain if there are any.
report() {
    if [ -n "$2" ]; then
        printf '%s:\n%s\n' "$1" "$2"
        status=1
    fi
}

tab=$(printf '\t')
text=$(list_files '*.c' '*.h' '*.inc' '*.S' '*.py' '*.sh' '*.cmake' 'CMakeLists.txt' '*.md' | sort -u)
c_files=$(printf '%s\n' "$text" | grep -E '\.(c|h|inc)$')
present=
for file in $text; do
    [ -f "$file" ] && present="$present $file" # deleted, but still in the index
done
if [ -z "$present" ]; then
    echo "no files to check"
    exit 1
fi

# shellcheck disable=SC2086 # lists of names without blanks
report "tabs" "$(grep -n "$tab" /dev/null $present)"
# shellcheck disable=SC2086
report "blanks at the end of a line" "$(grep -nE '[[:blank:]]$' /dev/null $present)"
# shellcheck disable=SC2086
report "carriage returns" "$(grep -n "$(printf '\r')" /dev/null $present)"
report "no newline at the end" "$(for file in $present; do
    [ -z "$(tail -c 1 "$file")" ] || echo "$file"
done)"
report "characters outside ASCII" "$(for file in $c_files; do
    [ -f "$file" ] && LC_ALL=C grep -n '[^ -~]' /dev/null "$file" | grep -v "$tab"
done)"

for format in clang-format-14 clang-format; do
    case $("$format" --version 2>/dev/null) in
    *"version 14."*)
        for file in $c_files; do
            [ -f "$file" ] || continue
            if ! message=$("$format" --dry-run -Werror "$file" 2>&1); then
                printf '%s\n' "$message" | grep -m 3 'clang-format-violations'
                status=1
            fi
        done
        exit $status
        ;;
    esac
done
[ $status -ne 0 ] && exit $status
echo "clang-format 14 is missing: the layout of the sources is not checked"
exit 77
