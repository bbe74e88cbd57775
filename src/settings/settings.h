/* settings: the one table of configuration keys, and the struct that it fills.
 *
 * adbad, adbactl and the manual page all read this table. */
#ifndef ADBAD_SETTINGS_SETTINGS_H
#define ADBAD_SETTINGS_SETTINGS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "settings/folders.h"

#define SETTINGS_DEFAULT_PATH   SETTINGS_CONF_DIR "/adbad.conf"
#define SETTINGS_DEFAULT_SOCKET SETTINGS_RUN_DIR "/control.sock"

#define SETTINGS_KEYTAB_MAX ((size_t)1024 * 1024) /* bytes of [kms] keytab */

enum settings_mechanism {
    SET_MECH_NONE,
    SET_MECH_SCRAM,
    SET_MECH_EXTERNAL,
    SET_MECH_GSSAPI,
    SET_MECH_SPNEGO,
    SET_MECH_SIMPLE,
};

enum settings_tls { SET_TLS_OFF, SET_TLS_START };

enum settings_restart { SET_RESTART_REMEMBER, SET_RESTART_FORGET };

enum settings_kms_mode { SET_KMS_SERVE, SET_KMS_REFUSE };

enum settings_relay { SET_RELAY_FOREIGN, SET_RELAY_ALL };

enum settings_members { SET_MEMBERS_ADBA_FIRST, SET_MEMBERS_COUNT };

enum settings_proof { SET_PROOF_KERBEROS, SET_PROOF_NAME, SET_PROOF_NONE };

enum settings_log { SET_LOG_AUTO, SET_LOG_STDERR, SET_LOG_JOURNAL };

enum settings_rodc { SET_RODC_REFUSE, SET_RODC_SWITCH };

struct settings {
    /* [realm] */
    char *realm_dir;    /* the realm folder; the daemon itself needs client.bundle only */
    char *realm_bundle; /* NULL: client.bundle in realm_dir */
    char *realm_secret; /* NULL: secret in realm_dir */
    /* [store] */
    char *state_dir;   /* installed host keys; ledger.db unless ledger is set */
    char *secrets_dir; /* their secret halves */
    char *ledger;
    int64_t keep; /* seconds; 0: for ever */
    /* [kms] */
    struct conf_list listen;     /* address:port, [v6]:port */
    int64_t activation_interval; /* seconds */
    int64_t renewal_interval;    /* seconds */
    int restart;                 /* enum settings_restart */
    int64_t idle;                /* seconds */
    uint32_t max_connections, max_per_source;
    struct conf_list allow, deny, proxies; /* networks */
    int kms_mode;                          /* enum settings_kms_mode */
    char *host_os;                         /* NULL: a host that serves everything */
    struct conf_list updates, packs;       /* of host_os */
    uint32_t workers;                      /* 0: as many as cores */
    int kms_members;                       /* enum settings_members */
    char *kms_keytab;                      /* NULL: callers cannot authenticate */
    /* [directory] */
    char *dir_uri; /* NULL: no directory */
    char *dir_domain;
    char *dir_site;
    int dir_mechanism; /* enum settings_mechanism */
    char *dir_user;
    char *dir_password_file;
    char *dir_keytab;
    char *dir_principal; /* NULL: dir_user, else the keytab's first */
    int dir_tls;         /* enum settings_tls */
    char *dir_tls_ca;
    int proof;       /* enum settings_proof */
    int dir_on_rodc; /* enum settings_rodc */
    char *lab_forest;
    int64_t dir_timeout; /* seconds */
    int64_t dir_retry;   /* seconds */
    int64_t job_limit;   /* seconds */
    char *search_base;   /* where computer accounts are; NULL: the whole domain */
    int64_t sync_interval, list_interval, max_stale; /* seconds */
    /* [dns] */
    bool dns_publish;
    struct conf_list dns_domains; /* empty: nothing is published */
    char *dns_host;               /* NULL: this machine's full name */
    uint32_t dns_port;            /* 0: that of the first address in listen */
    uint32_t dns_priority, dns_weight;
    int64_t dns_ttl, dns_interval, dns_retry; /* seconds */
    /* [relay] */
    struct conf_list relay_upstream; /* empty: nothing is relayed */
    char *relay_domain, *relay_dns;
    int relay_only; /* enum settings_relay */
    uint32_t relay_connections, relay_queue;
    int64_t relay_patience, relay_attempt, relay_check; /* seconds */
    /* [clearing] */
    bool clearing_serve;
    char *clearing_host; /* address:port; NULL: no clearing house is asked */
    /* [adba] */
    bool steward;                 /* adbad keeps activation objects */
    struct conf_list adba_groups; /* empty: every installed host key's */
    /* [catalog] */
    char *catalog_dir; /* NULL: CATALOG_DEFAULT_DIR, if it is there */
    /* [web] */
    struct conf_list web_listen; /* empty, or the one word "none": nothing is served */
    struct conf_list web_names;
    uint32_t web_max_connections, web_max_per_source;
    int64_t web_timeout; /* seconds */
    /* [control] */
    char *control_socket;
    /* [lab] */
    bool lab;
    char *lab_clock;
    /* [log] */
    int log_level;  /* enum log_level */
    int log_target; /* enum settings_log */
    char *log_file; /* NULL: none */

