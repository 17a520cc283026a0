#!/usr/bin/env bash
# Makes the secrets of docker-compose.yml, once: .env with the keys, and
# .dev/compose with the broker's users. Starts nothing; run it again after
# deleting .env to get new ones (what was stored with the old is then lost).
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck disable=SC2034 # used by services.sh
DEV=$ROOT/.dev TARGET=$ROOT/target
for part in common rabbitmq services; do
  # shellcheck source=/dev/null
  source "$ROOT/deploy/local/$part.sh"
done

[[ ! -e $ROOT/.env ]] || die ".env exists: delete it first to make new secrets"
folder=$DEV/compose
mkdir -p "$folder"
chmod 700 "$folder"
rm -f "$folder/passwords"
rabbitmq_make_passwords "$folder/passwords"
{
  say "# Made by deploy/local/compose-env.sh"
  generate_secrets
  for user in leadwire "${SERVICES[@]}"; do
    say "RABBITMQ_PASSWORD_$(upper_name "$user")=$(rabbitmq_password "$folder/passwords" "$user")"
  done
} | write_private "$ROOT/.env"
# The broker's user in the container has to read these two; the folder is closed.
rabbitmq_definitions "$folder/passwords" >"$folder/definitions.json"
rabbitmq_common_config /etc/rabbitmq/definitions.json >"$folder/20-leadwire.conf"
chmod 644 "$folder/definitions.json" "$folder/20-leadwire.conf"
say "made .env and .dev/compose; now: docker compose up --build"
