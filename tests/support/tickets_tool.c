/* `tickets_tool FOLDER CLIENT SERVER`: writes FOLDER/keytab with a key of SERVER's, FOLDER/ccache
 * with a ticket of CLIENT's for it, and FOLDER/krb5.conf of a realm without KDCs, for clients that
 * others wrote. */
#include "tickets.h"

#include <stdio.h>
#include <stdlib.h>

static bool move(const char *from, const char *folder, const char *name)
{
    char to[600];

    snprintf(to, sizeof(to), "%s/%s", folder, name);
    return rename(from, to) == 0;
}

/* Some clients look for a ticket-granting ticket before they look for the service's. */
static bool fill(struct tickets *t, const char *folder, const char *client, const char *server)
{
    const char *servers[] = {"krbtgt/LAB.EXAMPLE@LAB.EXAMPLE", server};
    krb5_ccache file;
    krb5_creds creds;
    krb5_cc_cursor at;
    char name[600];
    bool ok;

    snprintf(name, sizeof(name), "FILE:%s/ccache", folder);
    ok = krb5_cc_resolve(t->k, name, &file) == 0;
    for (size_t i = 0; ok && i < 2; i++) {
        tickets_issue(t, &(struct ticket){.client = client, .server = servers[i], .ends = 3600});
        ok = krb5_cc_start_seq_get(t->k, t->cache, &at) == 0 &&
             krb5_cc_next_cred(t->k, t->cache, &at, &creds) == 0 &&
             (i > 0 || krb5_cc_initialize(t->k, file, creds.client) == 0) &&
             krb5_cc_store_cred(t->k, file, &creds) == 0;
        if (ok) {
            krb5_free_cred_contents(t->k, &creds);
            krb5_cc_end_seq_get(t->k, t->cache, &at);
        }
    }
    return ok && krb5_cc_close(t->k, file) == 0;
}

int main(int argc, char **argv)
{
    struct tickets t;
    char conf[300];
    bool ok;

    if (argc != 4 || setenv("TMPDIR", argv[1], 1) != 0) {
        fputs("usage: tickets_tool FOLDER CLIENT SERVER\n", stderr);
        return 2;
    }
    tickets_open(&t);
    tickets_keytab(&t, argv[3], true);
    snprintf(conf, sizeof(conf), "%s/krb5.conf", t.folder);
    ok = fill(&t, argv[1], argv[2], argv[3]) && move(t.keytab, argv[1], "keytab") &&
         move(conf, argv[1], "krb5.conf");
    tickets_close(&t);
    return ok ? 0 : 1;
}
