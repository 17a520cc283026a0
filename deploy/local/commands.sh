# The commands of `dev` that run the system: up, scale, demo, down, status, logs,
# psql and reset. Sourced by `dev`. Building for tests and checking are in checks.sh.
# shellcheck shell=bash disable=SC2153,SC2154 # ROOT, DEV and others come from dev

# Brings everything to a running system. Safe to repeat: what runs and is
# current stays as it is.
cmd_up() {
  local profile=debug service start offset begun programs
  begun=$(now_ms)
  parse_profile "$@"
  mkdir -p "$DEV"/{logs,pids,run}
  lock_dev
  need_toolchain
  if [[ -n ${LEADWIRE_PORT_OFFSET:-} ]]; then say "$LEADWIRE_PORT_OFFSET" >"$DEV/port-offset"; fi
  offset=$(port_offset)

  "$SERVERS_SH" install
  say "servers"
  "$SERVERS_SH" start "$DEV" $((15432 + offset)) $((15673 + offset)) $((15674 + offset)) $((16379 + offset)) ||
    die "the servers did not start (see above); where a port is taken, move all of them: LEADWIRE_PORT_OFFSET=200 ./dev up"
  make_secrets

  # The tests have just built it, and run several of these.
  if [[ -z ${LEADWIRE_IS_BUILT:-} ]]; then
    say "build"
    start=$(now_ms)
    build_programs "$profile"
    took "cargo build ($profile)" "$start"
  fi

  say "system"
  start=$(now_ms)
  leadwire migrate >>"$DEV/logs/cli.log" 2>&1 || cli_failed migrate
  took "database migrated" "$start"
  start=$(now_ms)
  leadwire topology apply >>"$DEV/logs/cli.log" 2>&1 || cli_failed "topology apply"
  took "broker topology applied" "$start"

  mapfile -t programs < <(replicas)
  for service in "${programs[@]}"; do start_service "$service" "$profile"; done
  for service in "${programs[@]}"; do
    start=$(now_ms)
    await_service "$service"
    took "$service ready" "$start" "$(service_url "$service")"
  done
  start=$(now_ms)
  write_dev_env
  took "platform admin key" "$start" "in .dev/env"
  took "all" "$begun"
  say ""
  say "Leadwire runs at $(service_url gateway)"
  say "  .dev/env holds the admin key and every address; './dev status' shows what runs,"
  say "  './dev logs SERVICE' follows a log, './dev demo' sends something through, './dev down' stops all."
}

