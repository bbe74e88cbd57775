/* licensing: the state machine of the licensing client, one struct lic per installed product.
 *
 * Pure: no I/O, no clock of its own. An event and a time go in; what has to be asked comes out as
 * an action, and its answer is fed back as the next event. The state is small and holds no
 * pointer but the catalogue's, so that a fleet of 100,000 runs in process on virtual time.
 *
 * Two tables are the whole of it. One says which handler takes which event in which phase of an
 * attempt; an empty cell is illegal and changes nothing. The other, lic_changes, says what turns
 * which licence state into which, per OS generation (data/license_states.csv). */
#ifndef ADBAD_CLIENT_LICENSING_H
#define ADBAD_CLIENT_LICENSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalog/catalog.h"

/* license_states.csv */
enum lic_status {
    LIC_UNLICENSED = 0,
    LIC_LICENSED = 1,
    LIC_OOB_GRACE = 2,
    LIC_OOT_GRACE = 3,
    LIC_NON_GENUINE = 4,
    LIC_NOTIFICATION = 5,
    LIC_EXTENDED_GRACE = 6,
    LIC_STATUS_COUNT
};

/* What kind of key is installed: who may grant a licence for it. */
enum lic_key {
    LIC_KEY_GVLK,       /* client setup key: the directory, then KMS */
    LIC_KEY_CSVLK,      /* a KMS host's key: the clearing house */
    LIC_KEY_MAK,        /* the clearing house, online or by phone; for good */
    LIC_KEY_RETAIL,     /* as a MAK, for one machine */
    LIC_KEY_OEM,        /* the firmware's marker; for good */
    LIC_KEY_AVMA,       /* the virtualization host */
    LIC_KEY_EVALUATION, /* time-based: activated like retail, ends all the same */
    LIC_KEY_COUNT
};

/* Who granted the present licence. */
enum lic_channel {
    LIC_NONE,
    LIC_BY_AD,
    LIC_BY_KMS,
    LIC_BY_CLEARING, /* online */
    LIC_BY_PHONE,    /* a confirmation ID was deposited */
    LIC_BY_OEM,
    LIC_BY_AVMA,
    LIC_CHANNEL_COUNT
};

/* How states end differs between these. */
enum lic_generation {
    LIC_GEN_LEGACY,      /* Vista, 7, Server 2008 R2: 30 d initial grace */
    LIC_GEN_2008,        /* Server 2008: 60 d */
    LIC_GEN_MODERN,      /* Windows 8, Server 2012 and later: no grace at all */
    LIC_GEN_OFFICE_2010, /* own licensing service, as Windows 7's */
    LIC_GEN_OFFICE,      /* 2013 and later: 30 d initial grace, none after a lapse */
    LIC_GEN_COUNT
};

/* Where an attempt stands. */
enum lic_phase {
    LIC_NO_KEY,          /* nothing to activate */
    LIC_REST,            /* waiting for lic_due */
    LIC_ASKING_AD,       /* the directory's answer is awaited */
    LIC_ASKING_KMS,      /* a KMS host's answer is awaited */
    LIC_ASKING_CLEARING, /* the clearing house's answer is awaited */
    LIC_ASKING_PLATFORM, /* the firmware or the virtualization host is looked at */
    LIC_PHASE_COUNT
};

enum lic_event_type {
    LIC_EV_KEY,              /* a key was installed: key */
    LIC_EV_KEY_REMOVED,      /* the key was uninstalled */
    LIC_EV_START,            /* the licensing service starts */
    LIC_EV_WAKE,             /* time has come to lic_due */
    LIC_EV_ASKED,            /* somebody wants activation now (/ato) */
    LIC_EV_REARM,            /* back to the initial state; counting is the caller's */
    LIC_EV_HARDWARE,         /* the hardware is out of tolerance */
    LIC_EV_NOT_GENUINE,      /* validation failed */
    LIC_EV_GENUINE,          /* validation succeeded */
    LIC_EV_CONFIRMED,        /* a confirmation ID was deposited and fits (/atp): validity */
    LIC_EV_AD_GRANTED,       /* validity, renewal */
    LIC_EV_AD_FAILED,        /* hresult */
    LIC_EV_KMS_ANSWERED,     /* count, activation, renewal: the client decides */
    LIC_EV_KMS_REFUSED,      /* hresult */
    LIC_EV_KMS_UNREACHABLE,  /* hresult */
    LIC_EV_CLEARING_GRANTED, /* validity; 0: for good */
    LIC_EV_CLEARING_FAILED,  /* hresult */
    LIC_EV_PLATFORM_GRANTED, /* validity (0: for good), renewal */
    LIC_EV_PLATFORM_FAILED,  /* hresult */
    LIC_EVENT_COUNT
};

