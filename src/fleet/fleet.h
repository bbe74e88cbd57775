/* fleet: many simulated machines over many days, in process and on virtual time.
 *
 * Each client is one product on one machine and steps the same state machine as a machine in a
 * folder (client/licensing.h). The KMS hosts judge and count as the daemon does (kms/keyring.h,
 * kms/count.h); what a wire would carry is left out. Machines arrive, are switched on and off, are
 * replaced, leave and join the domain; controllers, objects and hosts fail when told to.
 *
 * Pure: no I/O, no clock, integers only. The same configuration gives the same report, if the
 * simulated hosts answer. */
#ifndef ADBAD_FLEET_FLEET_H
#define ADBAD_FLEET_FLEET_H

#include "base/buf.h"
#include "base/err.h"
#include "catalog/catalog.h"
#include "client/licensing.h"

#define FLEET_CLIENTS_MAX 2000000
#define FLEET_DAYS_MAX    3650
#define FLEET_HOSTS_MAX   8
#define FLEET_MIX_MAX     16
#define FLEET_OUTAGES_MAX 16
#define FLEET_GROUPS_MAX  16
#define FLEET_DAY         1440 /* minutes */

enum fleet_part {
    FLEET_DC,     /* no domain controller answers */
    FLEET_OBJECT, /* no activation object is there */
    FLEET_KMS,    /* KMS hosts do not answer */
    FLEET_PARTS
};

struct fleet_outage {
    enum fleet_part part;
    uint32_t host;        /* FLEET_KMS: from 1; 0: all of them */
    uint32_t from, until; /* minutes from the start */
};

struct fleet_share {
    const struct cat_product *product;
    uint32_t share; /* of the sum of all shares */
};

enum fleet_presence {
    FLEET_OFFICE_HOURS, /* clients and Office on working days from about 8 to 17; servers always */
    FLEET_ALWAYS,       /* everything always, with a restart about once a month */
};

/* A client's question to a KMS host that is elsewhere, and what it came to. */
struct fleet_ask {
    const struct cat_product *product;
    uint32_t machine; /* its number: what its CMID is made from */
    uint32_t status;  /* enum lic_status */
    uint32_t minutes_left;
    struct lic_event event; /* LIC_EV_KMS_ANSWERED or LIC_EV_KMS_REFUSED */
};

/* An activation through the directory, or its renewal. */
struct fleet_grant {
    const struct cat_product *product;
    uint32_t machine;  /* as in struct fleet_ask */
    uint32_t validity; /* minutes */
};

struct fleet_conf {
    const struct catalog *catalog;
    uint32_t clients, days;
    uint32_t hosts;        /* KMS hosts; 0: none */
    uint32_t domain_share; /* members of the domain, per mille */
    uint32_t arrive;       /* minutes in which the machines arrive, evenly spread by chance */
    uint32_t replace;      /* machines replaced each year, per mille: a new CMID */
    uint32_t move;         /* machines that leave or join the domain each year, per mille */
    enum fleet_presence presence;
    size_t mix_count;
    struct fleet_share mix[FLEET_MIX_MAX];
    size_t outage_count;
    struct fleet_outage outage[FLEET_OUTAGES_MAX];
    size_t group_count; /* host keys and activation objects; 0: all that the catalogue knows */
    const struct cat_group *group[FLEET_GROUPS_MAX];
    uint64_t seed;
    /* Asks a KMS host elsewhere, at once for all whose turn it is in a minute; hosts is 1 then, and
     * the simulated host only counts along. NULL: the simulated hosts answer. An error ends the
     * run. */
    enum err (*ask)(void *arg, uint32_t minute, struct fleet_ask *asks, size_t n,
                    struct errinfo *ei);
    void *ask_arg;
    /* Tells somebody of each; an error ends the run. NULL: nobody is told. */
    enum err (*tell)(void *arg, const struct fleet_grant *g, struct errinfo *ei);
    void *tell_arg;
    void (*progress)(void *arg, uint32_t day); /* after each day; may be NULL */
    void *progress_arg;
};

