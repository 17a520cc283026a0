# The commands of `dev` that check the code: lint, test and prepare. Sourced by
# `dev`. They use the server set .dev/test, never the running system's.
# shellcheck shell=bash disable=SC2153,SC2154 # ROOT, DEV and others come from dev

TEST_SET=$DEV/test
CONTRACT=$ROOT/crates/e2e/contract

# Starts the tests' servers, or takes the ones that run. They stay, so that the
# next run begins at once. Their data is worth nothing after a power cut, so
# PostgreSQL need not wait for the disk; a killed process loses nothing by it.
start_test_servers() {
  "$SERVERS_SH" install
  LEADWIRE_PG_EXTRA=${LEADWIRE_PG_EXTRA--c fsync=off} \
    "$SERVERS_SH" start "$TEST_SET" --shift 15532 15573 15574 16479
}

test_address() { sed -n "s/^$1=//p" "$TEST_SET/servers.env"; }

# Where the servers are, for the tests and the benchmarks.
export_test_addresses() {
  LEADWIRE_TEST_DATABASE_URL=$(test_address DATABASE_URL)
  LEADWIRE_TEST_AMQP_URL=$(test_address AMQP_URL)
  LEADWIRE_TEST_MANAGEMENT_URL=$(test_address RABBITMQ_MANAGEMENT_URL)
  LEADWIRE_TEST_REDIS_URL=$(test_address REDIS_URL)
  export LEADWIRE_TEST_DATABASE_URL LEADWIRE_TEST_AMQP_URL LEADWIRE_TEST_MANAGEMENT_URL
  LEADWIRE_TEST_VERIFIERS=$TEST_SET/verifiers
  LEADWIRE_TEST_SCHEMATHESIS=$TEST_SET/schemathesis
  export LEADWIRE_TEST_REDIS_URL LEADWIRE_TEST_VERIFIERS LEADWIRE_TEST_SCHEMATHESIS
}

