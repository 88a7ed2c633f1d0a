-- Accounts expire, can be switched off and remember their last login. Accounts made before this step never expire and
-- are active. The table is built anew because SQLite can only add a NOT NULL column that keeps a default.
-- adds: expiration_date last_login status
CREATE TABLE "users_new" (
  "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  "username" varchar(255) NOT NULL UNIQUE,
  "password" varchar(255) NULL,
  "public_keys" text NULL,
  "home_dir" varchar(255) NOT NULL,
  "uid" integer NOT NULL,
  "gid" integer NOT NULL,
  "max_sessions" integer NOT NULL,
  "quota_size" bigint NOT NULL,
  "quota_files" integer NOT NULL,
  "permissions" text NOT NULL,
  "used_quota_size" bigint NOT NULL,
  "used_quota_files" integer NOT NULL,
  "last_quota_update" bigint NOT NULL,
  "upload_bandwidth" integer NOT NULL,
  "download_bandwidth" integer NOT NULL,
  "expiration_date" bigint NOT NULL,
  "last_login" bigint NOT NULL,
  "status" integer NOT NULL
);
INSERT INTO "users_new" (
  "id", "username", "password", "public_keys", "home_dir", "uid", "gid", "max_sessions", "quota_size", "quota_files",
  "permissions", "used_quota_size", "used_quota_files", "last_quota_update", "upload_bandwidth", "download_bandwidth",
  "expiration_date", "last_login", "status"
)
SELECT
  "id", "username", "password", "public_keys", "home_dir", "uid", "gid", "max_sessions", "quota_size", "quota_files",
  "permissions", "used_quota_size", "used_quota_files", "last_quota_update", "upload_bandwidth", "download_bandwidth",
  0, 0, 1
FROM "users";
-- The highest id ever given moves along, or the id of a deleted account would come back.
DELETE FROM "sqlite_sequence" WHERE "name" = 'users_new';
INSERT INTO "sqlite_sequence" ("name", "seq")
SELECT 'users_new', "seq" FROM "sqlite_sequence" WHERE "name" = 'users' COLLATE NOCASE;
DROP TABLE "users";
-- Otherwise the new name is refused while a view of the administrator's still waits for its table.
PRAGMA legacy_alter_table = ON;
ALTER TABLE "users_new" RENAME TO "users";
PRAGMA legacy_alter_table = OFF;
