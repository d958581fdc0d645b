#!/bin/sh
# Three databases, each owned by a role that sees nothing else. PostgreSQL's image runs this once,
# when its data folder is empty. The passwords come from the environment and stay off every command
# line; one that is missing stops the start.
set -eu

psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv registry_password REGISTRY_DATABASE_PASSWORD
\getenv secrets_password SECRETS_DATABASE_PASSWORD
\getenv metering_password METERING_DATABASE_PASSWORD

CREATE ROLE tollway_registry LOGIN PASSWORD :'registry_password';
CREATE ROLE tollway_secrets LOGIN PASSWORD :'secrets_password';
CREATE ROLE tollway_metering LOGIN PASSWORD :'metering_password';

CREATE DATABASE tollway_registry OWNER tollway_registry;
CREATE DATABASE tollway_secrets OWNER tollway_secrets;
CREATE DATABASE tollway_metering OWNER tollway_metering;

REVOKE ALL ON DATABASE tollway_registry, tollway_secrets, tollway_metering FROM PUBLIC;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
SQL
