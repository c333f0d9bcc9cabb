# Runs a PostgreSQL server until standard input ends, then removes all of it.
# usage: postgres-supervisor <directory of the programs> <port>; prints the server's directory once it answers.
set -eu
trap '' HUP INT TERM
directory=$(mktemp -d "${TMPDIR:-/tmp}/picloud-postgres-XXXXXX")
trap 'rm -rf "$directory"' EXIT

if ! "$1/initdb" --pgdata="$directory/data" --username=picloud --auth=trust --encoding=UTF8 --no-locale --no-sync \
    >"$directory/log" 2>&1 ||
    ! "$1/pg_ctl" start --wait --silent --pgdata="$directory/data" --log="$directory/log" -o "-p $2 \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=500 \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off" >>"$directory/log" 2>&1
then
    cat "$directory/log" >&2
    exit 1
fi
echo "$directory"
cat >/dev/null
"$1/pg_ctl" stop --wait --silent --mode=immediate --pgdata="$directory/data" >/dev/null
