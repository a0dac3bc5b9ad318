#!/usr/bin/env bash
# Keeps pods from the cloud's metadata service: it tells whoever asks this machine's user-data, and on
# AWS its credentials. What pods send is forwarded, what the machine itself sends is not, so only
# forwarded packets are dropped. Chains of the table `mangle` come before those in which kube-proxy and
# network plugins accept packets, whatever they add later.
set -euo pipefail
rule=(FORWARD -d 169.254.169.254/32 -j DROP)
iptables -w 60 -t mangle -C "${rule[@]}" 2>/dev/null || iptables -w 60 -t mangle -I "${rule[@]}"
