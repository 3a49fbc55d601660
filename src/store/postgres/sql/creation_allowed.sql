select has_schema_privilege($1::name, current_schema(), 'create')
