select id from authorizations where id = any ($1::uuid[])
