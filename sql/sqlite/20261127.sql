-- Notifications that wait to be delivered, in tables of their own: nothing else reads or writes them. They are made only
-- where actions are configured.
-- "users" stands for data_provider.users_table in their names too.
-- table: users_outbox
-- adds: owner id kind created_at payload
CREATE TABLE IF NOT EXISTS "users_outbox" (
  "owner" varchar(128) NOT NULL,
  "id" varchar(64) NOT NULL,
  "kind" varchar(32) NOT NULL,
  "created_at" bigint NOT NULL,
  "payload" text NOT NULL,
  PRIMARY KEY ("owner", "id")
);
-- Until when the server that has entries is taken for alive, in milliseconds since the epoch.
CREATE TABLE IF NOT EXISTS "users_outbox_owners" (
  "owner" varchar(128) NOT NULL PRIMARY KEY,
  "until_ms" bigint NOT NULL
);
