-- A letter that waits no longer gives its fingerprint up: the same message may die anew.
update dead_letters set fingerprint = cast(id as blob) where fingerprint = $1 and state <> 'waiting'
