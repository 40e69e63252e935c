#!/bin/sh
# build.sh: the real kube-apiserver, kube-controller-manager, kubectl and etcd of tests/cluster. They are taken from
# KUBEBUILDER_ASSETS or /usr/local/kubebuilder/bin where these hold all four (the convention of envtest); else they are
# built once with Go, as ordinary modules, into a cache outside the tree. Prints the folder. About 10 minutes from cold.
# build.sh helm: the same for helm 3, which is taken from PATH where it is there. About 2 minutes from cold.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/gpucost"

holds() { # holds FOLDER PROGRAM...: whether they are all there
  folder=$1 && shift
  for name; do
    [ -x "$folder/$name" ] || return 1
  done
}

needs_go() { # needs_go WHAT OR-ELSE
  command -v go >/dev/null 2>&1 && return
  echo "Go is missing: what needs it in tests/cluster will be skipped (it builds $1; or $2)" >&2
  exit 3
}

build() { # build MODULE-FOLDER PACKAGE...: into $partial
  (cd "$here/$1" && shift && CGO_ENABLED=0 go build -trimpath -mod=readonly -ldflags "$flags" -o "$partial/" "$@")
}

begin() { # a folder that is moved to $dest by finish: two who build at once don't meet
  mkdir -p "$cache"
  partial=$(mktemp -d "$dest.XXXXXX")
  chmod 755 "$partial"
  trap 'rm -rf "$partial"' EXIT
}

finish() {
  rm -rf "$dest"
  mv "$partial" "$dest"
}

version_of() { # version_of MODULE MODULE-FOLDER: as its go.mod requires it, without the v
  sed -n "s|^\(require\)\{0,1\}[[:space:]]*$1 v\([0-9.]*\).*|\2|p" "$here/$2/go.mod"
}

digest() { # digest FILE...: other inputs, another folder in the cache
  cat "$@" | cksum | cut -d ' ' -f 1
}

take_kubernetes() {
  for dir in "${KUBEBUILDER_ASSETS:-}" /usr/local/kubebuilder/bin; do
    if [ -n "$dir" ] && holds "$dir" kube-apiserver kube-controller-manager kubectl etcd; then
      echo "$dir"
      return
    fi
  done
  version=$(version_of k8s.io/kubernetes kubernetes)
  dest="$cache/kubernetes-$version-$(digest "$here/etcd/go.sum" "$here/kubernetes/go.sum" "$here/build.sh")"
  if ! holds "$dest" kube-apiserver kube-controller-manager kubectl etcd; then
    needs_go "Kubernetes $version" "set KUBEBUILDER_ASSETS"
    echo "building Kubernetes $version and etcd once, into $dest: about 10 minutes" >&2
    begin
    # Clients refuse a server whose version they can't parse, so the linker sets it as Kubernetes' own build does.
    minor=${version#*.}
    base=k8s.io/component-base/version
    flags="-s -w -X $base.gitVersion=v$version -X $base.gitMajor=${version%%.*} -X $base.gitMinor=${minor%%.*}"
    build etcd go.etcd.io/etcd/server/v3
    mv "$partial/server" "$partial/etcd"
    build kubernetes k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kubectl
    finish
  fi
  echo "$dest"
}

take_helm() {
  found=$(command -v helm 2>/dev/null || true)
  if [ -x "$found" ] && "$found" version --short 2>/dev/null | grep -q '^v3\.'; then
    dirname "$found"
    return
  fi
  version=$(version_of helm.sh/helm/v3 helm)
  dest="$cache/helm-$version-$(digest "$here/helm/go.sum" "$here/build.sh")"
  if ! holds "$dest" helm; then
    needs_go "helm $version" "put helm 3 into PATH"
    echo "building helm $version once, into $dest: about 2 minutes" >&2
    begin
    # Without these, helm template takes itself for v3.19 and the cluster for Kubernetes 1.20.
    kubernetes=$(version_of k8s.io/client-go helm) # 0.34.2 is that of Kubernetes 1.34
    minor=${kubernetes#*.} rules=helm.sh/helm/v3/pkg/lint/rules util=helm.sh/helm/v3/pkg/chartutil
    flags="-s -w -X helm.sh/helm/v3/internal/version.version=v$version"
    flags="$flags -X $util.k8sVersionMajor=1 -X $util.k8sVersionMinor=${minor%%.*}"
    flags="$flags -X $rules.k8sVersionMajor=1 -X $rules.k8sVersionMinor=${minor%%.*}"
    build helm helm.sh/helm/v3/cmd/helm
    finish
  fi
  echo "$dest"
}

case "${1:-kubernetes}" in
  kubernetes) take_kubernetes ;;
  helm) take_helm ;;
  *)
    echo "usage: build.sh [kubernetes|helm]" >&2
    exit 2
    ;;
esac
