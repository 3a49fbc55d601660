select token, id from authorizations where token = any ($1::bytea[]) and fingerprint is not null
