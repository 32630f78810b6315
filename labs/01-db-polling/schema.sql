-- The queue of lab 1: one row a message. It is made anew in each run's own database.
create table messages (
    id         bigserial   primary key,
    payload    text        not null,

    -- Whether the effect was applied. A cursor poller does not look at it: it remembers how far it has read.
    done       boolean     not null default false,

    -- The transaction that wrote the row: in this order they can be read without a gap (cursor-horizon).
    xid        xid8        not null default pg_current_xact_id(),

    -- A claim that ends by itself (lease).
    claimed_at timestamptz,
    visible_at timestamptz not null default now()
);

-- Without it each poll reads all that was ever done.
create index messages_not_done on messages (id) where not done;

-- Beside it, made by the harness: the sink `effects (message text not null)`, which has no key, so that it shows
-- every effect as often as it was applied.
