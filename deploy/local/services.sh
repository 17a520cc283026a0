# The six Leadwire services as local processes: their settings, secrets, start,
# stop and health. Sourced by `dev`. It builds nothing, and the three servers
# they need are the business of servers.sh.
# shellcheck shell=bash disable=SC2153,SC2154 # DEV, TARGET and others come from dev

# Every port of `up` is moved by this much.
port_offset() { say "${LEADWIRE_PORT_OFFSET:-$(cat "$DEV/port-offset" 2>/dev/null || say 0)}"; }

# The services whose program is written; one that is a library so far is left out.
service_programs() {
  local service
  for service in "${SERVICES[@]}"; do
    if [[ -f $ROOT/services/$service/src/main.rs ]]; then say "$service"; fi
  done
}

# A replica is called like its service, the second and further ones with their
# number: `lead-intake`, `lead-intake-2`. What follows takes such a name.
service_of() { say "${1%-[2-9]}"; }
replica_number() { if [[ $1 == *-[2-9] ]]; then say "${1##*-}"; else say 1; fi; }

# How many replicas of a service `./dev scale` has asked for.
replica_count() { cat "$DEV/replicas/$1" 2>/dev/null || say 1; }

# The replicas of a service, or of all services whose program is written.
replicas_of() {
  local number
  say "$1"
  for ((number = 2; number <= $(replica_count "$1"); number++)); do say "$1-$number"; done
}
replicas() {
  local service
  for service in $(service_programs); do replicas_of "$service"; done
}

# The main port: 8080 for the first service, 8081 for the second, …; a second
# replica ten above.
service_port() {
  local index service
  service=$(service_of "$1")
  for index in "${!SERVICES[@]}"; do
    if [[ ${SERVICES[$index]} == "$service" ]]; then
      say $((8070 + index + 10 * $(replica_number "$1") + $(port_offset))) && return
    fi
  done
  die "no service is called '$service': there are ${SERVICES[*]}"
}

service_ops_port() { say $(($(service_port "$1") + 1000)); }

service_url() { say "http://127.0.0.1:$(service_port "$1")"; }

# The addresses of all replicas of a service, separated by commas.
replica_urls() {
  local replica urls=()
  for replica in $(replicas_of "$1"); do urls+=("$(service_url "$replica")"); done
  (IFS=, && say "${urls[*]}")
}

# The keys the services share, made once: a new one would make what is stored
# unreadable and every credential invalid.
make_secrets() {
  if [[ ! -s $DEV/secrets.env ]]; then
    generate_secrets | write_private "$DEV/secrets.env"
    return
  fi
  # Made before there were access tokens, automations, or certificates: the old lines stay as they are.
  if ! grep -q "^$SIGNING_KEYS=" "$DEV/secrets.env"; then
    { cat "$DEV/secrets.env" && generate_signing_key; } | write_private "$DEV/secrets.env"
  fi
  if ! grep -q "^$AUTOMATIONS_KEY=" "$DEV/secrets.env"; then
    { cat "$DEV/secrets.env" && say "$AUTOMATIONS_KEY=$(random_key)"; } | write_private "$DEV/secrets.env"
  fi
  if ! grep -q "^$CERTIFICATES_KEY=" "$DEV/secrets.env"; then
    { cat "$DEV/secrets.env" && say "$CERTIFICATES_KEY=$(random_key)"; } | write_private "$DEV/secrets.env"
  fi
}

SIGNING_KEYS=LEADWIRE_GATEWAY__OAUTH__SIGNING_KEYS
AUTOMATIONS_KEY=LEADWIRE_CRM_RESOURCES__AUTOMATIONS__SIGNING_KEY
CERTIFICATES_KEY=LEADWIRE_LEX_ROUTER__CONFORMANCE__SIGNING_KEY
# The seed of an Ed25519 key is any 32 bytes, so no tool is needed to make one.
generate_signing_key() { say "$SIGNING_KEYS=1:$(random_key)"; }

generate_secrets() {
  local service name key
  for service in "${SERVICES[@]}"; do
    name=$(upper_name "$service") key=$(random_key)
    say "LEADWIRE_GATEWAY__IDENTITY_KEYS__$name=$key"
    say "LEADWIRE_${name}__IDENTITY__KEY=$key"
  done
  say "LEADWIRE_GATEWAY__SECRETS__PEPPER=$(random_key)"
  say "LEADWIRE_GATEWAY__SECRETS__ENCRYPTION_KEYS=1:$(random_key)"
  generate_signing_key
  say "LEADWIRE_WEBHOOK_DISPATCHER__SECRETS__ENCRYPTION_KEYS=1:$(random_key)"
  say "$AUTOMATIONS_KEY=$(random_key)"
  say "$CERTIFICATES_KEY=$(random_key)"
}

secret() { sed -n "s/^$1=//p" "$DEV/secrets.env"; }
server_address() { sed -n "s/^$1=//p" "$DEV/servers.env"; }

