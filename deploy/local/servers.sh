#!/usr/bin/env bash
# Private PostgreSQL, RabbitMQ and Redis in one folder of the caller's choice,
# on loopback ports of their own: the only place that knows how to run them.
# `./dev` and the destructive tests call it. It never touches a system-wide
# instance, builds nothing and makes no tables, roles or queues.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy/local/servers.sh COMMAND

  install                 find the three servers, or install their packages
  install-nginx           the same for nginx, which a benchmark needs
  install-verifiers DIR PINS
                          the libraries of other languages that a test needs, into DIR
  install-schemathesis DIR PINS
                          what the contract test needs, into DIR
  install-guides-tools    what the commands of the guides need
  start DIR [[--shift] PG_PORT AMQP_PORT MGMT_PORT REDIS_PORT]
                          start what does not run yet under DIR and wait until it is
                          ready; without ports: those used before, else free ones.
                          RabbitMQ also takes MGMT_PORT + 1 and + 2. With --shift all
                          ports move up by 1000 until no other program is in the way
  start-one DIR NAME      start postgres, rabbitmq or redis again after it was killed
  cluster DIR             give RabbitMQ two more nodes, rabbitmq-2 and rabbitmq-3, on
                          AMQP_PORT + 20 and + 30; they stop with the others
  stop DIR                stop all three
  status DIR              name, pid, port, health; ends 1 when one is not healthy
  alarm DIR on|off        make RabbitMQ block its publishers as if memory were short
  psql DIR [ARGUMENT…]    a shell on the database, as its superuser
  destroy DIR             stop all three and delete their data

DIR/servers.env holds the addresses, DIR/pids the process ids, DIR/logs the logs.
LEADWIRE_PG_EXTRA="-c name=value …" adds PostgreSQL settings (`start` remembers them).
USAGE
}

LOCAL=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
for part in common install postgres rabbitmq redis containers; do
  # shellcheck source=/dev/null
  source "$LOCAL/$part.sh"
done

SERVERS=(postgres rabbitmq redis)
# Further ones of RabbitMQ, where a cluster was asked for.
NODES=(rabbitmq-2 rabbitmq-3)

# ------------------------------------------------------------------ folders

# Sets DIR and what follows from it; takes the lock that keeps two runs on one
# folder apart.
open_folder() {
  mkdir -p "$1" 2>/dev/null || die "cannot make the folder $1"
  DIR=$(cd "$1" && pwd -P)
  [[ -w $DIR ]] || die "$DIR belongs to $(stat -c %U "$DIR"): work as that user or choose another folder"
  PIDS=$DIR/pids LOGS=$DIR/logs
  mkdir -p "$PIDS" "$LOGS"
  command -v flock >/dev/null || die "flock is missing: install the package util-linux"
  command -v setpriv >/dev/null || [[ $EUID -ne 0 ]] || die "setpriv is missing: install the package util-linux"
  exec 9>"$DIR/servers.lock"
  flock -w 180 9 || die "another run has worked on $DIR for three minutes: see which with 'fuser $DIR/servers.lock'"
  PG_PORT='' AMQP_PORT='' MGMT_PORT='' REDIS_PORT='' PG_EXTRA='' MODE=''
  # shellcheck source=/dev/null
  if [[ -r $DIR/servers.conf ]]; then source "$DIR/servers.conf"; fi
  SERVER_USER=$(server_user)
  DATA=$(readlink -f "$DIR/data" 2>/dev/null || true)
}

# Who the servers run as: never root, which two of them refuse to be.
server_user() {
  local user
  if [[ $EUID -eq 0 ]]; then
    for user in postgres rabbitmq redis nobody; do
      if id -u "$user" >/dev/null 2>&1; then say "$user" && return; fi
    done
  fi
  id -un 2>/dev/null || id -u
}

as_server() {
  if [[ $EUID -eq 0 ]]; then
    setpriv "--reuid=$SERVER_USER" "--regid=$(id -g "$SERVER_USER")" --clear-groups "$@"
  else
    "$@"
  fi
}

# Folders and files that belong to the servers alone.
server_folder() {
  mkdir -p "$@"
  chmod 700 "$@"
  [[ $EUID -ne 0 ]] || chown "$SERVER_USER:$(id -g "$SERVER_USER")" "$@"
}

server_file() {
  write_private "$1"
  [[ $EUID -ne 0 ]] || chown "$SERVER_USER:$(id -g "$SERVER_USER")" "$1"
}

