-- Notifications that wait to be delivered, in tables of their own: nothing else reads or writes them. They are made only
-- where actions are configured.
-- `users` stands for data_provider.users_table in their names too.
-- table: users_outbox
-- adds: owner id kind created_at payload
-- Until when the server that has entries is taken for alive, in milliseconds since the epoch. Made first: what tells
-- that this step was run is the other table.
CREATE TABLE IF NOT EXISTS `users_outbox_owners` (
  `owner` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  `until_ms` bigint NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4;
CREATE TABLE IF NOT EXISTS `users_outbox` (
  `owner` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `kind` varchar(32) NOT NULL,
  `created_at` bigint NOT NULL,
  `payload` longtext NOT NULL,
  PRIMARY KEY (`owner`, `id`)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET=utf8mb4;
