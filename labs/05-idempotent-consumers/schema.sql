-- The tables of lab 5. They are made anew in each run's own database. Beside them, made by the harness, are the sinks:
-- `effects (message text not null)`, which has no key, so that it shows every effect as often as it was applied, and
-- `balances (account text primary key, amount bigint not null, version bigint not null)`.

-- What was done, by the message's own id. The key is what makes it an inbox.
create table inbox (
    message  text        primary key,
    taken_at timestamptz not null default now()
);

-- The same without a key (check-then-insert): two transactions may each write the same message.
create table seen (
    message text not null
);

-- Whom an order may be for.
create table customers (
    id int primary key
);
insert into customers select generate_series(1, 3);

-- An order of a customer who is not there is refused, and only when its transaction commits: like every rule that can be
-- checked at the end alone.
create table orders (
    id       bigserial primary key,
    customer int       not null references customers deferrable initially deferred,
    message  text      not null
);

-- What is still to be published (outbox).
create table outbox (
    id      bigserial primary key,
    message text      not null,
    sent    boolean   not null default false
);
create index outbox_not_sent on outbox (id) where not sent;
