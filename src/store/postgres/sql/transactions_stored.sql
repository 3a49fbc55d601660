select id from transactions where id = any ($1::uuid[])
