# A private Redis in $DATA/redis, reachable on loopback only. Sourced by
# `servers.sh`, which calls the redis_* functions. It holds only what may be
# lost, so it is not tuned for durability.
# shellcheck shell=bash disable=SC2153,SC2154 # DATA, REDIS_PORT and others come from servers.sh

redis_port() { say "$REDIS_PORT"; }

redis_start() {
  local program
  program=$(redis_server) || die "Redis is not installed: run '$0 install'"
  server_folder "$DATA/redis"
  launch "$PIDS/redis.pid" "$LOGS/redis.log" "$DATA/redis" \
    "$program" --port "$REDIS_PORT" --bind 127.0.0.1 --dir "$DATA/redis" \
    --appendonly yes --save '' --daemonize no
}

redis_ready() {
  local answer
  answer=$(redis_ping 2>/dev/null) && [[ $answer == +PONG* ]]
}

redis_ping() {
  local line
  exec 3<>"/dev/tcp/127.0.0.1/$REDIS_PORT" || return 1
  printf 'PING\r\n' >&3
  read -r -t 5 line <&3 || return 1
  say "$line"
}

redis_leaving() { return 1; }

redis_stop_signal() { say TERM; }
