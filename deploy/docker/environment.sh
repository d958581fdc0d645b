#!/bin/sh
# Writes .env beside docker-compose.yml, with a new random password for everything that has one.
# It never touches a .env that is there: databases keep the passwords that they were made with.
set -eu
umask 077
file=$(dirname "$0")/../../.env

if [ -e "$file" ]; then
    echo "$file is there already; its passwords belong to the volumes made with it." >&2
    exit 1
fi

password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

for name in POSTGRES_PASSWORD REGISTRY_DATABASE_PASSWORD SECRETS_DATABASE_PASSWORD \
    METERING_DATABASE_PASSWORD VALKEY_PASSWORD; do
    printf '%s=%s\n' "$name" "$(password)"
done >"$file"
echo "wrote $file" >&2