# Where the data goes: DIR/data. When we are root, and the servers' user cannot
# reach that folder (a clone in a private temporary folder or in a home), a
# folder under /var/tmp or /tmp takes its place and DIR/data points there.
make_data_folder() {
  local base place
  if [[ -n $DATA && -d $DATA ]]; then
    (cd / && as_server test -x "$DATA") && return
    die "the user $SERVER_USER can no longer reach $DATA: run '$0 destroy $DIR' (deletes its data), then start again"
  fi
  rm -f "$DIR/data"
  mkdir -m 755 "$DIR/data"
  DATA=$DIR/data
  (cd / && as_server test -x "$DATA") && return
  rmdir "$DIR/data"
  for base in /var/tmp /tmp; do
    (cd / && as_server test -x "$base") || continue
    place=$base/leadwire-$(printf '%s' "$DIR" | sha256sum | cut -c1-16)
    # Left by an earlier folder at this same place.
    if [[ -e $place || -L $place ]]; then remove_outside_data "$place"; fi
    mkdir -m 755 "$place"
    ln -s "$place" "$DIR/data"
    DATA=$place
    return
  done
  die "no folder for the data that the user $SERVER_USER can reach: tried $DIR, /var/tmp and /tmp"
}

# Kills what a crash left running in a data folder.
kill_leftovers() {
  local server
  for server in "${SERVERS[@]}" "${NODES[@]}" rabbitmq/home; do stop_processes_in "$1/$server"; done
}

remove_outside_data() {
  [[ ! -L $1 && $(stat -c %u "$1") == "$EUID" ]] || die "$1 is in the way and not ours: remove it"
  kill_leftovers "$1"
  rm -rf "$1"
}

# -------------------------------------------------------------- one server

# Kills what still works in a data folder: leftovers of a server of ours that
# crashed. Asks politely nobody: they have lost their parent.
stop_processes_in() {
  local pid
  for pid in $(processes_in "$1"); do kill -KILL "$pid" 2>/dev/null || true; done
  wait_for 10 no_processes_in "$1" || die "processes in $1 survive SIGKILL: $(processes_in "$1" | tr '\n' ' ')"
}

no_processes_in() { [[ -z $(processes_in "$1") ]]; }

port_must_be_free() {
  if port_open "$1"; then
    die "port $1 ($2) is in use by another program: $(port_holder "$1")
  Stop that program, or choose other ports."
  fi
}

server_pid() {
  local pid
  if [[ $MODE == containers ]]; then
    container_pid "$1"
  else
    pid=$(read_pid "$PIDS/$1.pid") && runs_in "$pid" "$DATA/$1" && say "$pid"
  fi
}

server_gone() { ! server_pid "$1" >/dev/null; }
ready_or_gone() { "$1_ready" || server_gone "$1"; }

# Ready, still there, and not on its way out.
settled() { ! "$1_leaving" && ready_or_gone "$1"; }

# Makes one server run: leaves a healthy one alone, replaces one that hangs or
# is leaving, clears away what a crash left.
ensure_server() {
  local name=$1 start pid
  start=$(now_ms)
  if pid=$(server_pid "$name"); then
    if is_frozen "$pid"; then
      stop_server "$name" 0
    elif "$name"_leaving || ! wait_for 20 settled "$name" || "$name"_leaving; then
      stop_server "$name" 5
    elif ! server_gone "$name"; then
      # It may just have been told to stop, and still answer: look again.
      sleep 0.3
      if "$name"_ready && ! server_gone "$name"; then
        took "$name" "$start" "runs on port $("$name"_port)"
        return
      fi
      wait_for 20 server_gone "$name" || stop_server "$name" 5
    fi
  fi
  if [[ $MODE == containers ]]; then
    container_start "$name"
  else
    stop_processes_in "$DATA/$name"
    port_must_be_free "$("$name"_port)" "$name"
    if [[ $name == rabbitmq ]]; then port_must_be_free "$MGMT_PORT" "RabbitMQ's management"; fi
    "$name"_start
  fi
  if ! wait_for 90 ready_or_gone "$name" || server_gone "$name"; then
    tail -n 20 "$LOGS/$name.log" >&2 || true
    die "$name did not become ready (the end of $LOGS/$name.log is above)"
  fi
  took "$name" "$start" "started on port $("$name"_port)"
}

# Stops one server within SECONDS, by force when it must.
stop_server() {
  local name=$1 pid
  if [[ $MODE == containers ]]; then
    container_stop "$name"
  elif pid=$(server_pid "$name"); then
    kill "-$("$name"_stop_signal)" "$pid" 2>/dev/null || true
    wait_for "$2" server_gone "$name" || kill -KILL "$pid" 2>/dev/null || true
    wait_for 5 server_gone "$name" || die "$name (pid $pid) survives SIGKILL"
  fi
  rm -f "$PIDS/$name.pid"
}

# Runs a function once for each server, side by side; fails when one fails.
for_each_server() {
  local server jobs=() status=0 job
  for server in "${SERVERS[@]}"; do
    "$1" "$server" "${@:2}" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || status=1; done
  return "$status"
}

