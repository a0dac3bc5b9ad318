#!/usr/bin/env bash
# Fetches this node's bundle, checks it, and hands over to the boot script in it.
set -euo pipefail
umask 077
root="${INFRA_ROOT:-}"
ec2="$root/usr/local/sbin/infra-ec2"
# Machines made by one call have the same user-data: each takes its own part, by its name, or by its
# number in the call where machines have no names.
parts="$root/etc/infra/boot.d"
if [ -d "$parts" ]; then
  metadata="${INFRA_METADATA_URL:-http://169.254.169.254/metadata/v1}"
  if [ -x "$ec2" ]; then
    name="$("$ec2" metadata ami-launch-index)"
  else
    name="$(curl -fsS --retry 30 --retry-delay 2 --retry-connrefused --max-time 10 "$metadata/hostname")"
  fi
  if [ ! -s "$parts/${name%%.*}.env" ]; then
    echo "infra-boot: the user-data has no part for the machine '$name'" >&2
    exit 1
  fi
  mv "$parts/${name%%.*}.env" "$root/etc/infra/boot.env"
  rm -rf "$parts"
fi
# shellcheck source=/dev/null
. "$root/etc/infra/boot.env"
export STORE_URL="${STORE_URL:-}" STORE_REGION="${STORE_REGION:-}"
state="$root/var/lib/infra"
mkdir -p "$state"
ca=()
if [ -s "$root/etc/infra/store-ca.pem" ]; then
  export CURL_CA_BUNDLE="$root/etc/infra/store-ca.pem"
  ca=(--cacert "$CURL_CA_BUNDLE")
fi
# A target is a URL, or `s3:KEY`: signed when it is used, as the machine.
url() { # method target
  case "$2" in
    s3:*) printf '%s %s\n' "$1" "${2#s3:}" | "$ec2" urls ;;
    *) printf '%s\n' "$2" ;;
  esac
}
report() {
  printf '{"node":"%s","stage":"bundle","state":"failed","message":"%s","at":"%s","stages":[{"stage":"bundle","state":"failed"}]}' \
    "$NODE" "$1" "$(date -u +%FT%TZ)" >"$state/status.json"
  printf 'url = "%s"\n' "$(url PUT "$STATUS_PUT_URL")" |
    curl -sS -o /dev/null --max-time 20 --retry 3 "${ca[@]}" --config - --upload-file "$state/status.json" || true
  echo "infra-boot: $1" >&2
  exit 1
}
sum() { sha256sum "$1" 2>/dev/null | cut -d' ' -f1; }
file="$state/bundle.tar.gz"
# An earlier run's bundle is used again: its URL may have ended since.
if [ "$(sum "$file")" != "$BUNDLE_SHA256" ]; then
  # On EC2 a bundle is handed over to its machine once that exists; until then AWS refuses it.
  patience="${INFRA_HANDOVER_SECONDS:-900}"
  deadline=$((SECONDS + patience))
  attempt=1
  while [ "$attempt" -le 10 ]; do
    code="$(printf 'url = "%s"\n' "$(url GET "$BUNDLE_URL")" |
      curl -fsS -o "$file.part" -w '%{http_code}' --connect-timeout 10 --max-time 300 "${ca[@]}" --config - || true)"
    if [ "$code" = 403 ] && [ -x "$ec2" ]; then
      [ "$SECONDS" -lt "$deadline" ] || break
      sleep "${INFRA_POLL_SECONDS:-3}"
      continue
    fi
    case "$code" in 2* | 400 | 403 | 404) break ;; esac
    sleep "$attempt"
    attempt=$((attempt + 1))
  done
  if [ "$code" = 403 ] && [ -x "$ec2" ]; then
    report "failed at bundle: it was not handed over to this machine within $patience s (HTTP $code)"
  fi
  [ "${code:0:1}" = 2 ] || report "failed at bundle: the bundle cannot be downloaded (HTTP $code)"
  [ "$(sum "$file.part")" = "$BUNDLE_SHA256" ] || report "failed at bundle: checksum mismatch for bundle.tar.gz"
  mv "$file.part" "$file"
fi
rm -rf "$state/bundle"
mkdir -p "$state/bundle"
tar -xzf "$file" -C "$state/bundle" --no-same-owner || report "failed at bundle: the bundle cannot be unpacked"
exec bash "$state/bundle/boot.sh"
