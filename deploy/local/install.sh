# Finds the programs of PostgreSQL, RabbitMQ and Redis, and installs the
# distribution's packages where it may. Sourced by `servers.sh`. It never
# starts, stops or configures a system-wide instance.
# shellcheck shell=bash

# The folder with `postgres` and `initdb`: that of the major version given, or
# of the newest for '*'.
#   postgres_bin MAJOR
postgres_bin() {
  local major=$1 folder found=''
  if [[ -n ${LEADWIRE_PG_BIN:-} ]]; then
    say "$LEADWIRE_PG_BIN"
    return
  fi
  # shellcheck disable=SC2231 # the pattern is meant to expand
  for folder in /usr/lib/postgresql/$major/bin /usr/pgsql-$major/bin; do
    [[ -x $folder/initdb && -x $folder/postgres ]] || continue
    found+="$folder"$'\n'
  done
  if [[ -n $found ]]; then
    printf '%s' "$found" | sort -V | tail -n 1
  elif command -v postgres >/dev/null && command -v initdb >/dev/null; then
    dirname "$(readlink -f "$(command -v postgres)")"
  else
    return 1
  fi
}

# RabbitMQ's own start script. The one in the search path of Debian is a
# wrapper that insists on a system user, so the real one is preferred.
rabbitmq_server() {
  if [[ -n ${LEADWIRE_RABBITMQ_SERVER:-} ]]; then
    say "$LEADWIRE_RABBITMQ_SERVER"
  elif [[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]]; then
    say /usr/lib/rabbitmq/bin/rabbitmq-server
  else
    command -v rabbitmq-server
  fi
}

redis_server() { command -v redis-server || command -v valkey-server; }

# The Debian names of what is missing, one a line.
missing_packages() {
  postgres_bin '*' >/dev/null || say postgresql
  rabbitmq_server >/dev/null || say rabbitmq-server
  command -v epmd >/dev/null || say erlang-base
  redis_server >/dev/null || say redis-server
}

docker_answers() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

