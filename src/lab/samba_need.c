#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "lab/samba_internal.h"

/* One file of each Debian package, wherever its architecture puts it. */
static const struct {
    const char *file;
    const char *package;
} needs[] = {
    {"/usr/sbin/ip", "iproute2"},
    {"/usr/bin/ldapsearch", "ldap-utils"},
    {"/usr/bin/ldbadd", "ldb-tools"},
    {"/usr/bin/kinit", "krb5-user"},
    {"/usr/bin/dig", "bind9-dnsutils"},
    {"/usr/bin/openssl", "openssl"},
    {"/usr/bin/samba-tool", "samba"},
    {"/usr/sbin/samba", "samba-ad-dc"},
    {"/usr/share/samba/setup/provision_users.ldif", "samba-ad-provision"},
    {"/usr/lib/*/samba/ldb/samldb.so", "samba-dsdb-modules"},
    {"/usr/lib/*/samba/vfs/acl_xattr.so", "samba-vfs-modules"},
    {"/usr/lib/*/sasl2/libgssapiv2.so", "libsasl2-modules-gssapi-mit"},
    {"/usr/sbin/winbindd", "winbind"},
};

enum err samba_need_root(struct errinfo *ei)
{
    if (geteuid() == 0)
        return ERR_OK;
    return err_fail(ei, ERR_DENIED,
                    "a Samba lab needs root, for network namespaces of its own; run it with sudo, "
                    "or use the lab without --samba");
}

static bool is_there(const char *pattern)
{
    glob_t found = {0};
    bool any = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;

    globfree(&found);
    /* On a merged /usr /usr/sbin and /sbin are one; elsewhere ip may be in the latter alone. */
    return any || (strncmp(pattern, "/usr/sbin/", 10) == 0 && access(pattern + 4, X_OK) == 0);
}

enum err samba_need_packages(struct errinfo *ei)
{
    struct buf missing = BUF_INIT;
    enum err e = ERR_OK;

    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
        if (!is_there(needs[i].file))
            buf_add_fmt(&missing, " %s", needs[i].package);
    if (missing.len > 0)
        e = err_fail(ei, ERR_NOT_NOW,
                     "a Samba lab needs packages that are not installed; install them with "
                     "\"apt-get install --no-install-recommends%s\"",
                     buf_str(&missing) == NULL ? "" : buf_str(&missing));
    buf_fini(&missing);
    return e;
}
