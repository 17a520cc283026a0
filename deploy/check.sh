#!/usr/bin/env bash
# Checks what is deployed, as far as the tools on this machine reach; changes and starts nothing. Each check that has no
# tool is named at the end. With --strict that is an error. With --install it fetches promtool first, where it is missing,
# out of the distribution's package into .dev/tools: installing the package would start a server.
#   manifests     kubectl (or kustomize), and kubernetes-validate (PyPI) for the schemas
#   rules         promtool (in Debian's package prometheus)
#   containers    docker compose, or docker-compose
# What needs no tool is checked by `./dev test`: settings, names of metrics, queues and secrets, runbooks.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
KUBERNETES=${KUBERNETES_VERSION:-1.32}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
missing=()
TOOLS=$(cd .. && pwd -P)/.dev/tools
PATH=$PATH:$TOOLS

have() { command -v "$1" >/dev/null; }

# Says nothing when all is well.
quietly() { "$@" >"$scratch/said" 2>&1 || { cat "$scratch/said" >&2 && return 1; }; }

install_promtool() {
  if have promtool || ! have apt-get; then return; fi
  mkdir -p "$TOOLS"
  (cd "$scratch" && { apt-get -qq download prometheus || { apt-get -qq update && apt-get -qq download prometheus; }; } &&
    dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x -C "$TOOLS" --strip-components=3 ./usr/bin/promtool) 2>"$scratch/said" ||
    { printf 'promtool cannot be fetched:\n' && cat "$scratch/said"; } >&2
}

render() {
  if have kubectl; then kubectl kustomize "$1"; else kustomize build "$1"; fi
}

manifests() {
  if ! have kubectl && ! have kustomize; then
    missing+=("manifests: kubectl or kustomize") && return
  fi
  local overlay file
  for overlay in kubernetes/overlays/*/ kubernetes/overlays/*/setup/; do
    file=$scratch/$(tr / - <<<"${overlay%/}").yaml
    render "$overlay" >"$file"
    if have kubernetes-validate; then
      # KEDA's two kinds are not Kubernetes' own: their warnings are expected, any other line is a problem.
      quietly kubernetes-validate --strict --quiet -k "$KUBERNETES" "$file"
      if grep -v 'keda.sh/v1alpha1' "$scratch/said" >&2; then return 1; fi
    fi
    printf '%s: %s objects\n' "${overlay%/}" "$(grep -c '^kind: ' "$file")"
  done
  have kubernetes-validate || missing+=("schemas of manifests: kubernetes-validate")
}

rules() {
  have promtool || { missing+=("rules: promtool") && return; }
  quietly promtool check rules prometheus/rules/*.yml
  quietly promtool test rules prometheus/tests/*.yml
  mkdir "$scratch/rules"
  cp prometheus/rules/*.yml "$scratch/rules"
  local config
  for config in compose kubernetes; do
    # Debian builds its Prometheus without Kubernetes' discovery.
    sed 's/kubernetes_sd_configs: .*/static_configs: []/' "prometheus/$config.yml" >"$scratch/$config.yml"
    quietly promtool check config "$scratch/$config.yml"
  done
  printf 'prometheus: %s rules, %s cases\n' "$(cat prometheus/rules/*.yml | grep -cE '^ +- (alert|record): ')" \
    "$(grep -c 'alertname: ' prometheus/tests/alerts.yml)"
  dashboards
}

# Every expression of a dashboard, as if it were a rule.
dashboards() {
  have python3 || { missing+=("expressions of dashboards: python3") && return; }
  python3 - grafana/dashboards/*.json >"$scratch/dashboards.yml" <<'PYTHON'
import json, sys

rules = []
for path in sys.argv[1:]:
    for panel in json.load(open(path))["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "5m").replace("$namespace", ".*")
            rules.append({"record": f"panel:n{len(rules)}", "expr": expression})
print(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
PYTHON
  quietly promtool check rules "$scratch/dashboards.yml"
  printf 'grafana: %s expressions\n' "$(grep -o '"expr"' "$scratch/dashboards.yml" | wc -l)"
}

containers() {
  local compose=()
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  elif have docker-compose; then
    compose=(docker-compose)
  else
    missing+=("containers: docker compose") && return
  fi
  # shellcheck disable=SC2016 # the names of the variables that the file asks for
  grep -o '\${[A-Z_]*' ../docker-compose.yml | sort -u | sed 's/^..//; s/$/=x/' >"$scratch/env"
  "${compose[@]}" --env-file "$scratch/env" -f ../docker-compose.yml config >"$scratch/compose.yml"
  printf 'docker-compose.yml: %s images\n' "$(grep -c '^ *image: ' "$scratch/compose.yml")"
}

if [[ ${1:-} == --install ]]; then install_promtool; fi
manifests
rules
containers
if ((${#missing[@]})); then
  printf 'not checked, for want of: %s\n' "${missing[@]}" >&2
  [[ ${1:-} != --strict ]]
fi
