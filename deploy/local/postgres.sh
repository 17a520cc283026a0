# A private PostgreSQL: one cluster in $DATA/postgres, reachable on loopback
# only, where it trusts everyone. Sourced by `servers.sh`, which calls the
# postgres_* functions. The service roles are not made here but by
# `leadwire migrate`.
# shellcheck shell=bash disable=SC2153,SC2154 # DATA, PG_PORT and others come from servers.sh

postgres_port() { say "$PG_PORT"; }

# The binaries that fit the cluster on disk: a cluster of one major version
# cannot be opened by another.
postgres_programs() {
  local major='*' bin
  if [[ -r $DATA/postgres/PG_VERSION ]]; then read -r major <"$DATA/postgres/PG_VERSION"; fi
  bin=$(postgres_bin "$major") || die "PostgreSQL ${major#\*} is not installed: run '$0 install',
  or '$0 destroy $DIR' to give up data of another version"
  printf '%s' "$bin"
}

postgres_start() {
  local bin extra=()
  bin=$(postgres_programs)
  if [[ ! -f $DATA/postgres/PG_VERSION ]]; then
    # Made beside its place and moved there whole, so that an interrupted run
    # leaves nothing half made.
    rm -rf "$DATA/postgres.new"
    mkdir -p "$DATA/postgres"
    server_folder "$DATA/postgres.new"
    (cd / && as_server env LC_ALL=C.UTF-8 "$bin/initdb" -A trust -U postgres -E UTF8 \
      --locale=C.UTF-8 -D "$DATA/postgres.new") >>"$LOGS/postgres.log" 2>&1 ||
      { tail -n 20 "$LOGS/postgres.log" >&2 && die "initdb failed (its output is above)"; }
    rmdir "$DATA/postgres"
    mv -T "$DATA/postgres.new" "$DATA/postgres"
  fi
  # No process works in this folder any more (servers.sh saw to it), so a pid
  # file that a crash left behind only misleads: its pid may be anyone's now.
  rm -f "$DATA/postgres/postmaster.pid"
  read -r -a extra <<<"${PG_EXTRA:-}"
  launch "$PIDS/postgres.pid" "$LOGS/postgres.log" "$DATA/postgres" \
    "$bin/postgres" -D "$DATA/postgres" -p "$PG_PORT" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c max_connections=400 -c timezone=UTC -c log_timezone=UTC \
    "${extra[@]}"
}

postgres_sql() {
  local bin options=(-X -q -A -t -v ON_ERROR_STOP=1)
  if [[ $MODE == containers ]]; then
    container_psql "${options[@]}" -c "$1" 2>&1
  else
    bin=$(postgres_programs) || return 1
    env -i LC_ALL=C.UTF-8 PGCONNECT_TIMEOUT=5 "$bin/psql" "${options[@]}" \
      -d "postgres://postgres@127.0.0.1:$PG_PORT/postgres" -c "$1" 2>&1
  fi
}

# True when it answers; makes the database on the way when it is not there.
postgres_ready() {
  local answer
  answer=$(postgres_sql "select count(*) from pg_database where datname = 'leadwire'") || return 1
  [[ $answer == 1 ]] || postgres_sql 'create database leadwire' >/dev/null
}

# True while it waits for its clients to leave: somebody sent it a SIGTERM. It
# takes no connections then and may never end.
postgres_leaving() {
  local answer
  ! answer=$(postgres_sql 'select 1') && [[ $answer == *"shutting down"* ]]
}

# SIGINT ends it at once and cleanly; SIGTERM would wait for the clients.
postgres_stop_signal() { say INT; }
