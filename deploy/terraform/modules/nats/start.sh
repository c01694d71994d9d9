#!/bin/bash
# Starts NATS. Runs as root at each start of the machine. What is a secret is read here, by the machine's own account, into memory.
set -euo pipefail

# secret NAME VERSION: prints its value.
secret() {
  local token
  token=$(curl -sSf --retry 10 --retry-connrefused -H 'Metadata-Flavor: Google' \
    http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token | jq -r .access_token)
  # The token goes in by a file, so that no list of processes shows it.
  curl -sSf --retry 10 -H @- "https://secretmanager.googleapis.com/v1/projects/${project}/secrets/$1/versions/$2:access" \
    <<<"Authorization: Bearer $token" | jq -r .payload.data | base64 -d
}

export DEBIAN_FRONTEND=noninteractive
command -v nats-server jq >/dev/null || {
  for pause in 1 2 4 8 16 0; do
    apt-get update -q && apt-get install -qy --no-install-recommends nats-server jq unattended-upgrades && break
    [ "$pause" != 0 ] || { echo "NATS could not be installed: look at the lines above" >&2; exit 1; }
    sleep "$pause"
  done
  systemctl disable --now nats-server
}

getent passwd nats >/dev/null || useradd --system --shell /usr/sbin/nologin nats
install -d -m 0700 -o nats -g nats /run/nats
umask 077
secret "${certificate.secret}" "${certificate.version}" >/run/nats/certificate.pem
secret "${private_key.secret}" "${private_key.version}" >/run/nats/private-key.pem
# Each on a line of its own, so that all ends here when one cannot be read.
password=$(secret "${password.secret}" "${password.version}" | jq -Rs .)
events=$(secret "${events.secret}" "${events.version}" | jq -Rs .)
# As deploy/compose has it: who follows events reads the stream and keeps a place in it.
follower='{
  "publish": [
    "$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.heimdex_events",
    "$JS.API.CONSUMER.*.heimdex_events", "$JS.API.CONSUMER.*.heimdex_events.>", "$JS.API.CONSUMER.DURABLE.CREATE.heimdex_events.>",
    "$JS.API.CONSUMER.MSG.NEXT.heimdex_events.>", "$JS.ACK.heimdex_events.>"
  ],
  "subscribe": ["_EVENTS.>"]
}'
{
  echo 'port: 4222'
  echo 'jetstream { store_dir: /var/lib/heimdex-nats }'
  echo 'tls { cert_file: /run/nats/certificate.pem, key_file: /run/nats/private-key.pem, timeout: 5 }'
  printf 'authorization { users: [{ user: heimdex, password: %s }, { user: events, password: %s, permissions: %s }] }\n' \
    "$password" "$events" "$follower"
} >/run/nats/nats.conf
chown nats: /run/nats/*

systemctl reset-failed heimdex-nats 2>/dev/null || true
systemctl stop heimdex-nats 2>/dev/null || true
systemd-run --unit=heimdex-nats --property=User=nats --property=Restart=always --property=RestartSec=2 \
  --property=StateDirectory=heimdex-nats --property=ProtectSystem=strict --property=PrivateTmp=yes --property=NoNewPrivileges=yes \
  "$(command -v nats-server)" --config /run/nats/nats.conf
