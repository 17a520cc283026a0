# A private RabbitMQ in $DATA/rabbitmq with a name server (epmd) of its own,
# both on loopback only, and two more nodes beside it where a cluster is wanted. Sourced by `servers.sh`, which calls the rabbitmq_*
# functions. Queues and exchanges are not made here but by
# `leadwire topology apply`; users, their rights and the vhost are.
# shellcheck shell=bash disable=SC2153,SC2154 # DATA, AMQP_PORT and others come from servers.sh

rabbitmq_port() { say "$AMQP_PORT"; }

# Two more ports beside the management port: the name server and the
# distribution port of the Erlang node.
rabbitmq_epmd_port() { say $((MGMT_PORT + 1)); }
rabbitmq_dist_port() { say $((MGMT_PORT + 2)); }

# Passwords of `leadwire`, the administrator, and of one user per service, made
# once and kept in a file only its owner reads.
rabbitmq_make_passwords() {
  local user
  [[ -s $1 ]] || for user in leadwire "${SERVICES[@]}"; do
    say "$user=$(random_key 24)"
  done | write_private "$1"
}

#   rabbitmq_password FILE USER
rabbitmq_password() { sed -n "s/^$2=//p" "$1"; }

# Prints the definitions file: the vhost, the users, and what each may do. A
# service makes only its own per-replica queues, publishes to the shared
# exchanges, and reads its own queues; the gateway also reads dead letters, for
# administrators, and makes what their replays go over; `leadwire` may everything.
#   rabbitmq_definitions PASSWORD_FILE
rabbitmq_definitions() {
  local user users permissions make read
  users=$(rabbitmq_user_json leadwire "$(rabbitmq_password "$1" leadwire)" '"administrator"')
  permissions=$(rabbitmq_permission_json leadwire '.*' '.*' '.*')
  for user in "${SERVICES[@]}"; do
    users+=$',\n'$(rabbitmq_user_json "$user" "$(rabbitmq_password "$1" "$user")" '')
    make='' read=''
    if [[ $user == gateway ]]; then
      make='|^leadwire\\.lock\\..*|^.*\\.replay$' read='|events\\.unrouted|.*\\.(dlq|replay)'
    fi
    permissions+=$',\n'$(rabbitmq_permission_json "$user" \
      "^amq\\\\.gen-.*|^$user\\\\.replica\\\\..*$make" \
      "^(events|retry|dead-letter|amq\\\\.default|amq\\\\.gen-.*|$user\\\\.replica\\\\..*)\$" \
      "^(events|$user\\\\..*|amq\\\\.gen-.*$read)\$")
  done
  printf '{\n"vhosts": [{"name": "leadwire"}],\n"users": [\n%s\n],\n"permissions": [\n%s\n]\n}\n' \
    "$users" "$permissions"
}

rabbitmq_user_json() { printf '{"name": "%s", "password": "%s", "tags": [%s]}' "$@"; }

rabbitmq_permission_json() {
  printf '{"user": "%s", "vhost": "leadwire", "configure": "%s", "write": "%s", "read": "%s"}' "$@"
}

# Settings that hold wherever it runs, here or in a container.
#   rabbitmq_common_config DEFINITIONS_FILE
rabbitmq_common_config() {
  cat <<CONFIG
load_definitions = $1
# A full disk should stop the broker late, not at the first gigabyte in use.
disk_free_limit.absolute = 256MB
# Many short-lived vhosts in tests: a small write-ahead log, few log lines.
raft.wal_max_size_bytes = 67108864
log.console = true
log.console.level = info
log.connection.level = warning
CONFIG
}

# What follows takes a node: nothing for the first, 2 or 3 for the others, whose
# ports lie 20 and 30 above.
rabbitmq_configure() {
  local home=$DATA/rabbitmq${1:+-$1} up=$((${1:-0} * 10))
  server_folder "$home" "$home/mnesia" "$home/log"
  rabbitmq_definitions "$DIR/rabbitmq.passwords" | server_file "$home/definitions.json"
  say '[rabbitmq_management].' | server_file "$home/enabled_plugins"
  {
    rabbitmq_common_config "$home/definitions.json"
    cat <<CONFIG
listeners.tcp.default = 127.0.0.1:$((AMQP_PORT + up))
management.tcp.ip = 127.0.0.1
management.tcp.port = $((MGMT_PORT + up))
CONFIG
  } | server_file "$home/rabbitmq.conf"
}

