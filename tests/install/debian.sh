#!/bin/sh
# debian.sh SOURCE: build the Debian packages, install them into a Debian that has nothing else, and use them there.
# Needs root, debootstrap and a network (or MICA_MIRROR); minutes. Exit code 77: one of these is missing.
set -eu
source=$(cd "$1" && pwd)
if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null || ! command -v dpkg-shlibdeps >/dev/null; then
    echo "debian.sh: needs root, debootstrap and dpkg-dev"
    exit 77
fi
. /etc/os-release
folder=$(mktemp -d)
trap 'rm -rf --one-file-system "$folder"' EXIT
generator=
command -v ninja >/dev/null && generator=-GNinja
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
cmake $generator -S "$source" -B "$folder/build" -DMICA_SHARED=ON -DMICA_TESTS=OFF -DCMAKE_INSTALL_PREFIX=/usr \
    -DCMAKE_INSTALL_LIBDIR="lib/$triplet" -DCMAKE_SKIP_INSTALL_RPATH=ON >/dev/null
cmake --build "$folder/build" >/dev/null
(cd "$folder/build" && cpack -G DEB >/dev/null)

root=$folder/root
debootstrap --variant=minbase "$VERSION_CODENAME" "$root" ${MICA_MIRROR:+"$MICA_MIRROR"} >"$folder/debootstrap.log" 2>&1 || {
    tail -n 3 "$folder/debootstrap.log"
    exit 77
}
# How this machine reaches its mirror: a chroot has no other way to know.
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
mkdir "$root/pkg"
cp "$folder"/build/*.deb "$source"/testimages/*.png "$root/pkg/"
cp "$source/tests/install/consumer/one_shot.c" "$root/pkg/"
cat >"$root/pkg/try.sh" <<'END'
set -eu
cd /pkg
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
if [ "$1" = command ]; then
    apt-get install -q -y --no-install-recommends ./libmica[0-9]*.deb ./mica_*.deb >log 2>&1 || { tail log; exit 1; }
    mica --version
    photo=$(ls -S *.png | head -n 1)
    mica encode "$photo" photo.mica
    mica decode photo.mica back.png
    mica compare "$photo" back.png
    ls /usr/share/man/man1/mica-encode.1.gz 2>/dev/null || echo "(manual pages left out by this system's dpkg settings)"
else
    apt-get install -q -y --no-install-recommends ./libmica-dev*.deb gcc libc6-dev pkg-config >log 2>&1 ||
        { tail log; exit 1; }
    gcc one_shot.c -o one_shot $(pkg-config --cflags --libs mica)
    ./one_shot
    apt-get remove -q -y mica libmica-dev >log 2>&1
    ! command -v mica
fi
END
chroot "$root" sh /pkg/try.sh command
chroot "$root" sh /pkg/try.sh development
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error --suppress-tags bad-distribution-in-changes-file "$folder"/build/*.deb ||
        { echo "lintian finds errors"; exit 1; }
fi
echo "the packages install and run"
