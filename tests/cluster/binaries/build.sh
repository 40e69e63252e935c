#!/bin/sh
# The real kube-apiserver, kube-controller-manager, kubectl and etcd of tests/cluster. They are taken from
# KUBEBUILDER_ASSETS or /usr/local/kubebuilder/bin where these hold all four (the convention of envtest); else they are
# built once with Go, as ordinary modules, into a cache outside the tree. Prints the folder. About 10 minutes from cold.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^[[:space:]]*k8s.io\/kubernetes v\([0-9.]*\).*/\1/p' "$here/kubernetes/go.mod")

complete() {
  for name in kube-apiserver kube-controller-manager kubectl etcd; do
    [ -x "$1/$name" ] || return 1
  done
}

build() { # build MODULE-FOLDER PACKAGE...: into $dest.partial
  (cd "$here/$1" && shift && CGO_ENABLED=0 go build -trimpath -mod=readonly -ldflags "$flags" -o "$dest.partial/" "$@")
}

for dir in "${KUBEBUILDER_ASSETS:-}" /usr/local/kubebuilder/bin; do
  if [ -n "$dir" ] && complete "$dir"; then
    echo "$dir"
    exit 0
  fi
done

dest="${XDG_CACHE_HOME:-$HOME/.cache}/gpucost/kubernetes-$version-$(cat "$here"/*/go.sum "$here/build.sh" | cksum | cut -d ' ' -f 1)"
if ! complete "$dest"; then
  if ! command -v go >/dev/null 2>&1; then
    echo "Go is missing: tests/cluster will be skipped (it builds Kubernetes $version; or set KUBEBUILDER_ASSETS)" >&2
    exit 3
  fi
  echo "building Kubernetes $version and etcd once, into $dest: about 10 minutes" >&2
  mkdir -p "$dest.partial"
  # Clients refuse a server whose version they can't parse, so the linker sets it as Kubernetes' own build does.
  minor=${version#*.}
  base=k8s.io/component-base/version
  flags="-s -w -X $base.gitVersion=v$version -X $base.gitMajor=${version%%.*} -X $base.gitMinor=${minor%%.*}"
  build etcd go.etcd.io/etcd/server/v3
  mv "$dest.partial/server" "$dest.partial/etcd"
  build kubernetes k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kubectl
  rm -rf "$dest"
  mv "$dest.partial" "$dest"
fi
echo "$dest"
