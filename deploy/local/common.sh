# Helpers shared by the local scripts: messages, timing, processes, ports and
# a tiny HTTP probe. Sourced by `dev` and `servers.sh`; it starts nothing and
# knows no server or service by name.
# shellcheck shell=bash

# The six services, in the order of their ports, and the variable part of
# their settings' names.
# shellcheck disable=SC2034 # used by those who source this
SERVICES=(gateway lead-intake ingest lex-router crm-resources webhook-dispatcher)

say() { printf '%s\n' "$*"; }

warn() { printf 'warning: %s\n' "$*" >&2; }

# Says what is wrong and what to do about it, and ends the script.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# `lead-intake` -> `LEAD_INTAKE`
upper_name() {
  local name=${1//-/_}
  printf '%s' "${name^^}"
}

now_ms() {
  local micros=${EPOCHREALTIME//[.,]/}
  printf '%s' $((micros / 1000))
}

# Prints "<label>  <seconds since START_MS> s <note>".
took() {
  local label=$1 start=$2 note=${3:-} ms
  ms=$(($(now_ms) - start))
  printf '  %-34s %5d.%d s  %s\n' "$label" $((ms / 1000)) $((ms % 1000 / 100)) "$note"
}

# N random bytes (32 unless told) as base64url without padding.
random_key() { head -c "${1:-32}" /dev/urandom | base64 -w0 | tr '+/' '-_' | tr -d '='; }

# Writes standard input to a file that only its owner may read, in one step.
write_private() {
  local file=$1 temporary
  temporary=$(mktemp "$file.XXXXXX")
  chmod 600 "$temporary"
  cat >"$temporary"
  mv -f "$temporary" "$file"
}

# ---------------------------------------------------------------- processes

# A pid from a pid file, or nothing.
read_pid() {
  local pid=''
  if [[ -r $1 ]]; then read -r pid <"$1" || true; fi
  [[ $pid =~ ^[0-9]+$ ]] || return 1
  printf '%s' "$pid"
}

# True when PID runs and works in FOLDER. This is how a process started here is
# told from a stranger that was given the same pid later. A zombie has no
# working directory, so it counts as gone.
runs_in() {
  local cwd
  cwd=$(readlink "/proc/$1/cwd" 2>/dev/null) || return 1
  [[ ${cwd% (deleted)} == "$2" ]]
}

# True when PID runs the program at PATH (also when the file was replaced by a
# newer build since).
runs_program() {
  local exe
  exe=$(readlink "/proc/$1/exe" 2>/dev/null) || return 1
  [[ ${exe% (deleted)} == "$2" ]]
}

# True when PID was stopped with SIGSTOP.
is_frozen() {
  local stat=''
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  [[ ${stat##*) } == T* ]]
}

# Every process whose working directory is FOLDER, one pid a line. One program
# looks at all of them: a readlink each takes many seconds on a busy machine.
processes_in() {
  local entry link
  while read -r entry link; do
    if [[ ${link% (deleted)} == "$1" ]]; then say "${entry#/proc/}"; fi
  done < <(find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*/cwd' -printf '%h %l\n' 2>/dev/null)
}

# Waits up to SECONDS for the command to succeed; asks ten times a second.
wait_for() {
  local deadline=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    (($(now_ms) < deadline)) || return 1
    sleep 0.1
  done
}

# Starts a program in the background, detached from this terminal and from
# this script's files, with an almost empty environment, and records its pid.
#   launch PID_FILE LOG_FILE FOLDER [VAR=VALUE…] PROGRAM [ARGUMENT…]
# As root the program runs as the unprivileged user named by SERVER_USER, when
# that is set.
launch() {
  local pid_file=$1 log=$2 folder=$3 drop=() limit
  shift 3
  if [[ $EUID -eq 0 && -n ${SERVER_USER:-} ]]; then
    drop=(setpriv "--reuid=$SERVER_USER" "--regid=$(id -g "$SERVER_USER")" --clear-groups)
  fi
  limit=$(ulimit -Hn)
  if [[ $limit == unlimited || $limit -gt 65536 ]]; then limit=65536; fi
  (
    cd "$folder" || exit 1
    ulimit -n "$limit" 2>/dev/null || true
    exec setsid "${drop[@]}" env -i "PATH=$PATH" LANG=C.UTF-8 LC_ALL=C.UTF-8 "$@"
  ) </dev/null >>"$log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  say "$!" >"$pid_file"
}

# -------------------------------------------------------------------- ports

# True when something listens on this loopback port.
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Who listens on a port, as far as this user may know.
port_holder() {
  local line=''
  if command -v ss >/dev/null; then
    line=$(ss -Hltnp "sport = :$1" 2>/dev/null | grep -o 'users:.*' | head -n 1) || true
  fi
  printf '%s' "${line:-a program this user cannot see}"
}

# The status code of a GET on a loopback port, 000 when there is no answer.
#   http_status PORT PATH [USER:PASSWORD]
http_status() {
  local auth=''
  [[ -z ${3:-} ]] || auth="Authorization: Basic $(printf '%s' "$3" | base64 -w0)"$'\r\n'
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%sConnection: close\r\n\r\n' "$2" "$auth" >&3
    read -r -t 5 _ status _ <&3 || exit 1
    printf '%s' "$status"
  ) 2>/dev/null || printf '000'
}

http_ok() { [[ $(http_status "$@") == 200 ]]; }
