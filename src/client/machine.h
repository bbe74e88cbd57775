/* machine: one simulated Windows machine with the products installed on it: plain data and its
 * JSON form, no I/O. The folder that holds it is folder.h; what it does is attempt.h. */
#ifndef ADBAD_CLIENT_MACHINE_H
#define ADBAD_CLIENT_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/guid.h"
#include "catalog/catalog.h"
#include "client/licensing.h"

#define MACHINE_FORMAT       2 /* of machine.json */
#define MACHINE_PRODUCTS_MAX 8
#define MACHINE_TRIES_MAX    8
#define MACHINE_SUFFIXES_MAX 4
#define MACHINE_KMS_PORT     1688
#define MACHINE_ADDRESS_MAX  64

/* A KMS host as /skms or a cache names it; name "": none. */
struct machine_host {
    char name[256];
    uint16_t port; /* 0: 1688 */
};

/* One question of an attempt and its answer. */
struct machine_try {
    enum lic_channel channel;
    char target[320]; /* who was asked, and how it was found */
    bool answered;    /* a KMS host told its count, or an object licensed us */
    uint32_t hresult; /* 0: it granted; with answered false, of LIC_BY_AD: it was not asked */
    uint32_t count;   /* KMS, when answered */
    char text[512];   /* what came back, in words */
};

/* One attempt at activation, explained. */
struct machine_attempt {
    int64_t when; /* 0: none yet */
    char trigger[24];
    size_t tries;
    struct machine_try try[MACHINE_TRIES_MAX];
    uint32_t result;  /* 0: Licensed by it */
    char before[160]; /* what had happened to the licence before anybody was asked; "" nothing */
    char follows[320];
};

/* Whether the question was asked at all: the directory may be passed over. */
static inline bool machine_was_asked(const struct machine_try *t)
{
    return t->channel != LIC_BY_AD || t->answered || t->hresult != 0;
}

/* The activation object that licensed a product. */
struct machine_object {
    char name[164];
    char dn[1024];
    char forest[256];
    struct guid sku_id;
    char pid[64];
};

/* What is told of an activation through the directory, where somebody is told. */
struct machine_report {
    int64_t at;        /* the activation that was not told of yet; 0: there is none */
    int64_t expires;   /* its licence */
    char outcome[256]; /* of the last telling, in words; "": nothing was told yet */
};

struct machine_product {
    struct lic lic;
    char key[30];               /* the installed key; "" none */
    char mak[30];               /* asked with when the directory and KMS fail; "" none */
    bool rearming;              /* rearmed; takes effect at the next service start */
    uint32_t spent;             /* activations that the clearing house granted this product */
    struct machine_host kms;    /* /skms for this product */
    struct machine_host cached; /* the host that answered last, when it was found by DNS */
    struct machine_host served; /* the host of the present licence */
    char lookup_domain[256];    /* for SRV; "": the machine's */
    char epid[64];              /* of that host */
    char address[MACHINE_ADDRESS_MAX]; /* of that host, without port; "": not told */
    uint32_t count;                    /* that it told */
    struct machine_object object;
    struct machine_report report;
    struct machine_attempt last;
};

/* Settings of one application: 0 Windows, 1 Office. */
struct machine_app {
    struct machine_host kms;
    bool user_operations;   /* standard users may do what needs an administrator */
    bool auto_start;        /* its service starts with the system */
    bool key_cleared;       /* the key left the registry; it stays in effect */
    bool mof_registered;    /* the service's management classes */
    uint32_t licence_files; /* installed beside the system's own */
    int64_t licences_at;    /* when licence files were installed last; 0: never */
    uint32_t rearms;        /* how often it was rearmed */
};

/* What the firmware holds for OEM activation. */
enum machine_firmware {
    FIRMWARE_NONE,   /* no table: 0xC004F057 */
    FIRMWARE_TABLE,  /* a table without the system's marker: 0xC004F058 */
    FIRMWARE_MARKED, /* the marker: an OEM key activates without asking anybody */
    FIRMWARE_COUNT
};

/* What a virtual machine runs on. */
struct machine_vmhost {
    char system[96]; /* "Windows Server 2022 Datacenter"; "": no virtual machine, or not told */
    bool hyperv;
    bool activated;
};

