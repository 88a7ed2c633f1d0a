-- Accounts expire, can be switched off and remember their last login. Accounts made before this step never expire and
-- are active. The defaults are for them alone, so they go again.
-- adds: expiration_date last_login status
ALTER TABLE `users`
  ADD COLUMN `expiration_date` bigint NOT NULL DEFAULT 0,
  ADD COLUMN `last_login` bigint NOT NULL DEFAULT 0,
  ADD COLUMN `status` integer NOT NULL DEFAULT 1;
ALTER TABLE `users`
  ALTER COLUMN `expiration_date` DROP DEFAULT,
  ALTER COLUMN `last_login` DROP DEFAULT,
  ALTER COLUMN `status` DROP DEFAULT;
