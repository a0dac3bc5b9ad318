#!/usr/bin/env bash
# Makes this machine a Kubernetes node. Every stage may run twice: what is done stays done, and a
# run that was cut off anywhere is completed by the next one. Each stage is reported to the bucket.
#
# All paths lie below $INFRA_ROOT, which is empty on a real machine.
set -euo pipefail
umask 077

root="${INFRA_ROOT:-}"
state="$root/var/lib/infra"
bundle="$state/bundle"
log="$root/var/log/infra-boot.log"
kubernetes="$root/etc/kubernetes"
mkdir -p "$state/done" "$root/var/log"

# shellcheck source=/dev/null
. "$root/etc/infra/boot.env"
# shellcheck source=/dev/null
. "$bundle/node.env"
export STORE_URL="${STORE_URL:-}" STORE_REGION="${STORE_REGION:-}"

metadata="${INFRA_METADATA_URL:-http://169.254.169.254/metadata/v1}"
ec2="$root/usr/local/sbin/infra-ec2"
poll="${INFRA_POLL_SECONDS:-1}"
ca=()
if [ -s "$root/etc/infra/store-ca.pem" ]; then
  ca=(--cacert "$root/etc/infra/store-ca.pem")
fi

# A target is a URL, or `s3:KEY`: signed when it is used, as the machine.
url() { # method target
  case "$2" in
    s3:*) printf '%s %s\n' "$1" "${2#s3:}" | "$ec2" urls ;;
    *) printf '%s\n' "$2" ;;
  esac
}

# ---- reporting -------------------------------------------------------------------------------

say() { printf '%s %s\n' "$(date -u +%FT%TZ)" "$*" | tee -a "$log"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

json_text() {
  local text="$1"
  text="${text//\\/\\\\}"
  text="${text//\"/\\\"}"
  printf '%s' "$text" | tr -d '\000-\037'
}

# status.json: the stage that runs, and all there were. The stages file has stage, state, time.
note() { # stage state message
  local now stages
  now="$(date -u +%FT%TZ)"
  if [ -f "$state/stages" ]; then
    grep -v "^$1 " "$state/stages" >"$state/stages.new" || true
    mv "$state/stages.new" "$state/stages"
  fi
  printf '%s %s %s\n' "$1" "$2" "$now" >>"$state/stages"
  stages="$(sed -E 's/^([^ ]+) ([^ ]+) ([^ ]+)$/{"stage":"\1","state":"\2","at":"\3"}/' "$state/stages" | paste -sd, -)"
  printf '{"node":"%s","stage":"%s","state":"%s","message":"%s","at":"%s","stages":[%s]}\n' \
    "$NODE" "$1" "$2" "$(json_text "$3")" "$now" "$stages" >"$state/status.json"
}

report() { # stage state message
  note "$@"
  # The report is for people; a boot never fails because it could not be sent.
  printf 'url = "%s"\n' "$(url PUT "$STATUS_PUT_URL" 2>>"$log")" |
    curl -fsS -o /dev/null --connect-timeout 5 --max-time 20 --retry 2 "${ca[@]}" --config - \
      --upload-file "$state/status.json" 2>>"$log" || say "the report of stage $1 could not be sent"
}

# Runs one stage unless it is done. Its errors are kept apart, so that the last one can be reported.
stage() { # name function
  local name="$1" rc=0 errors="$state/$1.err" message
  if [ -e "$state/done/$name" ]; then
    say "$name: done before"
    return 0
  fi
  say "$name"
  report "$name" running ""
  # Not in a condition: `set -e` would not hold inside.
  set +e
  (
    set -euo pipefail
    "$2"
  ) >>"$log" 2>"$errors" </dev/null
  rc=$?
  set -e
  cat "$errors" >>"$log"
  if [ "$rc" -ne 0 ]; then
    # kubeadm's last lines are advice, not the reason.
    message="$(grep -v -e '^[[:space:]]*$' -e 'To see the stack trace' -e 'If you know what you are doing' \
      "$errors" | tail -n 1 | sed -E 's/^[[:space:]]+//' || true)"
    [ -n "$message" ] || message="exit code $rc"
    report "$name" failed "failed at $name: $message"
    say "failed at $name: $message"
    cat "$errors" >&2
    exit 1
  fi
  touch "$state/done/$name"
  # That a stage is done is reported with the next one's beginning; after the last, none comes.
  if [ "$name" = "done" ]; then
    report "$name" "done" ""
  else
    note "$name" "done" ""
  fi
}

# ---- helpers ---------------------------------------------------------------------------------

sum_of() { sha256sum "$1" 2>/dev/null | cut -d' ' -f1; }

# URLs are secrets: they go to curl by its standard input, not by its arguments. Refusals (4xx) are
# final, nearly everything else is tried again; the caller finds the last HTTP status in $answer.
answer=""
call() { # method target curl-arguments…
  local method="$1" target="$2" attempt rc
  shift 2
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    if answer="$(printf 'url = "%s"\n' "$(url "$method" "$target")" |
      curl -fsS -X "$method" -w '%{http_code}' --connect-timeout 10 --max-time 1800 "${ca[@]}" --config - "$@")"; then
      return 0
    else
      rc=$?
    fi
    case "$answer:$rc" in
      408:* | 429:*) ;;
      4*) return 1 ;;
      *:60) return 1 ;; # a certificate that is not trusted now will not be in a minute
    esac
    sleep "$((attempt * poll))"
  done
  return 1
}
fetch() { call GET "$1" -o "$2"; } # target file