struct machine {
    char name[64];
    struct guid client_id;   /* CMID */
    struct guid previous_id; /* of the CMID before; zero if there was none */
    bool is_virtual;
    struct guid hardware; /* identity of its hardware; licences for good are bound to it */
    uint8_t firmware;     /* enum machine_firmware */
    struct machine_vmhost vmhost;
    bool not_genuine; /* the last validation failed */
    uint8_t type;     /* enum lic_type for all products (/act-type without an ID) */
    char suffix[MACHINE_SUFFIXES_MAX][256]; /* DNS suffix list for SRV, after domain; "" end */
    char domain[256];                       /* "": workgroup */
    char forest[256];                       /* as the directory said at the last look; "" unknown */
    char directory[512];                    /* URI */
    char user[128];                         /* "PC01$" */
    char password_file[1024];
    char clearing[256];      /* ADDRESS[:PORT] of the clearing house; "": no way to one */
    char report[256];        /* ADDRESS[:PORT] that is told of activations by AD; "": nobody is */
    char clock[1024];        /* lab clock file; "": real time */
    char dns[128];           /* DNS server; "": the system's */
    char lookup_domain[256]; /* for SRV; "": domain */
    bool no_caching;         /* of found KMS hosts */
    uint64_t seed;           /* 0: the system's generator */
    struct machine_host kms; /* /skms for all */
    struct machine_app app[2];
    size_t products;
    struct machine_product product[MACHINE_PRODUCTS_MAX];
    struct buf events; /* JSON lines not yet written */
    bool changed;      /* differs from what the folder holds */
};

/* Empties m and frees what it owns. */
void machine_fini(struct machine *m);

/* Adds a product without a key. ERR_EXISTS if it is there, or if another edition of Windows is;
 * ERR_LIMIT. */
MUST_CHECK enum err machine_install(struct machine *m, const struct cat_product *product,
                                    struct machine_product **out, struct errinfo *ei);
/* What kind of key a text is for product; a text that is no other kind is a client setup key. */
enum lic_key machine_key_kind(const struct cat_product *product, const char *key);
/* Puts a key on product p, which it is for; its kind is machine_key_kind. */
MUST_CHECK enum err machine_set_key(struct machine *m, struct machine_product *p, const char *key,
                                    int64_t now, struct errinfo *ei);
/* /ipk: finds the installed product that the key is for, client setup keys and lab keys alike, and
 * puts it there. office: Office products only. Refused as documented, ei->hresult says how:
 * 0xC004F050 (no key), 0xC004F069 (another product's), 0xC004F035 (an OEM key of volume-only
 * Windows 7 on a machine without marker). *out: the product, if not NULL. */
MUST_CHECK enum err machine_install_key(struct machine *m, const struct catalog *cat, bool office,
                                        const char *key, int64_t now, struct machine_product **out,
                                        struct errinfo *ei);
/* Configures a MAK for when the directory and KMS fail; "" takes it away. */
MUST_CHECK enum err machine_set_mak(struct machine *m, struct machine_product *p, const char *key,
                                    struct errinfo *ei);
/* /upk: the product's key goes. ERR_NOTFOUND with 0xC004F014 if there is none. */
MUST_CHECK enum err machine_remove_key(struct machine *m, struct machine_product *p, int64_t now,
                                       struct errinfo *ei);

/* /rearm (p NULL: every product of the application) and /rearm-sku: takes effect at the next
 * service start (attempt_restart), with a new CMID. ERR_NOT_NOW with 0xC004D307 when used up. */
MUST_CHECK enum err machine_rearm(struct machine *m, bool office, struct machine_product *p,
                                  struct errinfo *ei);
/* How often that can still be done: for p's application, and for p alone. */
unsigned machine_rearms_left(const struct machine *m, const struct machine_product *p);
unsigned machine_sku_rearms_left(const struct machine_product *p);

/* The hardware is out of tolerance from now on: new identity, event 1040; board: the firmware's
 * marker goes with it. */
void machine_change_hardware(struct machine *m, const struct guid *identity, bool board,
                             int64_t now);
/* The outcome of a validation; events 8208 and 8209 if it failed. */
void machine_validate(struct machine *m, bool genuine, int64_t now);

/* What the licensing service knows of the machine when it steps p's licence. */
struct lic_site machine_site(const struct machine *m, const struct machine_product *p);
int64_t machine_due(const struct machine *m);

/* "host", "host:port", "[v6]:port" or ":port" (name stays as it is). ERR_USAGE. */
MUST_CHECK enum err machine_host_parse(const char *text, struct machine_host *out,
                                       struct errinfo *ei);
/* "host:port", port always told. Returns text. */
const char *machine_host_format(const struct machine_host *h, char text[272]);

/* Appends one event of data/event_ids.csv to m->events: the documented fields in order. */
void machine_event(struct machine *m, uint32_t id, int64_t when, size_t n,
                   const char *const *fields);
/* The same, written by another computer that m's story is told with ("computer"); NULL: m. */
void machine_event_of(struct machine *m, const char *computer, uint32_t id, int64_t when, size_t n,
                      const char *const *fields);

/* The whole state; the caller owns the reference. NULL: out of memory. */
json_t *machine_to_json(const struct machine *m);
/* *out is filled only on success (then machine_fini). ERR_VERSION for a newer format,
 * ERR_MALFORMED naming the member that is wrong. what names the source. */
MUST_CHECK enum err machine_from_json(const json_t *doc, const struct catalog *cat,
                                      const char *what, struct machine *out, struct errinfo *ei);

#endif
