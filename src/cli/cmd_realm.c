/* adbactl realm: making a lab realm, and looking at one. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clk.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "realm/hostkey.h"
#include "realm/realm.h"

static const char *const files[][2] = {
    {"realm.json", "name, id, date"},
    {"secret", "the realm secret; never leaves this folder"},
    {"issuer.key", "signs host keys; never leaves this folder"},
    {"issuer.crt", "what licences are verified against"},
    {"client.bundle", "for simulated clients and KMS hosts"},
};
#define FILE_COUNT (sizeof(files) / sizeof(files[0]))

/* A realm is often made before there is any configuration: then the system's time holds. */
static enum err time_of_birth(struct cli *cli, int64_t *now, struct errinfo *ei)
{
    const struct settings *s;
    struct clk sys = clk_system();
    enum err e;

    *now = clk_now(&sys);
    if (cli->conf_path == NULL && getenv("ADBAD_CONF") == NULL)
        return ERR_OK;
    e = cli_settings(cli, &s, ei);
    return e == ERR_OK ? session_now(s, now, ei) : e;
}

/* "AB:CD:…" as openssl x509 -fingerprint prints it. */
static enum err fingerprint(X509 *cert, char text[3 * 32 + 1], struct errinfo *ei)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1 || len != 32)
        return err_fail(ei, ERR_CRYPTO, "compute the issuer's fingerprint");
    for (unsigned i = 0; i < len; i++)
        snprintf(text + 3 * i, 4, "%02X%s", digest[i], i + 1 < len ? ":" : "");
    return ERR_OK;
}

static void show_json(const char *dir, const struct realm *r, const char *print)
{
    char created[CLK_TEXT_MAX], until[CLK_TEXT_MAX];
    json_t *list = json_array();

    for (size_t i = 0; i < FILE_COUNT; i++)
        json_array_append_new(list, json_string(files[i][0]));
    cli_json(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "realm", r->bundle.name, "realm_id",
                       r->bundle.id, "folder", dir, "created", clk_format(r->created, created),
                       "issuer_sha256", print, "issuer_not_after",
                       clk_format(hostkey_cert_not_after(r->bundle.issuer), until), "files", list));
}

static void show_text(const char *dir, const struct realm *r, const char *print)
{
    char text[CLK_TEXT_MAX];
    struct facts *f = facts_new();

    facts_add(f, "Realm", "%s", r->bundle.name);
    facts_add(f, "Id", "%s", r->bundle.id);
    facts_add(f, "Folder", "%s", dir);
    facts_add(f, "Created", "%s", clk_format(r->created, text));
    facts_add(f, "Issuer SHA-256", "%s", print);
    facts_add(f, "Issuer valid until", "%s",
              clk_format(hostkey_cert_not_after(r->bundle.issuer), text));
    for (size_t i = 0; i < FILE_COUNT; i++)
        facts_add(f, files[i][0], "%s", files[i][1]);
    facts_print(f);
}

static int show(const struct cli *cli, const char *dir)
{
    char print[3 * 32 + 1];
    struct errinfo ei = {0};
    struct realm r;
    enum err e = realm_open(dir, &r, &ei);

    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    e = fingerprint(r.bundle.issuer, print, &ei);
    if (e != ERR_OK) {
        realm_fini(&r);
        return cli_fail(cli, e, &ei);
    }
    if (cli->json)
        show_json(dir, &r, print);
    else
        show_text(dir, &r, print);
    realm_fini(&r);
    return EXIT_OK;
}

static int run_init(struct cli *cli, int argc, char **argv)
{
    struct rng rng = rng_system();
    struct errinfo ei = {0};
    int64_t now;
    int status = cli_begin(cli, NULL, &argc, argv, 2, 2);
    enum err e;

    if (status >= 0)
        return status;
    e = time_of_birth(cli, &now, &ei);
    if (e == ERR_OK)
        e = realm_init(argv[0], argv[1], now, &rng, &ei);
    return e == ERR_OK ? show(cli, argv[1]) : cli_fail(cli, e, &ei);
}

static int run_show(struct cli *cli, int argc, char **argv)
{
    const struct settings *s;
    struct errinfo ei = {0};
    int status = cli_begin(cli, NULL, &argc, argv, 0, 1);
    enum err e;

    if (status >= 0)
        return status;
    if (argc == 1)
        return show(cli, argv[0]);
    e = cli_settings(cli, &s, &ei);
    return e == ERR_OK ? show(cli, s->realm_dir) : cli_fail(cli, e, &ei);
}

const struct cli_command cmd_realm[] = {
    {.noun = "realm",
     .verb = "init",
     .usage = "NAME DIR",
     .run = run_init,
     .summary = "make a lab realm in a new folder",
     .help = "Makes a secret, an issuer (ECDSA P-256, 30 years) and client.bundle in folder DIR,\n"
             "which must not exist or be empty. Whoever holds client.bundle can also answer as a\n"
             "KMS host of the realm; the other files stay with you.\n\n"
             "  adbactl realm init LAB /etc/adbad/realm"},
    {.noun = "realm",
     .verb = "show",
     .usage = "[DIR]",
     .run = run_show,
     .summary = "show a realm: name, id, issuer",
     .help = "Without DIR: the realm of the configuration."},
    {0},
};