put_file() { # source target mode
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new"
  chmod "$3" "$2.new"
  mv "$2.new" "$2"
}

# Fills in what only the machine knows.
fill() { # source target mode
  mkdir -p "$(dirname "$2")"
  sed -e "s/@PRIVATE_IP@/$(cat "$state/private-ip")/g" \
    -e "s|@PROVIDER_ID@|$(cat "$state/provider-id" 2>/dev/null || true)|g" "$1" >"$2.new"
  chmod "$3" "$2.new"
  mv "$2.new" "$2"
}

folder() { mkdir -p "$@" && chmod 0755 "$@"; }

# ---- stages ----------------------------------------------------------------------------------

stage_metadata() {
  local ip="" zone id
  if [ -x "$ec2" ]; then
    ip="$("$ec2" metadata local-ipv4)" || die "the metadata service gives no private address"
    zone="$("$ec2" metadata placement/availability-zone)" || die "the metadata service gives no zone"
    id="$("$ec2" metadata instance-id)" || die "the metadata service gives no instance id"
    printf 'aws:///%s/%s' "$zone" "$id" >"$state/provider-id"
  else
    ip="$(curl -fsS --connect-timeout 5 --max-time 20 --retry 8 --retry-all-errors --retry-max-time 120 --noproxy '*' \
      "$metadata/interfaces/private/0/ipv4/address")" || die "the metadata service gives no private address"
  fi
  [[ "$ip" =~ ^[0-9]+(\.[0-9]+){3}$ ]] || die "the metadata service's private address is no address"
  printf '%s' "$ip" >"$state/private-ip"
}

stage_bundle() {
  (cd "$bundle" && sha256sum --quiet -c MANIFEST) || die "a file of the bundle is damaged"
}

stage_host() {
  local tool missing=()
  hostnamectl set-hostname "$NODE"
  swapoff -a
  if [ -f "$root/etc/fstab" ]; then
    sed -i -E '/^[^#].*[[:space:]]swap[[:space:]]/s/^/# infra: /' "$root/etc/fstab"
  fi
  put_file "$bundle/host/modules.conf" "$root/etc/modules-load.d/infra.conf" 0644
  while read -r tool; do
    modprobe "$tool"
  done <"$bundle/host/modules.conf"
  put_file "$bundle/host/sysctl.conf" "$root/etc/sysctl.d/90-infra.conf" 0644
  sysctl -q -p "$root/etc/sysctl.d/90-infra.conf"
  # After a reboot in the middle of a boot, the boot resumes.
  put_file "$bundle/host/infra-boot.service" "$root/etc/systemd/system/infra-boot.service" 0644
  systemctl daemon-reload
  systemctl enable infra-boot.service
  # Stock images have these, minimal ones may not; kubeadm's own checks decide.
  for tool in conntrack iptables ethtool; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  if [ "${#missing[@]}" -gt 0 ] && command -v apt-get >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install "${missing[@]}" ||
      say "these packages could not be installed: ${missing[*]}"
  fi
  put_file "$bundle/host/infra-metadata.sh" "$root/usr/local/sbin/infra-metadata" 0755
  put_file "$bundle/host/infra-metadata.service" "$root/etc/systemd/system/infra-metadata.service" 0644
  systemctl daemon-reload
  systemctl enable infra-metadata.service
  systemctl start infra-metadata.service || die "pods can't be kept from the metadata service"
}

