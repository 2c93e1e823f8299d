#!/bin/sh
# Installs what the whole test suite needs beside Python packages, on Debian as root.
# Elsewhere it changes nothing: tests that miss a program are skipped by name.
set -u

missing=""
need() { # need PACKAGE COMMAND...: any of the commands will do
    package=$1
    shift
    for command in "$@"; do
        command -v "$command" >/dev/null 2>&1 && return
        [ -x "$command" ] && return
    done
    missing="$missing $package"
}

need redis-server redis-server
need postgresql postgres /usr/lib/postgresql/*/bin/postgres
need chromium chromium /usr/bin/chromium
need nginx-light nginx /usr/sbin/nginx
need openssl openssl
need gcc gcc
need libc6-dev /usr/include/stdio.h /usr/include/*/stdio.h
need procps ps

[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not here, so their tests will be skipped:$missing"
    exit 0
fi
echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null || echo "apt-get update failed; going on with the lists there are"
# shellcheck disable=SC2086 # one word per package
apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null ||
    echo "Could not install:$missing; their tests will be skipped"
