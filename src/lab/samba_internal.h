/* samba_internal: what the files about Samba labs share. */
#ifndef ADBAD_LAB_SAMBA_INTERNAL_H
#define ADBAD_LAB_SAMBA_INTERNAL_H

#include "lab/internal.h"
#include "lab/samba.h"
#include "lab/tool.h"

#define CLIENT_ADDRESS "10.53.0.100"
#define SAMBA_PROBE_CONF                                                                           \
    "probe.krb5" /* in a DC's folder: a krb5.conf that knows this KDC alone                        \
                  */

/* ---- samba_need.c ---- */

/* Root, and every package; ERR_DENIED, ERR_NOT_NOW. */
MUST_CHECK enum err samba_need_root(struct errinfo *ei);
MUST_CHECK enum err samba_need_packages(struct errinfo *ei);

/* ---- samba_files.c ---- */

/* ERR_NOTFOUND if dir holds no lab; ERR_CONFLICT if one of another kind. */
MUST_CHECK enum err samba_read(struct samba_lab *l, struct errinfo *ei);
/* lab.json, and what is missing of adbad.conf and the authority for TLS. */
MUST_CHECK enum err samba_write(const struct samba_lab *l, struct errinfo *ei);
/* Realm, NetBIOS name and the domain controllers, from domain, writable and rodc. */
MUST_CHECK enum err samba_layout(struct samba_lab *l, struct errinfo *ei);
/* resolv.conf, hosts, krb5.conf, hostname of a node; first: the DC it asks first, or NULL. */
MUST_CHECK enum err samba_write_etc(const struct samba_lab *l, const struct node *n,
                                    const struct samba_dc *first, struct errinfo *ei);
/* Appends a template of the lab, its names filled in. */
MUST_CHECK enum err samba_expand(const struct samba_lab *l, const char *text, struct buf *out,
                                 struct errinfo *ei);

/* ---- samba_tls.c ---- */

MUST_CHECK enum err samba_make_authority(const struct samba_lab *l, struct errinfo *ei);
/* A key and certificate for dc in its folder, where Samba looks for them. */
MUST_CHECK enum err samba_make_certificate(const struct samba_lab *l, const struct samba_dc *dc,
                                           struct errinfo *ei);

/* ---- samba_dc.c ---- */

bool samba_dc_exists(const struct samba_dc *dc);
/* Makes the first one (i 0) by provisioning, the others by joining, which needs the first to run.
 * Done in a folder aside that takes its place at the end. */
MUST_CHECK enum err samba_dc_make(struct samba_lab *l, size_t i, struct errinfo *ei);
/* Ends and removes what a broken-off samba_dc_make left. */
MUST_CHECK enum err samba_dc_drop_halves(struct samba_lab *l, bool remove, struct errinfo *ei);
MUST_CHECK enum err samba_dc_start(struct samba_lab *l, size_t i, struct errinfo *ei);

/* ---- samba_prepare.c ---- */

/* On the first domain controller's own database while it does not serve: containers, service
 * account with its rights and keytab, as in docs/samba.md. */
MUST_CHECK enum err samba_prepare(const struct samba_lab *l, const struct samba_dc *dc,
                                  struct errinfo *ei);

/* ---- samba_wait.c ---- */

/* Until LDAP, Kerberos and DNS answer and its service principals are there. */
MUST_CHECK enum err samba_wait_ready(const struct samba_lab *l, const struct samba_dc *dc,
                                     struct errinfo *ei);
/* Until at knows the ldap/ service principals of dc. */
MUST_CHECK enum err samba_wait_known(const struct samba_dc *at, const struct samba_dc *dc,
                                     struct errinfo *ei);
/* A ticket of the administrator into ccache, on node n. */
MUST_CHECK enum err samba_kinit(const struct samba_lab *l, const struct node *n, const char *ccache,
                                struct errinfo *ei);

#endif