# Prints the environment of one service as NAME=VALUE lines: addresses, secrets,
# and whatever the caller set for this service, for Rust or for OpenTelemetry.
service_settings() {
  local service name prefix port other variable
  service=$(service_of "$1")
  name=$(upper_name "$service")
  prefix=LEADWIRE_${name}__
  port=$(service_port "$1")
  say "HOME=$HOME"
  say "${prefix}HTTP__BIND=127.0.0.1:$port"
  say "${prefix}HTTP__OPS_BIND=127.0.0.1:$((port + 1000))"
  say "${prefix}DATABASE__URL=$(server_address "${name}_DATABASE_URL")"
  say "${prefix}BROKER__URL=$(server_address "${name}_AMQP_URL")"
  say "${prefix}REDIS__URL=$(server_address REDIS_URL)"
  say "${prefix}TELEMETRY__FORMAT=json"
  case $service in
  gateway)
    say "${prefix}OAUTH__ISSUER=$(service_url gateway)"
    for other in "${SERVICES[@]:1}"; do
      say "${prefix}UPSTREAMS__$(upper_name "$other")=$(replica_urls "$other")"
    done
    ;;
  lex-router)
    for other in gateway webhook-dispatcher; do
      name=$(upper_name "$other")
      say "${prefix}${name}__URL=$(service_url "$other")"
      say "${prefix}${name}__IDENTITY_KEY=$(secret "LEADWIRE_${name}__IDENTITY__KEY")"
    done
    name=LEX_ROUTER
    ;;
  # Receivers of webhooks and of automations' requests listen on this machine here.
  webhook-dispatcher) say "${prefix}DELIVERY__ALLOW_PRIVATE_NETWORKS=true" ;;
  crm-resources) say "${prefix}AUTOMATIONS__ALLOW_PRIVATE_NETWORKS=true" ;;
  esac
  grep "^$prefix" "$DEV/secrets.env"
  for variable in $(compgen -e); do
    case $variable in
    "LEADWIRE_${name}_"* | RUST_* | OTEL_*) say "$variable=${!variable}" ;;
    esac
  done
}

service_pid() {
  local pid program
  program=$(service_of "$1")
  pid=$(read_pid "$DEV/pids/$1.pid") && { runs_program "$pid" "$TARGET/debug/$program" ||
    runs_program "$pid" "$TARGET/release/$program"; } && say "$pid"
}

service_gone() { ! service_pid "$1" >/dev/null; }
service_ready() { http_ok "$(service_ops_port "$1")" /readyz; }
service_ready_or_gone() { service_ready "$1" || service_gone "$1"; }

# What a running process was made from: build and settings. When either has
# changed, the process is out of date.
service_stamp() {
  { stat -c '%n %i %Y %s' "$1" && service_settings "$2"; } | sha256sum | cut -d' ' -f1
}

# Starts one replica unless it runs, healthy or not, from this build and these
# settings. Does not wait.
#   start_service REPLICA PROFILE
start_service() {
  local service=$1 binary stamp settings port log=$DEV/logs/$1.log
  binary=$TARGET/$2/$(service_of "$1")
  [[ -x $binary ]] || die "$binary is missing: the build made no program of that name"
  stamp=$(service_stamp "$binary" "$service")
  if ! service_gone "$service"; then
    if [[ $stamp == "$(cat "$DEV/run/$service.stamp" 2>/dev/null)" ]]; then return; fi
    stop_service "$service"
  fi
  for port in "$(service_port "$service")" "$(service_ops_port "$service")"; do
    if port_open "$port"; then
      die "port $port ($service) is in use by another program: $(port_holder "$port")
  Stop that program, or move all ports: LEADWIRE_PORT_OFFSET=200 ./dev up"
    fi
  done
  if [[ -f $log && $(stat -c %s "$log") -gt 50000000 ]]; then mv -f "$log" "$log.1"; fi
  mapfile -t settings < <(service_settings "$service")
  launch "$DEV/pids/$service.pid" "$log" "$ROOT" "${settings[@]}" "$binary"
  say "$stamp" >"$DEV/run/$service.stamp"
}

# Waits until a started service is ready; says what its log says when it ends.
await_service() {
  local service=$1 log=$DEV/logs/$1.log
  if wait_for 60 service_ready_or_gone "$service" && ! service_gone "$service"; then return; fi
  tail -n 20 "$log" >&2 || true
  if service_gone "$service"; then
    die "$service ended while starting (the end of $log is above)"
  fi
  die "$service is not ready after 60 s: $(service_url "$service") runs, but its /readyz does not answer 200 (the end of $log is above)"
}

# SIGTERM, 15 s to finish what is in flight, then SIGKILL.
stop_service() {
  local pid
  if pid=$(service_pid "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    if ! wait_for 15 service_gone "$1"; then
      warn "$1 (pid $pid) did not end within 15 s of SIGTERM: killed"
      kill -KILL "$pid" 2>/dev/null || true
      wait_for 5 service_gone "$1" || die "$1 (pid $pid) survives SIGKILL"
    fi
  fi
  rm -f "$DEV/pids/$1.pid" "$DEV/run/$1.stamp"
}

# Stops all side by side.
stop_services() {
  local service jobs=() job status=0
  for service in $(replicas); do
    stop_service "$service" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || status=1; done
  return "$status"
}

services_status() {
  local service pid health status=0
  for service in $(replicas); do
    pid=$(service_pid "$service") || pid=-
    health=down
    if [[ $pid != - ]]; then
      if service_ready "$service"; then health=ready; else health='not ready'; fi
    fi
    [[ $health == ready ]] || status=1
    printf '%-20s %8s %6s  %s\n' "$service" "$pid" "$(service_port "$service")" "$health"
  done
  return "$status"
}