# All artifacts at once over few connections. What does not arrive so is fetched again one by one,
# with retries and a reason.
fetch_all() {
  local sha label kind target url
  # shellcheck disable=SC2034
  while IFS=$'\t' read -r sha label kind target url; do
    [ -e "$state/artifacts/$sha" ] || [ -e "$state/artifacts/$sha.part" ] ||
      printf 'url = "%s"\noutput = "%s"\n' "$(url GET "$url")" "$state/artifacts/$sha.part"
  done <"$bundle/artifacts.tsv" |
    curl -fsS --parallel --parallel-max 4 --connect-timeout 10 --max-time 1800 "${ca[@]}" --config - || true
}

# artifacts.tsv: sha256, label, kind, target, url
stage_artifacts() {
  local sha label kind target url file
  mkdir -p "$state/artifacts"
  fetch_all
  while IFS=$'\t' read -r sha label kind target url; do
    file="$state/artifacts/$sha"
    if [ "$(sum_of "$file")" != "$sha" ]; then
      if [ "$(sum_of "$file.part")" != "$sha" ]; then
        fetch "$url" "$file.part" || die "cannot download $label (HTTP $answer)"
        [ "$(sum_of "$file.part")" = "$sha" ] || die "checksum mismatch for $label"
      fi
      mv "$file.part" "$file"
    fi
    case "$kind" in
      binary)
        folder "$(dirname "$root$target")"
        put_file "$file" "$root$target" 0755
        ;;
      archive)
        folder "$root$target"
        tar -xzf "$file" -C "$root$target" --no-same-owner || die "cannot unpack $label"
        ;;
      image) ;;
      *) die "$label is of an unknown kind: $kind" ;;
    esac
  done <"$bundle/artifacts.tsv"
}

stage_containerd() {
  local sha label kind target url
  put_file "$bundle/host/containerd.toml" "$root/etc/containerd/config.toml" 0644
  put_file "$bundle/host/crictl.yaml" "$root/etc/crictl.yaml" 0644
  put_file "$bundle/host/containerd.service" "$root/etc/systemd/system/containerd.service" 0644
  folder "$root/etc/cni" "$root/etc/cni/net.d"
  systemctl daemon-reload
  systemctl enable containerd.service
  systemctl restart containerd.service
  # The target and the URL of an image's line are not of interest here.
  # shellcheck disable=SC2034
  while IFS=$'\t' read -r sha label kind target url; do
    [ "$kind" = image ] || continue
    ctr --namespace k8s.io images import "$state/artifacts/$sha" || die "cannot import $label"
  done <"$bundle/artifacts.tsv"
}

# The authorities and the service-account key come once; the bucket's copy is burnt as soon as they
# are safe here. kubeadm's `reset` would take them away, so the archive stays until it is done.
stage_pki() {
  local file="$state/pki.tar.gz" target version
  if [ "$(sum_of "$file")" != "$PKI_SHA256" ]; then
    call GET "$PKI_GET_URL" -o "$file.part" -D "$state/pki.headers" || die "cannot download the PKI bundle (HTTP $answer)"
    [ "$(sum_of "$file.part")" = "$PKI_SHA256" ] || die "checksum mismatch for pki.tar.gz"
    mv "$file.part" "$file"
  fi
  place_pki
  # A bucket that keeps versions gives up this one only when it is named.
  target="$PKI_DELETE_URL"
  case "$target" in s3:*)
    version="$(sed -n 's/^x-amz-version-id: *\([^[:space:]]*\).*/\1/Ip' "$state/pki.headers" | tail -n 1)"
    [ -z "$version" ] || target="$target?versionId=$version"
    ;;
  esac
  call DELETE "$target" -o /dev/null ||
    die "the PKI bundle could not be deleted from the bucket (HTTP $answer)"
}