# Every test. The runner's closing line is the last thing printed.
#   cmd_test [ARGUMENT OF THE RUNNER…]
cmd_test() {
  local start
  need_toolchain
  say "servers for the tests"
  start_test_servers
  "$SERVERS_SH" install-verifiers "$TEST_SET/verifiers" "$ROOT/crates/testkit/verifiers"
  "$SERVERS_SH" install-schemathesis "$TEST_SET/schemathesis" "$CONTRACT/requirements.txt"
  "$SERVERS_SH" install-guides-tools
  start=$(now_ms)
  build_programs debug
  took "cargo build" "$start"
  export SQLX_OFFLINE=true
  export_test_addresses
  cd "$ROOT" || exit 1
  if cargo nextest --version >/dev/null 2>&1; then
    local scope=(--workspace)
    # `-p CRATE` would be lost beside --workspace.
    [[ " $* " == *" -p "* || " $* " == *" --package"* ]] && scope=()
    exec cargo nextest run "${scope[@]}" --locked "$@"
  fi
  # Whole-system stories stand in each other's way, which only nextest knows by itself.
  if (($#)); then exec cargo test --locked "$@" -- --test-threads=1; fi
  cargo test --workspace --exclude e2e --locked
  exec cargo test -p e2e --locked -- --test-threads=1
}

# Faults under load with a ledger; with the name of a story, that one of the tests
# which kill and starve servers, with outages of a minute.
#   cmd_chaos [cluster] [--seed N] [--writes N] [--faults N] | STORY
cmd_chaos() {
  local start
  if [[ -n ${1:-} && $1 != --* && $1 != cluster ]]; then
    LEADWIRE_OUTAGE_SECONDS=60 cmd_test -p e2e "$@"
    return
  fi
  need_toolchain
  "$SERVERS_SH" install
  start=$(now_ms)
  build_programs debug
  took "cargo build" "$start"
  cd "$ROOT" || exit 1
  exec "$TARGET/debug/chaos" "$@"
}

# Holds a system of its own against the OpenAPI documents, surface by surface.
#   cmd_contract-test [--examples N] [SURFACE…]
cmd_contract-test() {
  local status=0 system=(env "LEADWIRE_DEV_DIR=$DEV/contract" LEADWIRE_PORT_OFFSET=5500
    LEADWIRE_GATEWAY__PROXIES__TRUSTED=127.0.0.0/8 "$ROOT/dev")
  "$SERVERS_SH" install-schemathesis "$TEST_SET/schemathesis" "$CONTRACT/requirements.txt"
  [[ -x $TEST_SET/schemathesis/bin/python ]] || die "schemathesis is not there (see above)"
  "${system[@]}" up
  (
    set -a
    # shellcheck source=/dev/null
    source "$DEV/contract/env"
    exec "$TEST_SET/schemathesis/bin/python" "$CONTRACT/run.py" "$@"
  ) || status=$?
  "${system[@]}" down
  return "$status"
}

# The benchmarks, on servers of their own that write to the disk as in production.
#   cmd_bench [SCENARIO]
cmd_bench() {
  need_toolchain
  TEST_SET=$DEV/bench
  "$SERVERS_SH" install
  "$SERVERS_SH" start "$TEST_SET" --shift 15632 15643 15644 16579
  if [[ ${1:-gateway} == gateway ]]; then "$SERVERS_SH" install-nginx; fi
  (cd "$ROOT" && SQLX_OFFLINE=true cargo build --release -p e2e --bin bench -p gateway --bin gateway \
    -p lead-intake --bin lead-intake -p ingest --bin ingest -p crm-resources --bin crm-resources \
    -p lex-router --bin lex-router -p webhook-dispatcher --bin webhook-dispatcher --locked) ||
    die "the benchmarks do not build"
  export_test_addresses
  cd "$ROOT" || exit 1
  local status=0
  "$TARGET/release/bench" "$@" || status=$?
  "$SERVERS_SH" stop "$TEST_SET"
  return "$status"
}

# Formatting, lints, and licences and manifests where the tools for them are installed.
cmd_lint() {
  local start
  no_arguments "$@"
  need_toolchain
  cd "$ROOT" || exit 1
  start=$(now_ms)
  cargo fmt --all --check || die "the formatting differs: run 'cargo fmt --all'"
  took "cargo fmt" "$start"
  start=$(now_ms)
  SQLX_OFFLINE=true cargo clippy --workspace --all-targets --locked -- -D warnings
  took "cargo clippy" "$start"
  if cargo deny --version >/dev/null 2>&1; then
    start=$(now_ms)
    cargo deny --locked check bans licenses sources
    took "cargo deny" "$start"
  fi
  if command -v shellcheck >/dev/null; then
    start=$(now_ms)
    shellcheck -x -S warning dev .ci/run deploy/local/*.sh deploy/check.sh deploy/kubernetes/secrets.sh
    took "shellcheck" "$start"
  fi
  start=$(now_ms)
  deploy/check.sh --install
  took "what is deployed" "$start"
}

# Writes the committed query data anew: for each service, from a freshly
# migrated database seen through that service's role. With --check nothing is
# changed, and a difference is an error.
cmd_prepare() {
  local check='' url service start
  case "${1:-} ${2:-}" in
  ' ') ;;
  '--check ') check=yes ;;
  *) usage_error "prepare: unknown argument: $*" ;;
  esac
  need_toolchain
  start_test_servers
  start=$(now_ms)
  (cd "$ROOT" && SQLX_OFFLINE=true cargo build -p cli --bin leadwire --locked) ||
    die "the leadwire program does not build"
  took "leadwire built" "$start"
  start=$(now_ms)
  url=$(test_address DATABASE_URL)
  "$SERVERS_SH" psql "$TEST_SET" -q -v ON_ERROR_STOP=1 \
    -c 'set client_min_messages = warning' -c 'drop database if exists leadwire_prepare with (force)' \
    -c 'create database leadwire_prepare'
  DATABASE_URL=${url%/*}/leadwire_prepare "$TARGET/debug/leadwire" migrate >/dev/null ||
    die "'leadwire migrate' failed on a new database"
  took "scratch database migrated" "$start"
  for service in "${SERVICES[@]}"; do
    if [[ -d $ROOT/services/$service/src/store ]]; then prepare_service "$service" "$check"; fi
  done
  "$SERVERS_SH" psql "$TEST_SET" -q -c 'drop database leadwire_prepare with (force)'
}

# The query data of one service. It is made beside the old and takes its place
# whole, so that an interrupted or failed run changes nothing and stale files go.
prepare_service() {
  local service=$1 check=$2 folder=$ROOT/services/$1 url data start
  start=$(now_ms)
  # The statements name no schema: a service sees its own.
  url=$(test_address "$(upper_name "$service")_DATABASE_URL")
  url="${url%/*}/leadwire_prepare?options[search_path]=${service//-/_}"
  data=$(mktemp -d "$folder/.sqlx-new.XXXXXX")
  chmod 755 "$data"
  # The macros do not tell cargo that they depend on the database.
  touch "$folder/src/lib.rs"
  if ! (cd "$ROOT" && DATABASE_URL=$url SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$data \
    cargo check --locked -p "$service"); then
    rm -rf "$data"
    die "$service does not compile against its database (cargo's messages are above)"
  fi
  touch "$folder/src/lib.rs"
  if [[ -n $check ]]; then
    diff -r "$folder/.sqlx" "$data" >&2 || { rm -rf "$data" && die "services/$service/.sqlx is stale: run './dev prepare' and commit it"; }
    rm -rf "$data"
  else
    rm -rf "$folder/.sqlx"
    mv -T "$data" "$folder/.sqlx"
  fi
  took "$service" "$start" "$(find "$folder/.sqlx" -name 'query-*.json' 2>/dev/null | wc -l) queries"
}
