# PostgreSQL, RabbitMQ and Redis in containers, for a machine that has a Docker
# engine but neither their packages nor the right to install them. Sourced by
# `servers.sh`, which decides when. The Leadwire services never run in these.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # DIR, PG_PORT and others come from servers.sh

# The ports inside the containers are the usual ones.
container_name() { printf 'leadwire-%s-%s' "$(printf '%s' "$DIR" | sha256sum | cut -c1-12)" "$1"; }

container_pid() {
  local pid
  pid=$(docker inspect -f '{{.State.Pid}}' "$(container_name "$1")" 2>/dev/null) || return 1
  [[ $pid =~ ^[1-9][0-9]*$ ]] && say "$pid"
}

container_start() {
  local name
  name=$(container_name "$1")
  if ! docker inspect "$name" >/dev/null 2>&1; then
    "container_create_$1" "$name" >>"$LOGS/$1.log" 2>&1 ||
      { tail -n 20 "$LOGS/$1.log" >&2 && die "docker could not make the container $name"; }
  fi
  docker start "$name" >>"$LOGS/$1.log" 2>&1 ||
    { tail -n 20 "$LOGS/$1.log" >&2 && die "docker could not start the container $name"; }
  container_pid "$1" >"$PIDS/$1.pid" || true
}

container_create_postgres() {
  local extra=()
  read -r -a extra <<<"${PG_EXTRA:-}"
  docker create --name "$1" -p "127.0.0.1:$PG_PORT:5432" -e POSTGRES_HOST_AUTH_METHOD=trust \
    -e POSTGRES_DB=leadwire postgres:15 -c max_connections=400 "${extra[@]}"
}

container_create_redis() {
  docker create --name "$1" -p "127.0.0.1:$REDIS_PORT:6379" redis:7 redis-server --appendonly yes --save ''
}

container_create_rabbitmq() {
  local files status
  files=$(mktemp -d)
  rabbitmq_definitions "$DIR/rabbitmq.passwords" >"$files/definitions.json"
  rabbitmq_common_config /etc/rabbitmq/definitions.json >"$files/20-leadwire.conf"
  chmod 644 "$files"/*
  docker create --name "$1" --hostname leadwire -p "127.0.0.1:$AMQP_PORT:5672" \
    -p "127.0.0.1:$MGMT_PORT:15672" rabbitmq:3-management &&
    docker cp "$files/definitions.json" "$1:/etc/rabbitmq/definitions.json" &&
    docker cp "$files/20-leadwire.conf" "$1:/etc/rabbitmq/conf.d/20-leadwire.conf"
  status=$?
  rm -rf "$files"
  return "$status"
}

container_stop() { docker stop -t 15 "$(container_name "$1")" >/dev/null 2>&1 || true; }

containers_remove() {
  local server
  for server in postgres rabbitmq redis; do
    docker rm -f -v "$(container_name "$server")" >/dev/null 2>&1 || true
  done
}

# Over TCP: while the image sets itself up, a first server answers on a socket.
container_psql() { docker exec -i "$(container_name postgres)" psql -h 127.0.0.1 -U postgres "$@"; }