struct lic_event {
    enum lic_event_type type;
    enum lic_key key;    /* what was installed */
    uint32_t hresult;    /* the code that a failed question shows */
    uint32_t count;      /* machines that the KMS host remembers */
    uint32_t activation; /* minutes between attempts while not activated */
    uint32_t renewal;    /* minutes between renewals */
    uint32_t validity;   /* minutes that the licence lasts */
};

enum lic_action {
    LIC_DO_NOTHING,
    LIC_ASK_AD,
    LIC_ASK_KMS,
    LIC_ASK_CLEARING, /* with the product's key, or the MAK configured beside it */
    LIC_ASK_PLATFORM, /* LIC_KEY_OEM: the firmware; LIC_KEY_AVMA: the virtualization host */
};

/* What happened in one step; several may. */
enum lic_note {
    LIC_GRANTED = 1 << 0,    /* Licensed from now on, or for longer */
    LIC_BELOW = 1 << 1,      /* a KMS host answered with too small a count */
    LIC_FAILED = 1 << 2,     /* the attempt ended without a licence; hresult says why */
    LIC_FELL_BACK = 1 << 3,  /* who was asked failed; the action says who is next */
    LIC_LAPSED = 1 << 4,     /* the previous state came to its end */
    LIC_UNBOUND = 1 << 5,    /* the directory's licence failed: no longer in its forest */
    LIC_SKIPPED = 1 << 6,    /* nothing was due */
    LIC_TURNED = 1 << 7,     /* the configured MAK took the place of the client setup key */
    LIC_OUT_OF_TOL = 1 << 8, /* the licence fell with the hardware */
};

struct lic_outcome {
    enum lic_action action;
    unsigned notes;   /* of enum lic_note */
    uint32_t hresult; /* with LIC_FAILED and LIC_FELL_BACK */
};

/* slmgr /act-type */
enum lic_type { LIC_TYPE_ALL, LIC_TYPE_AD, LIC_TYPE_KMS, LIC_TYPE_TOKEN };

/* What the licensing service knows of its machine at the moment of a step. */
struct lic_site {
    bool member;  /* in a domain */
    bool bound;   /* in the forest whose object gave the present licence (LIC_BY_AD) */
    bool adba;    /* product and operating system can be activated through the directory */
    bool mak;     /* a MAK is configured for when the directory and KMS fail */
    uint8_t type; /* enum lic_type of the whole machine; the product's own wins */
};

#define LIC_NEVER              INT64_MAX
#define LIC_VALIDITY           (INT64_C(180) * 24 * 60) /* minutes; KMS */
#define LIC_ACTIVATION_DEFAULT 120                      /* minutes */
#define LIC_RENEWAL_DEFAULT    10080                    /* minutes */
#define LIC_INTERVAL_MIN       15
#define LIC_INTERVAL_MAX       43200

/* Reasons and codes that the machine itself gives (data/error_codes.csv). */
#define LIC_HR_OOB_GRACE     0x4004F00Cu
#define LIC_HR_OOT_GRACE     0x4004F00Du
#define LIC_HR_NON_GENUINE   0x4004F065u
#define LIC_HR_EXTENDED      0x4004FC06u
#define LIC_HR_REARMED       0xC004D302u
#define LIC_HR_NO_REARM_LEFT 0xC004D307u
#define LIC_HR_GRACE_EXPIRED 0xC004F009u
#define LIC_HR_OUT_OF_TOL    0xC004F00Fu
#define LIC_HR_NO_TOKEN      0xC004F011u
#define LIC_HR_NO_KEY        0xC004F014u
#define LIC_HR_NO_LICENCE    0xC004F034u
#define LIC_HR_BELOW         0xC004F038u
#define LIC_HR_NOT_BOUND     0xC004F056u
#define LIC_HR_GENUINE_OVER  0xC004F064u
#define LIC_HR_OTHER_FOREST  0xC004F080u
#define LIC_HR_NO_OBJECT     0xC004F081u
#define LIC_HR_NOT_GENUINE   0xC004F200u