    struct settings_shared *shared; /* settings_share's; NULL: nobody else has them */
};

/* Keys that take effect only when adbad starts are CONF_RESTART. */
extern const struct conf_table settings_table;
/* The sections in the order of the table; the last has no name. */
extern const struct conf_section settings_sections[];

/* Loads path (NULL: defaults only) with its folder conf.d and checks what no single row can:
 * lab_clock without lab mode, a directory without credentials. Missing paths get their defaults
 * from state_dir and realm_dir. SETTINGS_DEFAULT_PATH may be missing, any other may not. On failure
 * *out is zeroed. */
MUST_CHECK enum err settings_load(const char *path, struct settings *out, struct errinfo *ei);

/* What a reading took settings from, and which credentials there were (credentials.h). Whoever
 * makes settings of it has those of that reading, whatever the files hold by then. */
struct settings_text {
    struct conf_files files;
    unsigned credentials;
};
/* As bytes, for another process of the same program, and back. ERR_MALFORMED: they are none. */
#define SETTINGS_TEXT_MAX ((size_t)16 * 1024 * 1024)
void settings_text_pack(const struct settings_text *t, struct buf *out);
MUST_CHECK enum err settings_text_unpack(const struct buf *packed, struct settings_text *out,
                                         struct errinfo *ei);
void settings_text_free(struct settings_text *t);
/* As settings_load, where path names what the text was read from. */
MUST_CHECK enum err settings_load_text(const char *path, const struct settings_text *text,
                                       struct settings *out, struct errinfo *ei);

/* What somebody wants to know of a reading. */
struct settings_report {
    struct conf_origin *origins; /* one zeroed for each row of the table; or NULL */
    conf_problem_fn *problem;    /* told of every mistake, not only the first; or NULL */
    void *arg;
    struct settings_text *keep; /* zeroed: gets what it was read from; or NULL */
};
MUST_CHECK enum err settings_read(const char *path, const struct settings_report *report,
                                  struct settings *out, struct errinfo *ei);
void settings_free(struct settings *s);

/* The file that holds the ticket of a DNS update while nsupdate runs, and its folder, where nothing
 * else is; caller frees. NULL: out of memory. */
char *settings_ticket_file(const struct settings *s);
char *settings_ticket_folder(const struct settings *s);

/* ---- other settings for a program that runs ---- */

/* Told of each key that differs, and whether it takes effect. Any error ends it. */
typedef enum err settings_change_fn(void *arg, const struct conf_key *k, bool takes_effect,
                                    const struct settings *was, const struct settings *now,
                                    struct errinfo *ei);
/* Goes through what differs, and puts back in *now what needs a restart: the key's row says so; or
 * a directory where there was none, or none any more; or the key means something only together with
 * one that needs a restart and differs ([directory] with its domain, [relay] only with upstream).
 * each may be NULL. ERR_CONFIG: together they
 * contradict each other. */
MUST_CHECK enum err settings_take(const struct settings *was, struct settings *now,
                                  settings_change_fn *each, void *arg, struct errinfo *ei);

/* SHA-256 over every key that a reload can change, by name and value: two programs that took the
 * same settings from one configuration agree on it. */
#define SETTINGS_DIGEST_LEN 32
MUST_CHECK enum err settings_digest(const struct settings *s, uint8_t out[SETTINGS_DIGEST_LEN],
                                    struct errinfo *ei);

/* The checks of settings_load for settings that come from two readings. */
MUST_CHECK enum err settings_check_mixed(const struct settings *s, struct errinfo *ei);

/* ---- settings in use ---- */

/* Settings that several threads read: they never change, and go with the last who holds them. Takes
 * what *s owns; *s becomes a view of them, good for as long as the caller holds them (settings_drop
 * ends that). ERR_NOMEM: *s is as it was. */
MUST_CHECK enum err settings_share(struct settings *s, struct errinfo *ei);
/* One more who holds them, from any thread that does or that has a view; returns them. */
const struct settings *settings_hold(const struct settings *shared);
void settings_drop(const struct settings *shared); /* NULL is fine */

/* The settings of the moment, for threads that look now and then. */
struct settings_cell {
    pthread_mutex_t lock;
    const struct settings *now; /* held */
    _Atomic unsigned serial;    /* of now */
};

void settings_cell_init(struct settings_cell *c, const struct settings *shared);
void settings_cell_fini(struct settings_cell *c);
/* Puts others in their place. */
void settings_cell_put(struct settings_cell *c, const struct settings *shared);
/* A thread's own look at them. Zero it; settings_drop(l.settings) in the end. */
struct settings_look {
    const struct settings *settings;
    unsigned serial;
};
/* The settings of the moment: one load of a number unless they changed. Good until the next call
 * with the same look. */
const struct settings *settings_look(struct settings_look *l, struct settings_cell *c);

#endif
