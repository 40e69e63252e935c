#!/bin/sh
# What the tests need of the system: a PostgreSQL server. As root on Debian it is installed; elsewhere its tests are
# skipped by name, and fail where CI=true.
set -eu
if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
else
  echo "PostgreSQL is missing and can't be installed without root: its tests will be skipped" >&2
fi