struct lic {
    const struct cat_product *product;
    int64_t expires;              /* end of the present state; LIC_NEVER */
    int64_t next;                 /* next attempt; LIC_NEVER */
    int64_t grace_end;            /* of the initial grace; 0: never began */
    int64_t resume;               /* end of the licence that failed validation suspended */
    uint32_t reason;              /* why the status is what it is; 0 when Licensed */
    uint32_t last;                /* result of the last attempt; 0: success or none yet */
    uint32_t ad_failed;           /* what the directory said in the present attempt; 0: not asked */
    uint16_t activation, renewal; /* minutes */
    uint16_t rearms;              /* how often this product was rearmed */
    uint8_t key;                  /* enum lic_key; of meaning unless in LIC_NO_KEY */
    uint8_t suspended;            /* enum lic_channel of the suspended licence; else LIC_NONE */
    uint8_t status;               /* enum lic_status */
    uint8_t channel;              /* enum lic_channel */
    uint8_t phase;                /* enum lic_phase */
    uint8_t type;                 /* enum lic_type */
};

/* A product as it stands after its set-up, without a key. */
void lic_init(struct lic *l, const struct cat_product *product);

enum lic_generation lic_generation(const struct cat_product *product);

/* When LIC_EV_WAKE is due: the next attempt or the end of the present state, whichever comes
 * first; LIC_NEVER without a key. */
int64_t lic_due(const struct lic *l);

/* Takes one event at time now. False if it is illegal in the present phase; nothing is changed
 * then and out says LIC_DO_NOTHING. */
bool lic_step(struct lic *l, const struct lic_site *site, const struct lic_event *ev, int64_t now,
              struct lic_outcome *out);

/* True if an event may come in this phase; what lic_step goes by. */
bool lic_legal(enum lic_phase phase, enum lic_event_type type);

/* Why a licence state turns into another. */
enum lic_cause {
    LIC_CAUSE_KEY,         /* a key was installed, or the product rearmed */
    LIC_CAUSE_KEY_REMOVED, /* it was uninstalled */
    LIC_CAUSE_ACTIVATED,   /* a licence was granted */
    LIC_CAUSE_LAPSED,      /* its time is over */
    LIC_CAUSE_TIME_BASED,  /* the time of a time-based licence is over */
    LIC_CAUSE_HARDWARE,    /* the hardware is out of tolerance */
    LIC_CAUSE_LEFT,        /* the machine left the forest of its directory licence */
    LIC_CAUSE_NOT_GENUINE, /* validation failed */
    LIC_CAUSE_GENUINE,     /* validation succeeded */
    LIC_CAUSE_COUNT
};

/* One row of the table of states. */
struct lic_change {
    unsigned generations; /* bits 1 << enum lic_generation */
    unsigned from;        /* bits 1 << enum lic_status */
    enum lic_cause cause;
    enum lic_status to;
    uint16_t days;   /* that the new state lasts; 0: no end of its own, or the licence's */
    uint32_t reason; /* of the new state */
};
/* The whole table; *n rows. docs/client.md shows it. */
const struct lic_change *lic_changes(size_t *n);
/* The row for a state and a cause; NULL: nothing changes. */
const struct lic_change *lic_change(enum lic_generation gen, enum lic_status from,
                                    enum lic_cause cause);
/* True if the state lasts for a time of its own. */
bool lic_ends(enum lic_generation gen, enum lic_status status);
/* Days of initial grace; 0: none. */
unsigned lic_initial_grace(enum lic_generation gen);
/* How often one product, or all of one application, can be rearmed. */
uint16_t lic_rearms(enum lic_generation gen);

/* Words for people: slmgr's own ("Initial grace period"), one-word names for JSON
 * ("OOBGrace"), and channels ("AD", "KMS", "online", "phone", "OEM", "AVMA", "none"). */
const char *lic_status_text(enum lic_status status);
const char *lic_status_name(enum lic_status status);
const char *lic_channel_name(enum lic_channel channel);
const char *lic_key_name(enum lic_key key); /* "GVLK", "MAK" */
const char *lic_generation_name(enum lic_generation gen);
const char *lic_cause_name(enum lic_cause cause);
const char *lic_phase_name(enum lic_phase phase);
const char *lic_event_name(enum lic_event_type type);

#endif