# Runs N replicas of a service. The gateway's own replicas, which balance over
# the others', are started anew one after another when their list has changed.
#   cmd_scale SERVICE N
cmd_scale() {
  local service=${1:-} count=${2:-} number replica profile start
  [[ $# -eq 2 && $count =~ ^[1-9]$ && " ${SERVICES[*]} " == *" $service "* ]] ||
    usage_error "scale: name one of ${SERVICES[*]} and a number from 1 to 9"
  [[ -f $DEV/env ]] || die "nothing runs yet: run './dev up'"
  lock_dev
  profile=$(running_profile)
  for ((number = count + 1; number <= $(replica_count "$service"); number++)); do
    stop_service "$service-$number"
  done
  mkdir -p "$DEV/replicas"
  say "$count" >"$DEV/replicas/$service"
  for replica in $(replicas_of "$service") $(replicas_of gateway); do
    start=$(now_ms)
    start_service "$replica" "$profile"
    await_service "$replica"
    took "$replica ready" "$start" "$(service_url "$replica")"
  done
  write_dev_env
}

# Starts one replica again that has ended, as its supervisor does elsewhere. Does
# not wait until it is ready.
#   cmd_start REPLICA
cmd_start() {
  local replica=${1:-}
  [[ $# -eq 1 && " $(replicas | tr '\n' ' ') " == *" $replica "* ]] ||
    usage_error "start: name one of $(replicas | tr '\n' ' ')"
  [[ -f $DEV/env ]] || die "nothing runs yet: run './dev up'"
  lock_dev
  start_service "$replica" "$(running_profile)"
}

# What the running services were built as: debug unless the gateway says otherwise.
running_profile() {
  local pid
  pid=$(service_pid gateway) && runs_program "$pid" "$TARGET/release/gateway" && say release && return
  say debug
}

# Sets the caller's `profile`.
parse_profile() {
  case "${1:-} ${2:-}" in
  ' ') profile=debug ;;
  '--release ') profile=release ;;
  *) usage_error "unknown argument: $*" ;;
  esac
}

# Two runs on the same .dev would undo each other's work.
lock_dev() {
  exec 8>"$DEV/lock"
  flock -n 8 || die "another './dev' command is at work on $DEV: wait for it to end"
}

build_programs() {
  local options=(--workspace --bins --locked)
  if [[ $1 == release ]]; then options+=(--release); fi
  (cd "$ROOT" && SQLX_OFFLINE=true cargo build "${options[@]}" 8>&-) ||
    die "the build failed (cargo's messages are above)"
}

# The operator's CLI of the running system, of the caller's `profile`.
leadwire() {
  DATABASE_URL=$(server_address DATABASE_URL) AMQP_URL=$(server_address AMQP_URL) \
    LEADWIRE_GATEWAY__SECRETS__PEPPER=$(secret LEADWIRE_GATEWAY__SECRETS__PEPPER) \
    "$TARGET/$profile/leadwire" "$@"
}

cli_failed() {
  tail -n 20 "$DEV/logs/cli.log" >&2
  die "'leadwire $1' failed (the end of $DEV/logs/cli.log is above)"
}

# Makes the admin key, or keeps the one in .dev/env when it still works, and
# writes every address into .dev/env.
write_dev_env() {
  local key old service name options=()
  old=$(dev_value LEADWIRE_ADMIN_KEY)
  if [[ -n $old ]]; then options=(--existing-key "$old"); fi
  key=$(leadwire bootstrap "${options[@]}" 2>>"$DEV/logs/cli.log") || cli_failed bootstrap
  [[ -n $key && $key != *[[:space:]]* ]] || die "'leadwire bootstrap' printed something other than one key"
  {
    say "LEADWIRE_URL=$(service_url gateway)"
    say "LEADWIRE_ADMIN_KEY=$key"
    for name in DATABASE_URL AMQP_URL REDIS_URL RABBITMQ_MANAGEMENT_URL; do
      say "$name=$(server_address "$name")"
    done
    for service in $(replicas); do
      name=$(upper_name "$service")
      say "${name}_URL=$(service_url "$service")"
      say "${name}_OPS_URL=http://127.0.0.1:$(service_ops_port "$service")"
    done
  } | write_private "$DEV/env"
}

dev_value() { sed -n "s/^$1=//p" "$DEV/env" 2>/dev/null || true; }

# `up`, then the demonstration program; its exit code is ours.
cmd_demo() {
  local profile options=(-p e2e --bin demo --locked)
  parse_profile "$@"
  cmd_up "$@"
  if [[ $profile == release ]]; then options+=(--release); fi
  (cd "$ROOT" && SQLX_OFFLINE=true cargo build "${options[@]}" 8>&-) || die "the demo does not build"
  set -a
  # shellcheck source=/dev/null
  source "$DEV/env"
  set +a
  exec 8>&-
  cd "$ROOT" || exit 1
  exec "$TARGET/$profile/demo"
}

# Stops the services, then the servers, those of the tests too.
cmd_down() {
  local start
  no_arguments "$@"
  [[ -d $DEV ]] || return 0
  lock_dev
  start=$(now_ms)
  stop_services
  "$SERVERS_SH" stop "$DEV"
  "$SERVERS_SH" stop "$DEV/test"
  took "everything stopped" "$start"
}

cmd_status() {
  local status=0
  no_arguments "$@"
  printf '%-20s %8s %6s  %s\n' NAME PID PORT HEALTH
  services_status || status=1
  if [[ -f $DEV/servers.conf ]]; then
    "$SERVERS_SH" status "$DEV" || status=1
  else
    status=1
  fi
  if [[ -f $DEV/test/servers.conf ]]; then
    say "for tests:"
    "$SERVERS_SH" status "$DEV/test" || true
  fi
  return "$status"
}

cmd_logs() {
  local name=${1:-}
  [[ $# -eq 1 ]] || usage_error "logs: name one of ${SERVICES[*]} postgres rabbitmq redis"
  [[ -f $DEV/logs/$name.log && $name != */* ]] ||
    die "no log of '$name': there are $(cd "$DEV/logs" 2>/dev/null && printf '%s ' *.log)"
  exec tail -n 50 -F "$DEV/logs/$name.log"
}

cmd_psql() {
  [[ -f $DEV/servers.conf ]] || die "there is no database yet: run './dev up'"
  exec "$SERVERS_SH" psql "$DEV" "$@"
}

# Stops everything and deletes .dev with all data, keys and logs.
cmd_reset() {
  local conf
  no_arguments "$@"
  [[ -d $DEV ]] || return 0
  lock_dev
  stop_services
  for conf in "$DEV/servers.conf" "$DEV"/*/servers.conf; do
    if [[ -f $conf ]]; then "$SERVERS_SH" destroy "${conf%/servers.conf}"; fi
  done
  rm -rf "$DEV"
  say "stopped, and .dev deleted"
}
