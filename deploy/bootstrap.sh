#!/bin/sh
# Makes the environment: bootstrap.sh PYTHON VENV PACKAGE...
# Needs nothing but a Python of 3.11 or newer and a package index that pip reaches.
set -eu
python=$1 venv=$2
shift 2

fail() { printf 'tollway: %s\n' "$*" >&2; exit 1; }

command -v "$python" >/dev/null 2>&1 ||
    fail "no '$python' on the PATH. Install Python 3.11 or newer, or name one: make up PYTHON=/path/to/python3.12"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "'$python' is $("$python" -V 2>&1); Tollway needs 3.11 or newer. Name one: make up PYTHON=/path/to/python3.12"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "'$python' cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || fail "could not make $venv; remove it and try again"
printf 'tollway: installing packages (once; a minute or two)\n' >&2
# uv installs several times faster than pip; the lock pins and hashes it like everything else.
grep -A200 '^uv==' requirements.lock | sed -n '1p;2,${/^ /!q;p}' | grep -v '# via' >"$venv/uv.lock"
"$venv/bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes -r "$venv/uv.lock" ||
    fail "could not install uv. Can pip reach a package index? Its own message stands above."
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements.lock ||
    fail "could not install the packages of requirements.lock. The message above says which, and why."
set -- $(printf -- '-e %s ' "$@")
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation "$@" ||
    fail "could not install Tollway's own packages. The message above says which, and why."
