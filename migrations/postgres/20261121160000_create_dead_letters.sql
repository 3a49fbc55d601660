-- Messages that could not be worked, kept apart from the broker so that they can be looked through, and
-- everything that was done about them. fingerprint tells a letter that the broker has delivered twice.
create table dead_letters (
    died_at bigint not null,
    id uuid not null constraint dead_letters_pkey primary key,
    state text collate "C" not null constraint dead_letters_state check (state in ('waiting', 'redriven', 'discarded')),
    queue text collate "C" not null,
    reason text collate "C" not null,
    fingerprint bytea not null constraint dead_letters_fingerprint unique,
    searched text not null,
    envelope text not null,
    body bytea not null
);

-- Only ever added to.
create table dead_letter_acts (
    id bigint generated always as identity constraint dead_letter_acts_pkey primary key,
    letter_id uuid not null constraint dead_letter_acts_letter references dead_letters (id),
    act text not null
);

create index dead_letter_acts_by_letter on dead_letter_acts (letter_id);
