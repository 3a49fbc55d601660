#!/bin/sh
# The role of the instances, made once when the volume is new. It owns nothing: `tollgate migrate`, as the owner
# of the tables, gives it the rights that it needs. Nobody else gets in.
psql -X -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
\set password `cat /run/secrets/postgres_app_password`
create role tollgate_app login password :'password';
revoke all on database :"DBNAME" from public;
grant connect, temporary on database :"DBNAME" to tollgate_app;
SQL
