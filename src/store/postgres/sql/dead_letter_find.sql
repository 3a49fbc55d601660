select d.id, d.died_at, d.state, d.envelope, d.body from dead_letters as d where d.id = $1
