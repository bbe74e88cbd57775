#include "confine/places.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void allow_all(struct paths *p, const char *const *path, unsigned rights)
{
    for (; *path != NULL; path++)
        paths_allow(p, *path, rights);
}

void places_system(struct paths *p)
{
    static const char *const read[] = {"/usr",
                                       "/lib",
                                       "/lib32",
                                       "/lib64",
                                       "/etc/ld.so.cache",
                                       "/etc/ld.so.conf",
                                       "/etc/ld.so.conf.d",
                                       "/etc/localtime",
                                       "/etc/timezone",
                                       "/etc/locale.alias",
                                       "/etc/passwd",
                                       "/etc/group",
                                       "/etc/ssl/openssl.cnf",
                                       "/etc/crypto-policies",
                                       "/dev/zero",
                                       "/dev/random",
                                       "/dev/urandom",
                                       "/proc/self",
                                       "/proc/cpuinfo",
                                       "/proc/meminfo",
                                       "/proc/stat",
                                       "/proc/sys",
                                       "/sys/devices/system/cpu",
                                       "/sys/fs/cgroup",
                                       NULL};

    allow_all(p, read, PATHS_READ);
    paths_allow(p, "/dev/null", PATHS_READ | PATHS_WRITE);
}

void places_resolver(struct paths *p)
{
    static const char *const read[] = {"/etc/resolv.conf", "/etc/hosts",         "/etc/host.conf",
                                       "/etc/hostname",    "/etc/nsswitch.conf", "/etc/gai.conf",
                                       "/etc/services",    "/etc/protocols",     "/etc/networks",
                                       "/var/cache/nscd",  "/var/lib/sss/mc",    NULL};

    allow_all(p, read, PATHS_READ);
}

void places_resolver_folders(struct paths *p)
{
    static const char *const read[] = {"/etc",
                                       "/etc/resolv.conf",
                                       "/run/systemd/resolve",
                                       "/run/NetworkManager",
                                       "/run/resolvconf",
                                       "/run/connman",
                                       NULL};

    allow_all(p, read, PATHS_READ);
}

void places_kerberos(struct paths *p)
{
    static const char *const read[] = {"/etc/krb5.conf", "/etc/krb5.conf.d",     "/etc/krb5",
                                       "/etc/gss",       "/var/lib/sss/pubconf", NULL};
    const char *conf = getenv("KRB5_CONFIG");
    char *list = conf == NULL ? NULL : strdup(conf), *save = NULL;

    allow_all(p, read, PATHS_READ);
    if (conf != NULL && list == NULL)
        p->err = ERR_NOMEM;
    for (char *one = list == NULL ? NULL : strtok_r(list, ":", &save); one != NULL;
         one = strtok_r(NULL, ":", &save))
        paths_allow(p, one, PATHS_READ);
    free(list);
}

void places_ldap(struct paths *p)
{
    static const char *const read[] = {
        "/etc/ldap",   "/etc/openldap", "/etc/sasl2",           "/etc/ssl", "/etc/pki",
        "/etc/gnutls", "/etc/pkcs11",   "/etc/ca-certificates", NULL};

    allow_all(p, read, PATHS_READ);
}

/* ---- programs ---- */

/* The first of the list is the program itself. */
static int each_object(struct dl_phdr_info *object, size_t size, void *arg)
{
    const char **loader = arg;

    (void)size;
    for (unsigned i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_INTERP)
            *loader = (const char *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
    return 1;
}

/* NULL: we were started without one. */
static const char *own_loader(void)
{
    const char *loader = NULL;

    dl_iterate_phdr(each_object, &loader);
    return loader;
}

/* Each folder of PATH; allows EXECUTE of name in the first that has it, or, name NULL, of all. */
static void in_path(struct paths *p, const char *name)
{
    const char *path = getenv("PATH");
    char *list = strdup(path != NULL ? path : "/bin:/usr/bin"), *save = NULL, file[4096];

    if (list == NULL) {
        p->err = ERR_NOMEM;
        return;
    }
    for (char *dir = strtok_r(list, ":", &save); dir != NULL; dir = strtok_r(NULL, ":", &save)) {
        if (name == NULL) {
            paths_allow(p, dir, PATHS_EXECUTE);
        } else if ((size_t)snprintf(file, sizeof(file), "%s/%s", dir, name) < sizeof(file) &&
                   access(file, X_OK) == 0) {
            paths_allow(p, file, PATHS_EXECUTE | PATHS_READ);
            break;
        }
    }
    free(list);
}

void places_program(struct paths *p, const char *name)
{
    in_path(p, name);
    paths_allow(p, own_loader(), PATHS_EXECUTE | PATHS_READ);
}

void places_programs(struct paths *p)
{
    in_path(p, NULL);
    paths_allow(p, "/usr/lib", PATHS_EXECUTE); /* where loaders lie, whatever leads there */
    paths_allow_beside(p, own_loader(), PATHS_EXECUTE);
}
