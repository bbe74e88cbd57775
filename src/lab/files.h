/* files: what is embedded from schema/ and this folder. */
#ifndef ADBAD_LAB_FILES_H
#define ADBAD_LAB_FILES_H

extern const char lab_schema[];
extern const char lab_slapd_conf[];
extern const char lab_rootdse[];
extern const char lab_adbad_conf[];
extern const char lab_samba_conf[];
extern const char lab_samba_options[];
extern const char lab_krb5_conf[];
extern const char lab_containers[];
extern const char lab_no_expiry[];

#endif
