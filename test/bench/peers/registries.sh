#!/bin/sh
# registries.sh ROOT FILE: a node's registries as a script. FILE has a line for each: HOST ADDRESS ENDPOINT.
set -eu
root=$1
hosts=$root/etc/hosts
daemon=$root/etc/docker/daemon.json

while read -r host address endpoint; do
    mkdir -p "$root/etc/containerd/certs.d/$host"
    cat >"$root/etc/containerd/certs.d/$host/hosts.toml" <<EOF
server = "http://$endpoint"

[host."http://$endpoint"]
  capabilities = ["pull", "resolve"]
EOF
    if ! grep -qxF "$address $host" "$hosts"; then
        sed -i "/[[:space:]]$host\$/d" "$hosts"
        echo "$address $host" >>"$hosts"
    fi
done <"$2"

cut -d ' ' -f 3 "$2" | jq -Rn '[inputs]' >"$daemon.new"
jq --slurpfile wanted "$daemon.new" '.["insecure-registries"] |= (. // []) + ($wanted[0] - (. // []))' "$daemon" >"$daemon.merged"
mv "$daemon.merged" "$daemon"
rm "$daemon.new"
