/* script: slmgr and ospp as tables of options, and what their options share.
 *
 * An option is a row: its arguments, whether it needs an administrator, and the function that does
 * it. Texts follow the scripts' by meaning; the labels of their reports are kept, for programs that
 * read them. */
#ifndef ADBAD_CLI_SCRIPT_H
#define ADBAD_CLI_SCRIPT_H

#include "cli/client.h"

/* What an option works on, which decides what the command line must name. */
enum script_target {
    SCRIPT_MACHINE, /* --machine or --machines */
    SCRIPT_HOST,    /* the daemon: --control SOCKET or --config FILE */
    SCRIPT_NOTHING,
};

struct script_option {
    const char *name; /* without its dash */
    const char *args; /* "<Product Key> [Activation ID]"; "" none */
    int min, max;     /* arguments */
    enum script_target target;
    bool admin;            /* a standard user is refused */
    const char *operation; /* the OSLicense cmdlets' name for it; NULL: they have none */
#define SCRIPT_SET ""      /* one of the cmdlets that set something: they tell success alone */
    const char *summary;
    /* argv: the option's arguments. Returns an exit code. */
    int (*run)(struct client *c, int argc, char **argv);
};

/* Each ends with a row whose name is NULL. */
extern const struct script_option script_slmgr_options[];
extern const struct script_option script_ospp_options[];

/* ---- machines (script.c) ---- */

/* One product of a machine that the option is about. */
typedef enum err script_product_fn(struct client *c, struct station *s, struct machine_product *p,
                                   const void *arg, struct errinfo *ei);

/* Opens the machines and calls each for every product that which means (client_chosen; with ospp
 * Office only). ERR_NOTFOUND if there is none. */
MUST_CHECK enum err script_each(struct client *c, const char *which, script_product_fn *each,
                                const void *arg, struct errinfo *ei);
/* Saves the machines and says text; or says what went wrong. */
int script_done(struct client *c, enum err e, struct errinfo *ei, const char *text);
/* The settings of the script's application on m: Windows, or with ospp Office. */
struct machine_app *script_app(const struct client *c, struct machine *m);

/* The table of all options; returns EXIT_OK. */
int script_help(const struct client *c, const struct script_option *all);
/* What is not part of this simulation: EXIT_NOT_MODELLED. */
int script_not_modelled(const struct client *c, const char *what, const char *instead);

/* ---- options that both scripts have (script_machine.c) ---- */

int script_install_key(struct client *c, int argc, char **argv);
int script_install_licence(struct client *c, int argc, char **argv);
int script_rearm(struct client *c, int argc, char **argv);
int script_installation_id(struct client *c, int argc, char **argv);
int script_confirmation_id(struct client *c, int argc, char **argv);
int script_set_domain(struct client *c, int argc, char **argv);
int script_clear_domain(struct client *c, int argc, char **argv);
int script_activation_type(struct client *c, int argc, char **argv);
/* Host caching for all products of the machine. */
int script_set_caching(struct client *c, bool on);
/* Uninstalls the keys that end in last5 (NULL: all that which means). */
int script_uninstall(struct client *c, const char *which, const char *last5);

/* ---- reports (script_dlv.c) ---- */

int script_dlv(struct client *c, int argc, char **argv);
int script_dli(struct client *c, int argc, char **argv);
int script_xpr(struct client *c, int argc, char **argv);
/* Who may activate p: its own /act-type, else the machine's. "All", "AD", "KMS" or "Token". */
const char *script_type_text(const struct machine *m, const struct machine_product *p);
/* What the scripts call the kind of p's key ("Volume:GVLK"), and p with it ("Windows(R) Operating
 * System, VOLUME_KMSCLIENT channel"; returns text). */
const char *script_key_channel(const struct machine_product *p);
const char *script_description(const struct machine_product *p, char text[96]);
/* What the scripts call p's extended PID or product ID, the lab's own: "adbad-<realm id>-<number of
 * the product>-<end of the key>"; "" without a key. Returns text. */
#define SCRIPT_PRODUCT_ID_MAX 64
const char *script_product_id(const struct station *s, const struct machine_product *p,
                              char text[SCRIPT_PRODUCT_ID_MAX]);
/* p with the property names of the OSLicense cmdlets (script_json.c); the caller owns it. */
json_t *script_json(const struct client *c, const struct station *s,
                    const struct machine_product *p);

/* ---- the KMS host (script_host.c) ---- */

int script_sprt(struct client *c, int argc, char **argv);
int script_sai(struct client *c, int argc, char **argv);
int script_sri(struct client *c, int argc, char **argv);
int script_sdns(struct client *c, int argc, char **argv);
int script_cdns(struct client *c, int argc, char **argv);
int script_spri(struct client *c, int argc, char **argv);
int script_cpri(struct client *c, int argc, char **argv);

/* ---- the forest's activation objects (script_ad.c) ---- */

int script_ad_online(struct client *c, int argc, char **argv);
int script_ad_iid(struct client *c, int argc, char **argv);
int script_ad_cid(struct client *c, int argc, char **argv);
int script_ao_list(struct client *c, int argc, char **argv);
int script_del_ao(struct client *c, int argc, char **argv);

/* ---- token-based activation (script_token.c) ---- */

int script_token(struct client *c, int argc, char **argv);
int script_token_only(struct client *c, int argc, char **argv);

#endif
