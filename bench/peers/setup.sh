#!/usr/bin/env bash
# Sets the Python peers of the benchmarks up in bench/peers/.venv (about 6 GB; PyPI only). Run once.
set -euo pipefail
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/pip install --quiet --requirement requirements.txt
.venv/bin/python -c "import torch, transformers; print('peers ready: torch', torch.__version__, 'transformers', transformers.__version__)"
