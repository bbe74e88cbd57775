/* client: what the verbs of adbaclient share: the command line, the machines it works on, and the
 * outside world as the licensing client sees it. */
#ifndef ADBAD_CLI_CLIENT_H
#define ADBAD_CLI_CLIENT_H

#include <jansson.h>

#include "base/labclk.h"
#include "cli/cli.h"
#include "client/attempt.h"
#include "client/folder.h"
#include "net/resolver.h"
#include "rpc/client.h"

/* One machine with what its attempts need. */
struct station {
    struct folder folder;
    struct bundle bundle;
    struct kms_protector *protector;
    struct resolver *resolver;
    struct rng_seeded seeded;
    struct labclk *lab; /* NULL: real time; shared by all stations of a run */
    struct client *client;
    struct attempt_env env;
};

struct client_verb;

/* One run of adbaclient. */
struct client {
    const struct client_verb *verb; /* that runs */
    /* If set, a verb tells its own options and those that others have too, and ends: for completion
     * and the manual page. Both end with a row without a name. */
    void (*describe)(void *arg, const struct opt *own, const struct opt *common);
    void *describe_arg;
    const char *machine;  /* --machine */
    const char *machines; /* --machines */
    const char *overlays; /* --catalog */
    bool json;
    bool all; /* pass: tell every attempt */
    /* slmgr and ospp */
    bool office;           /* ospp: Office products only */
    bool standard_user;    /* --standard-user */
    const char *config;    /* --config: adbad.conf of the lab, for what needs its administrator */
    const char *control;   /* --control: the KMS host's control socket */
    const char *operation; /* what --json tells beside the result; "": Success alone; NULL: not
                              wanted */
    uint32_t timeout;      /* seconds, for each question */
    /* How KMS hosts are asked in this run; in no machine's folder. */
    uint32_t max_fragment; /* bytes; 0: as agreed */
    bool ndr20, ndr64;     /* only this transfer syntax is offered */
    enum rpc_offer offer;
    const char *via; /* "1688": KMS hosts alone, authenticated as the machine; NULL: as Windows */
    struct catalog *catalog;
    struct labclk *lab;
    char lab_path[1024];
    size_t count;
    struct station *station; /* sorted by folder name */
};

struct client_verb {
    const char *name;
    const char *usage; /* arguments and options */
    const char *summary;
    /* argv: what follows the verb, options of client_begin included. Returns an exit code. */
    int (*run)(struct client *c, int argc, char **argv);
};

/* All of them: tables that end with a row without a name. */
extern const struct client_verb *const client_groups[];
extern const size_t client_group_count;
extern const struct client_verb client_completion_verbs[];
extern const struct client_verb client_setup_verbs[];
extern const struct client_verb client_run_verbs[];
extern const struct client_verb client_clearing_verbs[];
extern const struct client_verb client_report_verbs[];
extern const struct client_verb client_show_verbs[];
extern const struct client_verb client_machine_verbs[];
extern const struct client_verb client_states_verbs[];
extern const struct client_verb client_slmgr_verbs[];
extern const struct client_verb client_fleet_verbs[];
extern const struct client_verb client_scenario_verbs[];

/* As client_begin for what may do without a machine. */
int client_parse(struct client *c, const struct opt *opts, int *argc, char **argv, int min,
                 int max);
/* -1 if the command line names one machine or a folder of them, else an exit code. */
int client_need_machine(const struct client *c);
/* Parses the verb's options (may be NULL) together with the common ones; -1 to go on, else an exit
 * code. */
int client_begin(struct client *c, const struct opt *opts, int *argc, char **argv, int min,
                 int max);
/* As client_begin for verbs that work on no machine folder. help stands before the options. */
int client_begin_alone(struct client *c, const char *help, const struct opt *opts, int *argc,
                       char **argv);
/* For a verb that parses its options itself and works on no machine folder: whether it was asked to
 * describe itself, which is done then. */
