#!/bin/sh
# Installs the Debian packages that are missing: deps.sh LIST ...
#
# Asks dpkg first, so that it costs nothing when all is there. PROGRAM=PACKAGE asks
# for the program instead: whoever has it from elsewhere needs no package. The
# redis-server of Debian is redis-check-rdb by another name: redis-tools holds it, and
# unlike the package redis-server it starts no service behind anyone's back.
set -u

run='gcc=gcc make=make libc6-dev libev-dev libjemalloc-dev libedit-dev
     libxxhash-dev liblzf-dev libisal-dev nettle-dev
     liblua5.1-0-dev lua-cjson-dev lua-bitop-dev libmsgpack-dev'
build="$run libcjson-dev"
test="$build git=git clang=clang nm=binutils libcunit1-dev redis-cli=redis-tools
      python3=python3 python3-redis python3-rq python3-celery"
fuzz="$build clang=clang libclang-rt-14-dev"
style='clang-format=clang-format clang-tidy=clang-tidy'
debug="$build gdb=gdb"
perf="$build perf=linux-perf"
callgrind="$build valgrind=valgrind redis-cli=redis-tools"
cover="$test lcov=lcov"
compare="$build python3=python3 redis-cli=redis-tools"

command -v dpkg-query >/dev/null || {
    echo "deps: no dpkg here; going on with what there is" >&2
    exit 0
}

packages='' missing=''
for list; do
    for want in $(eval "echo \"\$$list\""); do
        case $want in
        *=*) command -v "${want%%=*}" >/dev/null || missing="$missing ${want#*=}" ;;
        *) packages="$packages $want" ;;
        esac
    done
done
if [ -n "$packages" ]; then
    there=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null |
        sed -n 's/^installed //p' | tr '\n' ' ') "
    for package in $packages; do
        case $there in *" $package "*) ;; *) missing="$missing $package" ;; esac
    done
fi
missing=$(echo $missing | tr ' ' '\n' | sort -u | tr '\n' ' ')
[ -n "${missing% }" ] || exit 0

as_root=''
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: as root, please: apt-get install --no-install-recommends $missing" >&2
        exit 1
    fi
    as_root='sudo'
fi
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
        --no-install-recommends "$@"
}
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
echo "deps: installing $missing"
# The lists of packages may be missing or old; they are fetched when that shows.
if ! apt install $missing >"$said" 2>&1 </dev/null; then
    apt update >"$said" 2>&1 </dev/null && apt install $missing >"$said" 2>&1 </dev/null || {
        cat "$said" >&2
        echo "deps: apt-get could not install $missing" >&2
        exit 1
    }
fi