place_pki() {
  folder "$kubernetes"
  mkdir -p "$kubernetes/pki"
  tar -xzf "$state/pki.tar.gz" -C "$kubernetes/pki" --no-same-owner || die "cannot unpack the PKI bundle"
}

# Files that the API server reads its settings from. They are there before kubeadm starts it.
place_settings() {
  local file
  [ -d "$bundle/settings" ] || return 0
  for file in "$bundle"/settings/*; do
    put_file "$file" "$kubernetes/infra/${file##*/}" 0600
  done
}

# Control planes join one after the other: the object appears when it is this one's turn.
stage_turn() {
  local deadline
  deadline=$((SECONDS + TURN_TIMEOUT))
  while :; do
    answer="$(printf 'url = "%s"\n' "$(url GET "$TURN_URL")" |
      curl -sS -o /dev/null -w '%{http_code}' --connect-timeout 10 --max-time 30 "${ca[@]}" --config - || true)"
    [ "$answer" != 200 ] || return 0
    [ "$SECONDS" -lt "$deadline" ] || die "it was not this node's turn within $TURN_TIMEOUT s (last answer: $answer)"
    sleep "$poll"
  done
}

stage_kubeadm() {
  local again="" ignore file
  fill "$bundle/kubeadm.yaml" "$kubernetes/kubeadm.yaml" 0600
  put_file "$bundle/host/kubelet.service" "$root/etc/systemd/system/kubelet.service" 0644
  put_file "$bundle/host/10-kubeadm.conf" "$root/etc/systemd/system/kubelet.service.d/10-kubeadm.conf" 0644
  systemctl daemon-reload
  systemctl enable kubelet.service
  [ ! -e "$state/kubeadm.started" ] || again=yes
  touch "$state/kubeadm.started"
  place_settings
  if [ "$KUBEADM_VERB" = init ]; then
    # An init that was cut off is run again over what it left: nothing of etcd is thrown away.
    ignore="DirAvailable--var-lib-etcd,Port-6443,Port-10250,Port-10257,Port-10259,Port-2379,Port-2380"
    for file in kube-apiserver kube-controller-manager kube-scheduler etcd; do
      ignore="$ignore,FileAvailable--etc-kubernetes-manifests-$file.yaml"
    done
    if [ -n "$again" ]; then
      kubeadm init --config "$kubernetes/kubeadm.yaml" --skip-token-print --ignore-preflight-errors="$ignore"
    else
      kubeadm init --config "$kubernetes/kubeadm.yaml" --skip-token-print
    fi
  else
    if [ -n "$again" ]; then
      kubeadm reset --force
      fill "$bundle/kubeadm.yaml" "$kubernetes/kubeadm.yaml" 0600
      [ "$ROLE" != control-plane ] || place_pki
    fi
    kubeadm join --config "$kubernetes/kubeadm.yaml"
  fi
  # The file holds tokens.
  rm -f "$kubernetes/kubeadm.yaml" "$state/pki.tar.gz"
}

stage_kubelet() {
  systemctl start kubelet.service
  systemctl is-active --quiet kubelet.service || die "the kubelet does not run"
}

stage_done() {
  # The URLs have ended or soon will; tokens and images are no longer needed.
  rm -rf "$state/artifacts" "$bundle/kubeadm.yaml" "$bundle/artifacts.tsv" "$state/bundle.tar.gz"
  systemctl disable infra-boot.service
}

if [ -e "$state/done/done" ]; then
  say "this node was booted before"
  exit 0
fi
stage metadata stage_metadata
stage bundle stage_bundle
stage host stage_host
stage artifacts stage_artifacts
stage containerd stage_containerd
if [ "$ROLE" = control-plane ]; then
  stage pki stage_pki
  [ "$KUBEADM_VERB" = init ] || stage turn stage_turn
fi
stage kubeadm stage_kubeadm
stage kubelet stage_kubelet
stage "done" stage_done
