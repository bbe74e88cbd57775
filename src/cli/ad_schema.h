/* ad_schema: schema/ad/msspp.ldf, compiled in. */
#ifndef ADBAD_CLI_AD_SCHEMA_H
#define ADBAD_CLI_AD_SCHEMA_H

/* LDIF; "@SCHEMA@" stands for the schema naming context. */
extern const char ad_schema[];

#endif
