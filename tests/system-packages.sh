#!/bin/sh
# What the tests need of the system: PostgreSQL, Prometheus with promtool, openssl, bubblewrap (it runs the steps of the
# Dockerfile), Chromium with fonts, the programs of a Kubernetes cluster, and helm. As root on Debian the packages are installed, Kubernetes
# and helm are built once where Go is; what can't be had leaves its tests skipped by name, and fails them where CI=true.
# Only programs are wanted: no service is left running.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

have() { # have PROGRAM...
  for name; do
    command -v "$name" >/dev/null 2>&1 || return 1
  done
}

wanted=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || have initdb || wanted="$wanted postgresql"
have prometheus promtool || wanted="$wanted prometheus"
have openssl || wanted="$wanted openssl"
have bwrap || wanted="$wanted bubblewrap"
have chromium || wanted="$wanted chromium fonts-liberation fonts-dejavu-core"

install() (
  export DEBIAN_FRONTEND=noninteractive
  # A package starts its service when it is installed, unless this file says no.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt-get update -qq || true # an old list may do
  apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >/dev/null || exit 1
  if [ -d /run/systemd/system ]; then # nor shall it start with the machine
    for package; do
      systemctl disable --quiet "$package" 2>/dev/null || true
    done
  fi
)

if [ -n "$wanted" ]; then
  # shellcheck disable=SC2086  # a list of words
  if [ "$(id -u)" != 0 ] || ! have apt-get || ! install $wanted; then
    echo "missing, and not to be installed here:$wanted; the tests that need it will be skipped" >&2
  fi
fi

sh "$here/cluster/binaries/build.sh" >/dev/null || echo "no Kubernetes: the tests that need it will be skipped" >&2
sh "$here/cluster/binaries/build.sh" helm >/dev/null || echo "no helm: the tests that need it will be skipped" >&2
