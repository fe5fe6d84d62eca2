#!/usr/bin/env bash
# Makes `npm run …` work from a clean clone: installs the node modules of the lockfile when they are missing or old.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=node_modules/.installed
lock=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$lock" ]; then
  echo "setup: installing the node modules of package-lock.json (about a minute on a first run)"
  npm ci --no-audit --no-fund --prefer-offline --loglevel=error
  echo "$lock" >"$stamp"
fi