rabbitmq_start() {
  local program home=$DATA/rabbitmq${1:+-$1} up=$((${1:-0} * 10)) epmd_port
  program=$(rabbitmq_server) || die "RabbitMQ is not installed: run '$0 install'"
  epmd_port=$(rabbitmq_epmd_port)
  # One home and so one cookie, by which the nodes know each other.
  server_folder "$DATA/rabbitmq" "$DATA/rabbitmq/home"
  rabbitmq_configure "${1:-}"
  rabbitmq_start_epmd "$epmd_port"
  # RUNNING_UNDER_SYSTEMD makes the script replace itself by the Erlang machine
  # instead of standing beside it, so the recorded pid is the broker's.
  launch "$PIDS/rabbitmq${1:+-$1}.pid" "$LOGS/rabbitmq${1:+-$1}.log" "$home" \
    RUNNING_UNDER_SYSTEMD=true "HOME=$DATA/rabbitmq/home" \
    "RABBITMQ_NODENAME=leadwire${1:-}@localhost" RABBITMQ_CONF_ENV_FILE=/dev/null \
    "RABBITMQ_CONFIG_FILE=$home/rabbitmq.conf" RABBITMQ_ADVANCED_CONFIG_FILE=/dev/null \
    "RABBITMQ_ENABLED_PLUGINS_FILE=$home/enabled_plugins" \
    "RABBITMQ_MNESIA_BASE=$home/mnesia" "RABBITMQ_LOG_BASE=$home/log" RABBITMQ_LOGS=- \
    "RABBITMQ_PID_FILE=$home/pid" "RABBITMQ_DIST_PORT=$(($(rabbitmq_dist_port) + up))" \
    "ERL_EPMD_PORT=$epmd_port" ERL_EPMD_ADDRESS=127.0.0.1 \
    'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}' \
    "ERL_CRASH_DUMP_BYTES=0" \
    "$program"
}

# The node would start a name server by itself, but one that moves to / and
# outlives it; ours has a pid file and can be told from others'.
rabbitmq_start_epmd() {
  local pid
  if pid=$(read_pid "$PIDS/epmd.pid") && runs_in "$pid" "$DATA/rabbitmq/home" && port_open "$1"; then
    return
  fi
  stop_processes_in "$DATA/rabbitmq/home"
  port_must_be_free "$1" "RabbitMQ's name server"
  launch "$PIDS/epmd.pid" "$LOGS/epmd.log" "$DATA/rabbitmq/home" epmd -port "$1" -address 127.0.0.1
  wait_for 10 port_open "$1" || die "epmd did not start: see $LOGS/epmd.log"
}

# Ready when the AMQP port listens and the last user's rights are there.
rabbitmq_ready() {
  local admin inner=$((AMQP_PORT + ${1:-0} * 10)) management=$((MGMT_PORT + ${1:-0} * 10))
  if [[ $MODE == containers ]]; then inner=5672; fi
  admin=leadwire:$(rabbitmq_password "$DIR/rabbitmq.passwords" leadwire)
  http_ok "$management" "/api/health/checks/port-listener/$inner" "$admin" &&
    http_ok "$management" "/api/permissions/leadwire/${SERVICES[-1]}" "$admin"
}

rabbitmq_leaving() { return 1; }

rabbitmq_stop_signal() { say TERM; }

# An operator's command to the running node.
rabbitmq_control() {
  [[ $MODE == programs ]] || die "this works only with RabbitMQ's programs installed, not in a container"
  (cd / && as_server env "HOME=$DATA/rabbitmq/home" "ERL_EPMD_PORT=$(rabbitmq_epmd_port)" LC_ALL=C.UTF-8 \
    RABBITMQ_NODENAME=leadwire@localhost RABBITMQ_CONF_ENV_FILE=/dev/null \
    "$(rabbitmq_ctl)" --quiet "$@")
}

# The plain program, not the wrapper of the package, which wants its own user.
rabbitmq_ctl() {
  local server
  server=$(rabbitmq_server)
  say "${server%/*}/rabbitmqctl"
}

# ------------------------------------------------------------ further nodes

rabbitmq-2_port() { say $((AMQP_PORT + 20)); }
rabbitmq-3_port() { say $((AMQP_PORT + 30)); }
rabbitmq-2_start() { rabbitmq_start 2; }
rabbitmq-3_start() { rabbitmq_start 3; }
rabbitmq-2_ready() { rabbitmq_ready 2; }
rabbitmq-3_ready() { rabbitmq_ready 3; }
rabbitmq-2_leaving() { return 1; }
rabbitmq-3_leaving() { return 1; }
rabbitmq-2_stop_signal() { say TERM; }
rabbitmq-3_stop_signal() { say TERM; }

# Makes a further node that runs a member of the first one's cluster, once.
rabbitmq_join() {
  local number=$1 marker=$DATA/rabbitmq-$1/joined step
  [[ ! -e $marker ]] || return 0
  for step in stop_app reset 'join_cluster leadwire@localhost' start_app; do
    # shellcheck disable=SC2086 # a command and its argument
    rabbitmq_control -n "leadwire$number@localhost" $step >>"$LOGS/rabbitmq-$number.log" 2>&1 ||
      die "RabbitMQ node $number did not '$step' (see $LOGS/rabbitmq-$number.log)"
  done
  : >"$marker"
}