/* The codes that an attempt may show here, in the order of the columns. */
enum fleet_code {
    FLEET_BELOW,       /* 0xC004F038 */
    FLEET_NOT_SERVED,  /* 0xC004F042 */
    FLEET_UNREACHABLE, /* 0xC004F074: no KMS host answered */
    FLEET_NO_OBJECT,   /* 0xC004F081; KMS is asked next */
    FLEET_DC_DOWN,     /* 0x8007203A; KMS is asked next */
    FLEET_CODES
};
extern const uint32_t fleet_hresult[FLEET_CODES];

enum fleet_app { FLEET_WINDOWS, FLEET_OFFICE_APP, FLEET_APPS };

struct fleet_host_day {
    uint32_t requests;          /* answered or refused */
    uint32_t count[FLEET_APPS]; /* remembered at the end of the day */
};

/* One day; states are those at its end. */
struct fleet_day {
    uint32_t machines; /* arrived so far */
    uint32_t on;       /* switched on at once, at most */
    uint32_t channel[LIC_CHANNEL_COUNT];
    uint32_t status[LIC_STATUS_COUNT];
    uint32_t lapsed;        /* licences lost during the day */
    uint32_t kms, kms_peak; /* requests to KMS hosts; in the fullest hour */
    uint32_t ad, ad_peak;   /* questions to the directory */
    uint32_t unanswered;    /* tries at hosts that were away */
    uint32_t failed[FLEET_CODES];
    struct fleet_host_day host[FLEET_HOSTS_MAX];
};

#define FLEET_NEVER UINT32_MAX

/* How far a count came. */
struct fleet_reach {
    uint32_t askers;  /* distinct CMIDs that asked a host */
    uint32_t highest; /* count told */
    uint32_t at_5;    /* minute in which an answer first told so many; FLEET_NEVER */
    uint32_t at_25;
};

/* The count told by a host elsewhere against the simulated one: the highest of each minute. */
struct fleet_match {
    uint32_t told, simulated;  /* in the last minute with questions */
    uint32_t agreed, differed; /* minutes */
};

struct fleet_report {
    struct fleet_conf conf;
    struct fleet_day *day; /* conf.days of them */
    struct fleet_reach reach[FLEET_APPS];
    uint32_t outage_lapsed[FLEET_OUTAGES_MAX]; /* licences that ran out during it */
    uint32_t peak;                             /* KMS requests in the fullest hour */
    uint32_t peak_hour;                        /* its number from the start */
    /* Clients licensed by KMS at the end, by whole days that their licence still lasts. */
    uint32_t left[LIC_VALIDITY / FLEET_DAY + 1];
    struct fleet_match match[FLEET_APPS]; /* with conf.ask */
    uint64_t steps;                       /* of the state machine */
};

/* Runs it. The caller frees *out (fleet_report_free). ERR_NOMEM, ERR_USAGE, or conf->ask's or
 * conf->tell's. */
MUST_CHECK enum err fleet_run(const struct fleet_conf *conf, struct fleet_report **out,
                              struct errinfo *ei);
void fleet_report_free(struct fleet_report *r);

/* Licensed by something else than the directory and KMS. */
uint32_t fleet_licensed_other(const struct fleet_day *d);
uint32_t fleet_licensed(const struct fleet_day *d);

/* ---- what it says (says.c) ---- */

enum fleet_topic { FLEET_ASK_THRESHOLD, FLEET_ASK_OUTAGE, FLEET_ASK_HOSTS, FLEET_TOPICS };
/* "threshold", "outage", "hosts" */
const char *fleet_topic_name(enum fleet_topic topic);
/* Conclusions of the run on that topic, in sentences, one to a line. */
void fleet_says(const struct fleet_report *r, enum fleet_topic topic, struct buf *out);

#endif
