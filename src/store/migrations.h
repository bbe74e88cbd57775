/* migrations: the SQL of schema/store, compiled in. Migration i (from 0) brings a ledger from
 * user_version i to i + 1. */
#ifndef ADBAD_STORE_MIGRATIONS_H
#define ADBAD_STORE_MIGRATIONS_H

extern const char *const store_migrations[];
extern const int store_migration_count;

#endif
