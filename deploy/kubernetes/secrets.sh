#!/usr/bin/env bash
# Makes everything secret that deploy/kubernetes refers to, once, in a new folder that only its owner reads. Talks to no
# cluster and no server.
#   secrets.sh FOLDER DATABASE BROKER REDIS_URL OWNER_URL
#     DATABASE   host:port/name of PostgreSQL's primary
#     BROKER     host of RabbitMQ (AMQP on 5672, management on 15672)
#     REDIS_URL  redis://…
#     OWNER_URL  postgres://… of a user who may create roles and schemas
# It leaves
#   secrets.yaml      kubectl apply -n leadwire -f
#   roles.sql         psql OWNER_URL -f; before or after the first `leadwire migrate`
#   definitions.json  rabbitmqctl import_definitions, or load_definitions in the broker's settings
# Keep the folder where secrets are kept: what was stored with these keys is lost with them.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck disable=SC2034 # used by services.sh
DEV=$ROOT/.dev TARGET=$ROOT/target
for part in common rabbitmq services; do
  # shellcheck source=/dev/null
  source "$ROOT/deploy/local/$part.sh"
done

(($# == 5)) || die "usage: secrets.sh FOLDER DATABASE BROKER REDIS_URL OWNER_URL"
folder=$1 database=$2 broker=$3 redis=$4 owner=$5
[[ ! -e $folder ]] || die "$folder exists: these secrets are made once"
mkdir -p "$folder"
chmod 700 "$folder"
keys=$folder/.keys passwords=$folder/.passwords
trap 'rm -f "$keys" "$passwords"' EXIT

generate_secrets | write_private "$keys"
rabbitmq_make_passwords "$passwords"
# Asks for the queues' lengths on behalf of the autoscaler.
say "keda=$(random_key 24)" >>"$passwords"

key() { sed -n "s/^LEADWIRE_$1=//p" "$keys"; }
password() { rabbitmq_password "$passwords" "$1"; }

begin() { printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\nstringData:\n' "$1"; }
entry() { printf '  %s: "%s"\n' "$1" "$2"; }

declare -A roles
for service in "${SERVICES[@]}"; do roles[$service]=$(random_key 24); done

{
  begin identity-keys
  for service in "${SERVICES[@]}"; do entry "$service" "$(key "$(upper_name "$service")__IDENTITY__KEY")"; done
  begin database
  entry owner "$owner"
  for service in "${SERVICES[@]}"; do
    entry "$service" "postgres://leadwire_${service//-/_}:${roles[$service]}@$database"
  done
  begin broker
  entry administrator "amqp://leadwire:$(password leadwire)@$broker:5672/leadwire?heartbeat=15"
  entry management "http://keda:$(password keda)@$broker:15672/leadwire"
  for service in "${SERVICES[@]}"; do
    entry "$service" "amqp://$service:$(password "$service")@$broker:5672/leadwire?heartbeat=15"
  done
  begin redis
  entry url "$redis"
  begin gateway
  entry pepper "$(key GATEWAY__SECRETS__PEPPER)"
  entry encryption-keys "$(key GATEWAY__SECRETS__ENCRYPTION_KEYS)"
  entry oauth-signing-keys "$(key GATEWAY__OAUTH__SIGNING_KEYS)"
  begin webhook-dispatcher
  entry encryption-keys "$(key WEBHOOK_DISPATCHER__SECRETS__ENCRYPTION_KEYS)"
  begin crm-resources
  entry automations-signing-key "$(key CRM_RESOURCES__AUTOMATIONS__SIGNING_KEY)"
  begin lex-router
  entry conformance-signing-key "$(key LEX_ROUTER__CONFORMANCE__SIGNING_KEY)"
} | write_private "$folder/secrets.yaml"

for service in "${SERVICES[@]}"; do
  role=leadwire_${service//-/_}
  say "do \$\$ begin create role $role login; exception when duplicate_object then null; end \$\$;"
  say "alter role $role password '${roles[$service]}';"
done | write_private "$folder/roles.sql"

# The autoscaler's user reads what the management API says, and no message.
rabbitmq_definitions "$passwords" |
  sed "s|^\"users\": \[|&\n$(rabbitmq_user_json keda "$(password keda)" '"monitoring"'),|
s|^\"permissions\": \[|&\n$(rabbitmq_permission_json keda '^\$' '^\$' '^\$'),|" |
  write_private "$folder/definitions.json"

say "made $folder; lead-intake's token of HubSpot, where there is one, is yours to add:"
say "  kubectl create secret generic lead-intake --from-literal=hubspot-token=…"
