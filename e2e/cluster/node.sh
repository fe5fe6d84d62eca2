#!/usr/bin/env bash
# Pid 1 of one node, in its own network, mount, pid, uts and ipc namespaces (node.ts starts it). It makes the machine's
# file system look like a machine of its own, starts the three daemons, and reaps orphans until it is killed.
set -euo pipefail
cd "$NODE_FOLDER"
hostname "$NODE_NAME"

# A sysfs that shows this node's network links, with the machine's cgroups in it.
mkdir -p mnt/cgroup
mount --rbind /sys/fs/cgroup mnt/cgroup
mount -t sysfs sysfs /sys
mount --move mnt/cgroup /sys/fs/cgroup
umount -l /run/netns 2>/dev/null || true # do not pin the namespaces of others

# Paths that are written into the daemons: one copy for each node.
for path in /var/lib/kubelet /var/lib/cni /var/log/pods /var/log/containers /run/containerd /run/nri; do
  mkdir -p "fs$path" "$path"
  mount --bind "fs$path" "$path"
done
: >fs/resolv.conf
mount --bind fs/resolv.conf /etc/resolv.conf
printf '127.0.0.1 localhost\n%s %s\n%s registry.local\n' "$NODE_IP" "$NODE_NAME" "$REGISTRY_IP" >fs/hosts
mount --bind fs/hosts /etc/hosts

# The kubelet insists on machine-wide settings; let it find what it wants instead of changing the machine.
pretend() {
  echo "$2" >"fs/$(basename "$1")"
  mount --bind "fs/$(basename "$1")" "$1"
}
pretend /proc/sys/vm/overcommit_memory 1
pretend /proc/sys/kernel/panic 10
pretend /proc/sys/kernel/panic_on_oops 1
pretend /proc/sys/kernel/keys/root_maxkeys 1000000
pretend /proc/sys/kernel/keys/root_maxbytes 25000000
mount --make-rshared / # a peer group of this node only

service() { # name: starts the daemon; also called by `nodeService` to start it again
  case $1 in
    containerd) set -- containerd containerd -c "$NODE_FOLDER/containerd.toml" ;;
    kubelet) set -- kubelet kubebox kubelet --config="$NODE_FOLDER/kubelet.json" --kubeconfig="$NODE_FOLDER/kubelet.kubeconfig" \
      --hostname-override="$NODE_NAME" --node-ip="$NODE_IP" --root-dir="$NODE_FOLDER/kubelet" --v=2 ;;
    kube-proxy) set -- kube-proxy kubebox kube-proxy --config="$NODE_FOLDER/proxy.json" ;;
  esac
  local name=$1
  shift
  setsid "$@" >>"log/$name.log" 2>&1 </dev/null &
  echo $! >"run/$name.nspid"
}

service containerd
until [ -S run/containerd.sock ]; do sleep 0.05; done
until [ -e "$READY_FILE" ]; do sleep 0.05; done
service kubelet
service kube-proxy

# A request to start a daemon again comes as a file that names it.
mkdir -p run/start
while :; do
  for request in run/start/*; do
    [ -e "$request" ] || continue
    rm "$request"
    service "$(basename "$request")"
  done
  sleep 0.2 &
  wait $! || true # waiting is what reaps
done
