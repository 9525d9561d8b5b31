#!/bin/sh
# Prints the folder of redis-server, to be put at the end of PATH: oracle.sh BUILD
# Debian's redis-server is redis-check-rdb by another name, so redis-tools is enough.
if ! command -v redis-server >/dev/null && command -v redis-check-rdb >/dev/null; then
    mkdir -p "$1/oracle"
    ln -sf "$(command -v redis-check-rdb)" "$1/oracle/redis-server"
fi
mkdir -p "$1/oracle" && cd "$1/oracle" && pwd