# ---------------------------------------------------------------- commands

# The first group of ports, counted from one that depends on DIR, of which none
# is in use. All stay below 32768, where ports of outgoing connections begin.
choose_ports() {
  local base tries
  base=$((20000 + 0x$(printf '%s' "$DIR" | sha256sum | cut -c1-6) % 1000 * 10))
  for ((tries = 0; tries < 1000; tries++)); do
    PG_PORT=$base AMQP_PORT=$((base + 1)) MGMT_PORT=$((base + 2)) REDIS_PORT=$((base + 5))
    if ports_free; then return; fi
    base=$((20000 + (base - 19990) % 10000))
  done
  die "no six free ports between 20000 and 30000"
}

ports_free() {
  local port
  for port in "$PG_PORT" "$AMQP_PORT" "$MGMT_PORT" $((MGMT_PORT + 1)) $((MGMT_PORT + 2)) "$REDIS_PORT"; do
    if port_open "$port"; then return 1; fi
  done
}

# Takes the four ports given, or with --shift the first free ones 1000, 2000, …
# above them; servers of this folder that run keep theirs.
take_ports() {
  local shifting='' port server before="$PG_PORT $AMQP_PORT $MGMT_PORT $REDIS_PORT" running=''
  if [[ $1 == --shift ]]; then shifting=yes && shift; fi
  [[ $# -eq 4 ]] || { usage >&2 && exit 2; }
  for port in "$@"; do
    [[ $port =~ ^[0-9]{1,5}$ && $port -gt 0 && $port -lt 32766 ]] ||
      die "'$port' is not a port between 1 and 32765"
  done
  for server in "${SERVERS[@]}"; do
    if ! server_gone "$server"; then running=yes; fi
  done
  if [[ -n $shifting && -n $running ]]; then return; fi
  PG_PORT=$1 AMQP_PORT=$2 MGMT_PORT=$3 REDIS_PORT=$4
  if [[ -n $shifting ]]; then
    if [[ -n $DATA ]]; then kill_leftovers "$DATA"; fi
    until ports_free; do
      PG_PORT=$((PG_PORT + 1000)) AMQP_PORT=$((AMQP_PORT + 1000))
      MGMT_PORT=$((MGMT_PORT + 1000)) REDIS_PORT=$((REDIS_PORT + 1000))
      ((PG_PORT < 31000)) || die "no free ports $1, $2, $3, $4 or any 1000 apart from them"
    done
  elif [[ -n $running && $before != "$PG_PORT $AMQP_PORT $MGMT_PORT $REDIS_PORT" ]]; then
    stop_all
  fi
  # The ports of a container are fixed when it is made.
  if [[ $MODE == containers && $before != "$PG_PORT $AMQP_PORT $MGMT_PORT $REDIS_PORT" ]]; then
    containers_remove
  fi
}

# RabbitMQ stops taking messages when little of the disk is left, and what waits
# for them then fails in ways that do not tell why.
warn_of_a_full_disk() {
  local megabytes
  megabytes=$(df -Pm "$DIR" | awk 'NR == 2 { print $4 }')
  if ((megabytes < 8192)); then
    warn "only $megabytes MB of the disk are free: a build and its tests need about 8 GB, and RabbitMQ stops at 256 MB"
  fi
}

cmd_start() {
  [[ $# -ge 1 ]] || { usage >&2 && exit 2; }
  open_folder "$1"
  if [[ $# -gt 1 ]]; then
    take_ports "${@:2}"
  elif [[ -z $PG_PORT ]]; then
    choose_ports
  fi
  PG_EXTRA=${LEADWIRE_PG_EXTRA-$PG_EXTRA}
  choose_mode
  printf '%s=%q\n' PG_PORT "$PG_PORT" AMQP_PORT "$AMQP_PORT" MGMT_PORT "$MGMT_PORT" \
    REDIS_PORT "$REDIS_PORT" PG_EXTRA "$PG_EXTRA" MODE "$MODE" | write_private "$DIR/servers.conf"
  rabbitmq_make_passwords "$DIR/rabbitmq.passwords"
  if [[ $MODE == programs ]]; then make_data_folder; fi
  warn_of_a_full_disk
  for_each_server ensure_server
  write_addresses
}

# Programs of this machine, or containers where those are missing; once chosen
# it stays, because the data lies there.
choose_mode() {
  [[ -z $MODE ]] || return 0
  if [[ -z $(missing_packages) ]]; then
    MODE=programs
  elif docker_answers; then
    MODE=containers
  else
    die "not installed: $(missing_packages | tr '\n' ' '): run '$0 install'"
  fi
}

write_addresses() {
  local service name
  {
    say "DATABASE_URL=postgres://postgres@127.0.0.1:$PG_PORT/leadwire"
    say "AMQP_URL=$(amqp_url leadwire)"
    say "REDIS_URL=redis://127.0.0.1:$REDIS_PORT"
    say "RABBITMQ_MANAGEMENT_URL=http://leadwire:$(rabbitmq_password "$DIR/rabbitmq.passwords" leadwire)@127.0.0.1:$MGMT_PORT"
    for service in "${SERVICES[@]}"; do
      name=$(upper_name "$service")
      say "${name}_DATABASE_URL=postgres://leadwire_${service//-/_}@127.0.0.1:$PG_PORT/leadwire"
      say "${name}_AMQP_URL=$(amqp_url "$service")"
    done
  } | write_private "$DIR/servers.env"
}

amqp_url() {
  say "amqp://$1:$(rabbitmq_password "$DIR/rabbitmq.passwords" "$1")@127.0.0.1:$AMQP_PORT/leadwire?heartbeat=15"
}

# Opens a folder in which `start` has run before.
open_started() {
  [[ -n ${1:-} && -d $1 ]] || die "no such folder: '${1:-}'"
  open_folder "$1"
  [[ -n $PG_PORT ]] || die "nothing was ever started in $DIR: run '$0 start $DIR'"
}

cmd_start_one() {
  [[ $# -eq 2 && " ${SERVERS[*]} ${NODES[*]} " == *" $2 "* ]] || { usage >&2 && exit 2; }
  open_started "$1"
  if [[ $MODE == programs ]]; then make_data_folder; fi
  ensure_server "$2"
}

cmd_cluster() {
  local number
  open_started "${1:-}"
  [[ $MODE == programs ]] || die "a cluster needs RabbitMQ's programs installed, not a container"
  for number in 2 3; do
    ensure_server "rabbitmq-$number"
    rabbitmq_join "$number"
  done
}

stop_all() {
  local node
  for node in "${NODES[@]}"; do
    if [[ -f $PIDS/$node.pid ]]; then stop_server "$node" 15; fi
  done
  for_each_server stop_server 15
  if [[ -n $DATA ]]; then stop_processes_in "$DATA/rabbitmq/home"; fi
  rm -f "$PIDS/epmd.pid"
}

cmd_stop() {
  [[ -n ${1:-} && -f $1/servers.conf ]] || return 0
  open_folder "$1"
  stop_all
}

cmd_destroy() {
  [[ -n ${1:-} && -d $1 ]] || return 0
  cmd_stop "$1"
  open_folder "$1"
  if [[ $MODE == containers ]]; then containers_remove; fi
  if [[ -L $DIR/data && -n $DATA && ${DATA##*/} == leadwire-* && -d $DATA ]]; then
    remove_outside_data "$DATA"
  fi
  rm -rf "$DIR/data" "$DIR/servers.conf" "$DIR/servers.env" "$DIR/rabbitmq.passwords" \
    "$LOGS"/{postgres,rabbitmq,redis,epmd}.log
}

cmd_status() {
  local name pid health status=0
  open_started "${1:-}"
  for name in "${SERVERS[@]}"; do
    pid=$(server_pid "$name") || pid=-
    health=down
    if [[ $pid != - ]]; then
      if "$name"_ready; then health=ready; else health='not ready'; fi
    fi
    [[ $health == ready ]] || status=1
    printf '%-20s %8s %6s  %s\n' "$name" "$pid" "$("$name"_port)" "$health"
  done
  return "$status"
}

cmd_alarm() {
  open_started "${1:-}"
  case ${2:-} in
  on) rabbitmq_control set_vm_memory_high_watermark 0.000001 ;;
  off) rabbitmq_control set_vm_memory_high_watermark 0.4 ;;
  *) usage >&2 && exit 2 ;;
  esac
}

cmd_psql() {
  open_started "${1:-}"
  exec 9>&-
  local url=postgres://postgres@127.0.0.1:$PG_PORT/leadwire
  if [[ $MODE == containers ]]; then container_psql "${@:2}"; else exec "$(postgres_programs)/psql" "$url" "${@:2}"; fi
}

command=${1:-}
shift || true
case $command in
install) install_servers ;;
install-nginx) install_nginx ;;
install-verifiers)
  [[ $# -eq 2 ]] || { usage >&2 && exit 2; }
  install_verifiers "$@"
  ;;
install-schemathesis)
  [[ $# -eq 2 ]] || { usage >&2 && exit 2; }
  install_schemathesis "$@"
  ;;
install-guides-tools) install_guides_tools ;;
start | stop | cluster | status | alarm | psql | destroy) "cmd_$command" "$@" ;;
start-one) cmd_start_one "$@" ;;
help | --help | -h) usage ;;
*)
  usage >&2
  exit 2
  ;;
esac
