/* Writes what a client that others wrote needs for a realm without KDCs: FOLDER/krb5.conf,
 * FOLDER/keytab with the service's key (one that is there stays, and its key is used: several
 * clients of one service), and FOLDER/ccache with a ticket. The cache says of the ticket that it
 * holds now, whatever the ticket itself says, so that no client sees what the service must. */
#include "support.h"
#include "tickets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: tickets_tool [-s SID] [-b BEGINS] [-e ENDS] [-v VERSION] FOLDER CLIENT SERVER\n"
    "BEGINS and ENDS are seconds from now (0, 3600); SID, in hexadecimal, is what the ticket "
    "tells;\n"
    "VERSION is that of a key that is made (1)\n";

static bool move(const char *from, const char *folder, const char *name)
{
    char to[600];

    snprintf(to, sizeof(to), "%s/%s", folder, name);
    return rename(from, to) == 0;
}

/* The key that the folder's keytab has, if there is one. */
static void take_key(struct tickets *t, const char *folder)
{
    char name[600];
    krb5_keytab kt;
    krb5_kt_cursor at;
    krb5_keytab_entry entry;

    snprintf(name, sizeof(name), "FILE:%s/keytab", folder);
    if (access(name + strlen("FILE:"), F_OK) != 0)
        return;
    assert_int_equal(krb5_kt_resolve(t->k, name, &kt), 0);
    assert_int_equal(krb5_kt_start_seq_get(t->k, kt, &at), 0);
    assert_int_equal(krb5_kt_next_entry(t->k, kt, &entry, &at), 0);
    krb5_free_keyblock_contents(t->k, &t->key);
    assert_int_equal(krb5_copy_keyblock_contents(t->k, &entry.key, &t->key), 0);
    t->version = entry.vno;
    krb5_free_keytab_entry_contents(t->k, &entry);
    krb5_kt_end_seq_get(t->k, kt, &at);
    krb5_kt_close(t->k, kt);
}

/* Filed as a service of the client's own realm, where clients look. */
static void file_it(struct tickets *t, krb5_ccache file, bool anew)
{
    krb5_cc_cursor at;
    krb5_creds creds;
    krb5_timestamp now;

    assert_int_equal(krb5_timeofday(t->k, &now), 0);
    assert_int_equal(krb5_cc_start_seq_get(t->k, t->cache, &at), 0);
    assert_int_equal(krb5_cc_next_cred(t->k, t->cache, &at, &creds), 0);
    krb5_cc_end_seq_get(t->k, t->cache, &at);
    creds.times = (krb5_ticket_times){now, now, now + 3600, 0};
    assert_int_equal(krb5_set_principal_realm(t->k, creds.server, creds.client->realm.data), 0);
    if (anew)
        assert_int_equal(krb5_cc_initialize(t->k, file, creds.client), 0);
    assert_int_equal(krb5_cc_store_cred(t->k, file, &creds), 0);
    krb5_free_cred_contents(t->k, &creds);
}

/* Some clients look for a ticket-granting ticket before they look for the service's. */
static void fill(struct tickets *t, const char *folder, struct ticket *what)
{
    const char *realm = strchr(what->client, '@') + 1, *server = what->server;
    char name[600], granting[300];
    krb5_ccache file;

    snprintf(name, sizeof(name), "FILE:%s/ccache", folder);
    snprintf(granting, sizeof(granting), "krbtgt/%s@%s", realm, realm);
    assert_int_equal(krb5_cc_resolve(t->k, name, &file), 0);
    what->server = granting;
    tickets_issue(t, what);
    file_it(t, file, true);
    what->server = server;
    tickets_issue(t, what);
    file_it(t, file, false);
    krb5_cc_close(t->k, file);
}

static bool write_all(const char *folder, struct ticket *what, unsigned version)
{
    struct tickets t;
    char conf[300];
    bool ok;

    tickets_open(&t);
    t.version = version;
    take_key(&t, folder);
    tickets_keytab(&t, what->server, true);
    snprintf(conf, sizeof(conf), "%s/krb5.conf", t.folder);
    fill(&t, folder, what);
    ok = move(t.keytab, folder, "keytab") && move(conf, folder, "krb5.conf");
    tickets_close(&t);
    return ok;
}

int main(int argc, char **argv)
{
    struct ticket what = {.ends = 3600};
    uint8_t sid[68];
    int option, version = 1;

    while ((option = getopt(argc, argv, "s:b:e:v:")) != -1) {
        if (option == 's') {
            what.sid = sid;
            what.sid_len = test_unhex(optarg, sid, sizeof(sid));
        } else if (option == 'b')
            what.starts = atoi(optarg);
        else if (option == 'e')
            what.ends = atoi(optarg);
        else if (option == 'v')
            version = atoi(optarg);
    }
    if (argc - optind != 3 || strchr(argv[optind + 1], '@') == NULL ||
        setenv("TMPDIR", argv[optind], 1) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    what.client = argv[optind + 1];
    what.server = argv[optind + 2];
    return write_all(argv[optind], &what, (unsigned)version) ? 0 : 1;
}
