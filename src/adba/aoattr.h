/* aoattr: the classes and attributes of activation objects (data/msspp_schema.csv), and small
 * things that the object's files share. Inside the room only. */
#ifndef ADBAD_ADBA_AOATTR_H
#define ADBAD_ADBA_AOATTR_H

#include "adba/object.h"

#define AO_CLASS           "msSPP-ActivationObject"
#define AO_CONTAINER_CLASS "msSPP-ActivationObjectsContainer"

#define AO_KMS_IDS     "msSPP-KMSIds"
#define AO_SKU_ID      "msSPP-CSVLKSkuId"
#define AO_PID         "msSPP-CSVLKPid"
#define AO_PARTIAL_KEY "msSPP-CSVLKPartialProductKey"
#define AO_ISSUANCE    "msSPP-IssuanceLicense"
#define AO_CONFIG      "msSPP-ConfigLicense"
#define AO_ONLINE      "msSPP-OnlineLicense"
#define AO_PHONE       "msSPP-PhoneLicense"
#define AO_IID         "msSPP-InstallationId"
#define AO_CID         "msSPP-ConfirmationId"

#define SL_E_LICENSE_NOT_BOUND                  0xC004F080u
#define SL_E_VL_AD_AO_NOT_FOUND                 0xC004F081u
#define SL_E_VL_AD_AO_NAME_TOO_LONG             0xC004F082u
#define SL_E_VL_AD_SCHEMA_VERSION_NOT_SUPPORTED 0xC004F083u

/* What every search asks for; NULL-terminated. */
extern const char *const ao_attrs[];

/* "CN=Activation Objects,…" of the directory; the caller frees. ERR_SCHEMA with 0xC004F083 where
 * the class or the configuration naming context is missing. */
MUST_CHECK enum err ao_container(const struct dir *d, char **dn, struct errinfo *ei);

/* The object as it is to be written, its licences signed; how: LICENCE_ONLINE or LICENCE_PHONE.
 * name as for ao_create. On failure too the caller frees *o (ao_fini), which was zeroed before. */
MUST_CHECK enum err ao_compose(const struct dir *d, const struct bundle *b, const struct hostkey *k,
                               const struct cat_group *g, const char *name, enum licence_kind how,
                               int64_t now, struct ao *o, struct errinfo *ei);

#endif
