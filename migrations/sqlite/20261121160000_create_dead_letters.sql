-- Messages that could not be worked, kept apart from the broker so that they can be looked through, and
-- everything that was done about them. fingerprint tells a letter that the broker has delivered twice.
create table dead_letters (
    id text not null constraint dead_letters_pkey primary key,
    died_at integer not null,
    state text not null constraint dead_letters_state check (state in ('waiting', 'redriven', 'discarded')),
    queue text not null,
    reason text not null,
    fingerprint blob not null constraint dead_letters_fingerprint unique,
    searched text not null,
    envelope text not null,
    body blob not null
) strict;

-- Only ever added to.
create table dead_letter_acts (
    id integer not null constraint dead_letter_acts_pkey primary key,
    letter_id text not null constraint dead_letter_acts_letter references dead_letters (id),
    act text not null
) strict;

create index dead_letter_acts_by_letter on dead_letter_acts (letter_id);
