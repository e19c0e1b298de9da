#!/bin/sh
# Brings the Debian packages that some tests look at the product with. Where it may not install (neither root nor sudo
# without a password, or no apt-get, or INSTALL=no) it names the command and what is left out, and lets the rest run.
set -u
PATH=$PATH:/usr/sbin:/sbin
missing=''
left_out=''

need() { # package, the tests that want it
    missing="$missing $1"
    left_out="$left_out
  $1: $2"
}

has_command() { command -v "$1" >/dev/null 2>&1; }

has_browser() {
    browsers=${PLAYWRIGHT_BROWSERS_PATH:-${HOME:-/nonexistent}/.cache/ms-playwright}
    has_command chromium-headless-shell || has_command chromium || ls -d "$browsers"/chromium-* >/dev/null 2>&1
}

install() {
    $1 env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install --yes --no-install-recommends $missing
}

ldconfig -p 2>/dev/null | grep -q 'libzbar\.so' || need libzbar0 'codes read by the second decoder, zbar'
has_browser || need chromium-headless-shell 'pages in a real browser'
has_command docker-compose || need docker-compose 'compose.yaml read as an operator would have it read'
has_command haproxy || need haproxy 'slow and oversized requests cut by the front proxy'
has_command pgbouncer || need pgbouncer 'the database behind a connection pooler'
has_command softhsm2-util || need softhsm2 'keys in a signing device (PKCS #11)'
has_command wrk || need wrk 'benchmarks over HTTP, briefly'
[ -z "$missing" ] && exit 0

as_root=''
[ "$(id -u)" = 0 ] || as_root='sudo -n'
if [ "${INSTALL:-yes}" = yes ] && has_command apt-get && $as_root true 2>/dev/null; then
    echo "installing$missing"
    { install "$as_root" || { $as_root apt-get -qq update && install "$as_root"; }; } >/dev/null && exit 0
fi
printf 'To run every test: sudo apt-get install%s\nLeft out without:%s\n' "$missing" "$left_out"
