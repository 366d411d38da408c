#!/usr/bin/env bash
# Sets the gateways that ours is measured against up in bench/peers (about 1 GB; npm and PyPI only). Run once.
set -euo pipefail
cd "$(dirname "$0")"
npm install --no-save --no-package-lock --ignore-scripts --prefix . @portkey-ai/gateway@1.15.2
python3 -m venv .venv-gateways
.venv-gateways/bin/pip install --quiet 'litellm[proxy]==1.108.7'