bool client_described_alone(struct client *c, const struct opt *own);
/* The options before the verb; they end with a row without a name. */
#define CLIENT_COMMON 10
void client_common_options(struct client *c, struct opt opts[CLIENT_COMMON]);
/* Says what went wrong, on stderr and with --json on stdout; returns the exit code. */
int client_fail(const struct client *c, enum err e, const struct errinfo *ei);

/* ---- machines (client_station.c) ---- */

/* Opens and locks the machine of --machine, or every machine of --machines. */
MUST_CHECK enum err client_open(struct client *c, struct errinfo *ei);
/* As client_open for verbs that take one machine only. */
MUST_CHECK enum err client_open_one(struct client *c, struct station **out, struct errinfo *ei);
/* Prepares a station whose folder is already there (init). */
MUST_CHECK enum err station_ready(struct client *c, struct station *s, struct errinfo *ei);
MUST_CHECK enum err client_save(struct client *c, struct errinfo *ei);
/* The end of a verb that changed machines and came to e: saves them, prints them with --json; or
 * says what went wrong. EXIT_OK or that exit code. */
int client_saved(struct client *c, enum err e, struct errinfo *ei);
/* As client_saved of one machine; without --json says "NAME: TEXT.". */
int client_done(struct client *c, enum err e, struct errinfo *ei, const char *text);
void client_close(struct client *c);
int64_t station_now(const struct station *s);

/* The product of --product and --edition; ERR_NOTFOUND names the nearest. */
MUST_CHECK enum err client_product(const struct client *c, const char *product, const char *edition,
                                   const struct cat_product **out, struct errinfo *ei);

/* The virtualization host of m, by a system's name with its edition (client_machine.c). */
MUST_CHECK enum err client_vmhost(const struct client *c, const char *text, bool hyperv,
                                  bool activated, struct machine *m, struct errinfo *ei);
/* Puts a MAK in reserve for the product that it is for. */
MUST_CHECK enum err client_set_mak(struct machine *m, const char *key, struct errinfo *ei);

/* The ports of an attempt, for s (client_reach.c). */
struct attempt_ports station_ports(struct station *s);

/* The machine's directory, logged in as the machine; the caller closes it (dir_close). */
struct dir;
MUST_CHECK enum err station_directory(const struct station *s, struct dir **out,
                                      struct errinfo *ei);

/* ---- output (client_show.c) ---- */

/* Everything about one machine, and about one product of it; the caller owns the reference. */
json_t *client_machine_json(const struct client *c, const struct station *s);
json_t *client_product_json(const struct client *c, const struct station *s,
                            const struct machine_product *p);
/* A GUID; a host with its port, null for none. */
json_t *client_guid_json(const struct guid *g);
json_t *client_host_json(const struct machine_host *h);
/* Prints the machine of a run with --machine, or {"machines": […]}. */
void client_print_json(struct client *c);
/* The last attempt of p in words, one line for each question. */
void client_print_attempt(const struct client *c, const struct machine_product *p);
/* "0xC004F038 SL_E_VL_NOT_ENOUGH_COUNT" */
const char *client_code(const struct client *c, uint32_t code, char text[128]);

/* The machine's event log, oldest first; the caller owns the reference. */
MUST_CHECK enum err client_events(const struct station *s, json_t **out, struct errinfo *ei);
void client_print_event(const struct client *c, const json_t *event);

/* 0 if every chosen product of every machine is Licensed, else EXIT_NOT_LICENSED. */
int client_exit(const struct client *c);

int client_ato(struct client *c, const char *which, bool office);

/* Is p meant by a script's argument: NULL (slmgr: Windows, or all where there is no Windows;
 * ospp: Office), "all", or an activation id. ospp never means another product than Office. */
bool client_chosen(const struct machine *m, const struct machine_product *p, const char *which,
                   bool office);

#endif