# Finds the three servers, or installs them, or settles for containers, or
# says what to do.
install_servers() {
  local missing as_root=() start
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]})) || return 0
  if [[ $EUID -ne 0 ]]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    else
      as_root=(false)
    fi
  fi
  if command -v apt-get >/dev/null && [[ ${as_root[*]} != false ]]; then
    start=$(now_ms)
    say "installing ${missing[*]} (apt-get)"
    if install_packages "${missing[@]}"; then
      mapfile -t missing < <(missing_packages)
      took "packages installed" "$start"
      ((${#missing[@]})) || return 0
    fi
    warn "apt-get did not bring: ${missing[*]}"
  fi
  if docker_answers; then
    say "PostgreSQL, RabbitMQ and Redis will run in containers (missing here: ${missing[*]})"
    return 0
  fi
  die "missing: ${missing[*]}
  Install PostgreSQL 15 or later, RabbitMQ 3.10 or later and Redis 7 or later. On Debian and Ubuntu:
    sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}
  (the system-wide instances these packages may start are not used; stop them if you like),
  or start a Docker engine, and run the same command again."
}

# Installs packages without starting the services they bring: where nothing
# else decides about that, a policy file says no for as long as this takes.
# Uses the caller's `as_root`.
install_packages() {
  local log attempt status=1
  log=$(mktemp)
  for attempt in 1 2 3 4 5 6; do
    if "${as_root[@]}" sh -s -- "$@" >"$log" 2>&1 <<'SCRIPT'; then
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=600 update </dev/null
apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@" </dev/null
SCRIPT
      status=0
      break
    fi
    # Another apt-get at work: its lock on the package lists is not waited for.
    grep -q 'Could not get lock' "$log" || break
    ((attempt == 6)) || sleep 10
  done
  ((status == 0)) || tail -n 20 "$log" >&2
  rm -f "$log"
  return "$status"
}

# Sets the caller's `as_root`; false where packages cannot be installed.
can_install() {
  as_root=()
  command -v apt-get >/dev/null || return 1
  if [[ $EUID -eq 0 ]]; then return; fi
  as_root=(sudo -n)
  command -v sudo >/dev/null && sudo -n true 2>/dev/null
}

# The Debian names of what runs the libraries below, one a line.
missing_for_verifiers() {
  command -v node >/dev/null || say nodejs
  command -v npm >/dev/null || say npm
  python3 -c 'import ensurepip, venv' 2>/dev/null || say python3-venv
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || say chromium
}

# The published Standard Webhooks libraries of two other languages, which a test
# holds our signatures against: into FOLDER, as pinned in PINS. Where they cannot
# be had, it says so, and that test fails.
#   install_verifiers FOLDER PINS
install_verifiers() {
  local folder=$1 pins=$2 missing as_root stamp start
  stamp=$(cat "$pins/package-lock.json" "$pins/requirements.txt" | sha256sum)
  [[ $(cat "$folder/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  start=$(now_ms)
  mapfile -t missing < <(missing_for_verifiers)
  if ((${#missing[@]})) && can_install; then
    say "installing ${missing[*]} (apt-get)"
    install_packages "${missing[@]}" || true
    mapfile -t missing < <(missing_for_verifiers)
  fi
  if ((${#missing[@]})); then
    warn "missing: ${missing[*]}; tests of signatures and of the console will fail. On Debian and Ubuntu:
    sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
    return 0
  fi
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$pins/package.json" "$pins/package-lock.json" "$folder"
  if npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund >"$folder/log" 2>&1 &&
    python3 -m venv "$folder/python" >>"$folder/log" 2>&1 &&
    "$folder/python/bin/pip" install --disable-pip-version-check --requirement "$pins/requirements.txt" \
      >>"$folder/log" 2>&1; then
    say "$stamp" >"$folder/stamp"
    took "libraries that verify signatures" "$start"
  else
    tail -n 5 "$folder/log" >&2
    warn "the libraries that verify signatures cannot be had; a test of signatures will fail ($folder/log)"
  fi
}

# schemathesis, which holds the running system against its OpenAPI documents: into
# FOLDER, as pinned in the file PINS. Where it cannot be had, it says so, and that test fails.
#   install_schemathesis FOLDER PINS
install_schemathesis() {
  local folder=$1 pins=$2 as_root stamp start
  stamp=$(sha256sum <"$pins")
  [[ $(cat "$folder/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  start=$(now_ms)
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null && can_install; then
    say "installing python3-venv (apt-get)"
    install_packages python3-venv || true
  fi
  rm -rf "$folder"
  mkdir -p "$folder"
  if python3 -m venv "$folder" >"$folder.log" 2>&1 &&
    "$folder/bin/pip" install --disable-pip-version-check --requirement "$pins" >>"$folder.log" 2>&1; then
    say "$stamp" >"$folder/stamp"
    took "schemathesis" "$start"
  else
    tail -n 5 "$folder.log" >&2
    warn "schemathesis cannot be had; the contract test will fail ($folder.log). It needs Python 3 with venv (on
    Debian and Ubuntu: python3-venv) and PyPI"
  fi
}

# What the commands of the partner guides are made of.
install_guides_tools() {
  local missing=() tool as_root
  for tool in curl jq openssl; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  ((${#missing[@]})) || return 0
  if can_install; then
    say "installing ${missing[*]} (apt-get)"
    install_packages "${missing[@]}" && return
  fi
  warn "missing: ${missing[*]}, which the commands of the guides in docs/guides need: the test of them will fail"
}

# nginx, which a benchmark compares the gateway with; only its program is used.
install_nginx() {
  local as_root
  if command -v nginx >/dev/null; then return; fi
  if can_install; then
    say "installing nginx-light (apt-get)"
    install_packages nginx-light || true
  fi
  command -v nginx >/dev/null || die "missing: nginx, which the benchmark compares the gateway with
  Install it, and run the same command again. On Debian and Ubuntu:
    sudo apt-get update && sudo apt-get install --no-install-recommends nginx-light"
}
