/* Keys of every kind on a machine: which product they go to, who is asked with them, and what
 * becomes of the machine. Products and keys are the catalogue's; the clearing house is made up. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "client/attempt.h"
#include "realm/labkey.h"

#define T0 INT64_C(1790000000)

struct world {
    struct catalog *cat;
    struct rng_seeded seeded;
    struct rng rng;
    struct bundle bundle; /* of no realm: nothing here is answered */
    struct kms_protector *protector;
    struct machine m;
    struct machine_product *p;
    /* the clearing house */
    uint32_t clearing; /* what it refuses with; 0: it grants */
    int asked_clearing;
    char asked_with[32];
    const char *good_cid;
    /* the directory and DNS */
    int asked_ad;
    char looked_up[600]; /* names, each with a blank behind it */
    const char *has_srv; /* the only name with a record */
    struct attempt_env env;
};

static enum err ask_ad(void *arg, struct machine *m, const struct machine_product *p, int64_t now,
                       struct attempt_ad *out, struct errinfo *ei)
{
    struct world *w = arg;

    (void)m;
    (void)p;
    (void)now;
    (void)out;
    w->asked_ad++;
    return err_fail_hr(ei, ERR_NOTFOUND, 0xC004F081, "no object");
}

static enum err find(void *arg, const struct machine *m, const char *name, struct srv_target **out,
                     size_t *n, struct errinfo *ei)
{
    struct world *w = arg;
    size_t len = strlen(w->looked_up);

    (void)m;
    snprintf(w->looked_up + len, sizeof(w->looked_up) - len, "%s ", name);
    if (w->has_srv == NULL || strcmp(name, w->has_srv) != 0)
        return err_fail_hr(ei, ERR_NOTFOUND, 0x8007232B, "no such name");
    *n = 1;
    *out = calloc(1, sizeof(**out));
    (*out)->port = 1688;
    snprintf((*out)->host, sizeof((*out)->host), "kms1");
    return ERR_OK;
}

static enum err exchange(void *arg, const struct machine *m, const struct machine_host *host,
                         const struct buf *request, struct attempt_kms *out, struct errinfo *ei)
{
    (void)arg;
    (void)m;
    (void)host;
    (void)request;
    (void)out;
    return err_fail_hr(ei, ERR_UNREACHABLE, 0x800706BA, "nobody there");
}

static enum err ask_clearing(void *arg, const struct machine *m, const struct machine_product *p,
                             const char *key, int64_t now, struct attempt_clearing *out,
                             struct errinfo *ei)
{
    struct world *w = arg;

    (void)m;
    (void)now;
    w->asked_clearing++;
    snprintf(w->asked_with, sizeof(w->asked_with), "%s", key);
    if (w->clearing != 0)
        return err_fail_hr(ei, ERR_REFUSED, w->clearing, "refused");
    out->validity = p->lic.key == LIC_KEY_EVALUATION ? (uint32_t)LIC_VALIDITY : 0;
    out->used = 1;
    return ERR_OK;
}

static enum err make_iid(void *arg, const struct machine *m, const struct machine_product *p,
                         char text[ATTEMPT_IID_MAX], struct errinfo *ei)
{
    (void)arg;
    (void)m;
    (void)p;
    (void)ei;
    snprintf(text, ATTEMPT_IID_MAX, "123-456");
    return ERR_OK;
}

static enum err check_cid(void *arg, const struct machine *m, const struct machine_product *p,
                          const char *cid, struct errinfo *ei)
{
    const struct world *w = arg;

    (void)m;
    (void)p;
    if (strcmp(cid, w->good_cid) != 0)
        return err_fail_hr(ei, ERR_REFUSED, 0xC004F02D, "it does not fit");
    return ERR_OK;
}

static const struct cat_product *product(const struct world *w, const char *name,
                                         const char *edition)
{
    const struct cat_product *p = catalog_product(w->cat, name, edition);

    if (p == NULL)
        fail_msg("no product is called %s %s", name, edition);
    return p;
}

/* The machine starts over with this system and no key. */
static void runs(struct world *w, const char *name, const char *edition)
{
    struct errinfo ei;

    machine_fini(&w->m);
    memset(&w->m, 0, sizeof(w->m));
    snprintf(w->m.name, sizeof(w->m.name), "PC1");
    w->m.client_id.b[0] = 0x11;
    w->asked_clearing = w->asked_ad = 0;
    w->looked_up[0] = '\0';
    assert_ok(machine_install(&w->m, product(w, name, edition), &w->p, &ei), &ei);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct errinfo ei;

    assert_ok(catalog_load(&w->cat, &ei), &ei);
    w->rng = test_rng(&w->seeded);
    assert_ok(kms_protector_new(&w->bundle.keys, rng_system(), &w->protector, &ei), &ei);
    w->good_cid = "42";
    w->env = (struct attempt_env){.catalog = w->cat,
                                  .bundle = &w->bundle,
                                  .protector = w->protector,
                                  .draw = w->rng,
                                  .ports = {.arg = w,
                                            .ask_ad = ask_ad,
                                            .find = find,
                                            .exchange = exchange,
                                            .ask_clearing = ask_clearing,
                                            .make_iid = make_iid,
                                            .check_cid = check_cid}};
    runs(w, "Windows 11", "Enterprise");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    machine_fini(&w->m);
    kms_protector_free(w->protector);
    catalog_free(w->cat);
    free(w);
    return 0;
}

static enum err ipk(struct world *w, const char *key, struct errinfo *ei)
{
    return machine_install_key(&w->m, w->cat, false, key, T0, NULL, ei);
}

/* A lab key for the machine's product. Returns text. */
static const char *key_of(struct world *w, enum labkey_kind kind, char text[HOSTKEY_TEXT_LEN + 1])
{
    uint8_t values[HOSTKEY_FREE] = {7};

    if (kind == LABKEY_HOST)
        hostkey_text_from_values(values, text);
    else
        labkey_make(kind, &w->p->lic.product->activation_id, &w->rng, text);
    return text;
}

static void give(struct world *w, enum labkey_kind kind)
{
    char key[HOSTKEY_TEXT_LEN + 1];
    struct errinfo ei;

    assert_ok(ipk(w, key_of(w, kind, key), &ei), &ei);
}

static void give_setup_key(struct world *w)
{
    struct errinfo ei;

    assert_ok(ipk(w, w->p->lic.product->setup_key, &ei), &ei);
}

static void ask_at(struct world *w, int64_t now)
{
    attempt_run(&w->env, &w->m, w->p, LIC_EV_ASKED, now);
}

static void ask(struct world *w)
{
    ask_at(w, T0);
}

/* The first field of the last event of this id; "" if it has none, NULL without such an event.
 * Holds until the next call. */
static const char *last_event(const struct world *w, int id)
{
    static char field[400];
    const char *found = NULL, *line = w->m.events.len == 0 ? "" : (char *)w->m.events.data;

    while (line < (char *)w->m.events.data + w->m.events.len) {
        const char *end = strchr(line, '\n');
        json_t *v = json_loadb(line, (size_t)(end - line), 0, NULL);
        const char *first = json_string_value(json_array_get(json_object_get(v, "fields"), 0));

        if (json_integer_value(json_object_get(v, "id")) == id) {
            snprintf(field, sizeof(field), "%s", first != NULL ? first : "");
            found = field;
        }
        json_decref(v);
        line = end + 1;
    }
    return found;
}

/* ---- which key is what, and for which product ---- */

static void each_kind_of_key_is_recognised(void **state)
{
    static const struct {
        enum labkey_kind text;
        enum lic_key key;
    } rows[] = {{LABKEY_HOST, LIC_KEY_CSVLK},
                {LABKEY_MAK, LIC_KEY_MAK},
                {LABKEY_RETAIL, LIC_KEY_RETAIL},
                {LABKEY_OEM, LIC_KEY_OEM},
                {LABKEY_EVALUATION, LIC_KEY_EVALUATION}};
    struct world *w = *state;
    struct errinfo ei;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        give(w, rows[i].text);
        assert_int_equal(w->p->lic.key, rows[i].key);
    }
    give_setup_key(w);
    assert_int_equal(w->p->lic.key, LIC_KEY_GVLK);
    runs(w, "Windows Server 2022", "Standard");
    /* data/avma_keys.csv */
    assert_ok(ipk(w, "ydfwn-mj9jr-3dyrk-fxxrw-78vhk", &ei), &ei);
    assert_int_equal(w->p->lic.key, LIC_KEY_AVMA);
    assert_string_equal(w->p->key, "YDFWN-MJ9JR-3DYRK-FXXRW-78VHK");
}

static void a_key_of_another_product_is_refused_and_nothing_changes(void **state)
{
    struct world *w = *state;
    char key[HOSTKEY_TEXT_LEN + 1];
    struct errinfo ei;

    give_setup_key(w);
    labkey_make(LABKEY_MAK, &product(w, "Windows 10", "Enterprise")->activation_id, &w->rng, key);
    assert_int_equal(ipk(w, key, &ei), ERR_REFUSED);
    assert_int_equal(ei.hresult, 0xC004F069);
    assert_contains(ei.text, "Windows 10 Enterprise");
    assert_int_equal(ipk(w, "YDFWN-MJ9JR-3DYRK-FXXRW-78VHK", &ei), ERR_REFUSED);
    assert_int_equal(ei.hresult, 0xC004F069);
    key_of(w, LABKEY_MAK, key);
    key[28] = key[28] == 'A' ? 'B' : 'A';
    assert_int_equal(ipk(w, key, &ei), ERR_NOTFOUND);
    assert_int_equal(ei.hresult, 0xC004F050);
    assert_int_equal(w->p->lic.key, LIC_KEY_GVLK);
    assert_string_equal(w->p->key, w->p->lic.product->setup_key);
}

static void a_key_goes_to_the_product_that_it_is_for(void **state)
{
    struct world *w = *state;
    const struct cat_product *office =
        product(w, "Office LTSC 2021", "Office LTSC Professional Plus 2021");
    char windows_key[HOSTKEY_TEXT_LEN + 1], key[HOSTKEY_TEXT_LEN + 1];
    struct machine_product *p, *got = NULL;
    struct errinfo ei;

    key_of(w, LABKEY_MAK, windows_key);
    assert_ok(machine_install(&w->m, office, &p, &ei), &ei);
    labkey_make(LABKEY_MAK, &office->activation_id, &w->rng, key);
    assert_ok(machine_install_key(&w->m, w->cat, false, key, T0, &got, &ei), &ei);
    assert_ptr_equal(got, p);
    assert_int_equal(w->p->lic.status, LIC_UNLICENSED);
    /* ospp knows Office only; a host key names no product and goes where it is put */
    assert_int_equal(machine_install_key(&w->m, w->cat, true, windows_key, T0, &got, &ei),
                     ERR_REFUSED);
    key_of(w, LABKEY_HOST, key);
    assert_ok(machine_install_key(&w->m, w->cat, true, key, T0, &got, &ei), &ei);
    assert_ptr_equal(got, p);
    assert_ok(machine_install_key(&w->m, w->cat, false, key, T0, &got, &ei), &ei);
    assert_ptr_equal(got, w->p);
}

static void
a_removed_key_leaves_the_product_unlicensed_and_a_second_time_there_is_none(void **state)
{
    struct world *w = *state;
    struct errinfo ei;

    give_setup_key(w);
    assert_ok(machine_remove_key(&w->m, w->p, T0, &ei), &ei);
    assert_int_equal(w->p->lic.status, LIC_UNLICENSED);
    assert_string_equal(w->p->key, "");
    assert_int_equal(machine_remove_key(&w->m, w->p, T0, &ei), ERR_NOTFOUND);
    assert_int_equal(ei.hresult, 0xC004F014);
}

/* ---- MAK ---- */

static void a_mak_is_activated_at_the_clearing_house_for_good_and_never_asks_again(void **state)
{
    struct world *w = *state;

    give(w, LABKEY_MAK);
    snprintf(w->m.domain, sizeof(w->m.domain), "lab.example");
    ask(w);
    assert_int_equal(w->asked_clearing, 1);
    assert_string_equal(w->asked_with, w->p->key);
    assert_int_equal(w->asked_ad, 0);
    assert_string_equal(w->looked_up, "");
    assert_int_equal(w->p->lic.status, LIC_LICENSED);
    assert_int_equal(w->p->lic.channel, LIC_BY_CLEARING);
    assert_true(w->p->lic.expires == LIC_NEVER);
    assert_true(machine_due(&w->m) == LIC_NEVER);
    assert_int_equal(w->p->spent, 1);
    ask_at(w, T0 + 1000 * CLK_DAY);
    attempt_restart(&w->env, &w->m, T0 + 1000 * CLK_DAY);
    assert_int_equal(w->asked_clearing, 1);
}

static void a_spent_mak_shows_the_houses_code_and_event_8200(void **state)
{
    struct world *w = *state;

    give(w, LABKEY_MAK);
    w->clearing = 0xC004C020;
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004C020);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
    assert_string_equal(last_event(w, 8200), "hr=0xC004C020");
    assert_string_equal(last_event(w, 8198), "hr=0xC004C020");
    assert_true(w->p->lic.next == T0 + 2 * CLK_HOUR);
    assert_int_equal(w->p->spent, 0);
}

static void without_a_way_to_the_clearing_house_it_is_80072ee7(void **state)
{
    struct world *w = *state;

    give(w, LABKEY_MAK);
    w->env.ports.ask_clearing = NULL;
    ask(w);
    assert_int_equal(w->p->last.result, 0x80072EE7);
}

static void changed_hardware_ends_a_mak_licence_and_activating_again_spends_another(void **state)
{
    struct world *w = *state;
    const struct guid other = {{2}};

    give(w, LABKEY_MAK);
    ask(w);
    machine_change_hardware(&w->m, &other, true, T0 + CLK_DAY);
    assert_non_null(last_event(w, 1040));
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
    assert_int_equal(w->p->lic.reason, 0xC004F00F);
    assert_int_equal(w->p->lic.last, 0xC004F00F);
    assert_true(guid_equal(&w->m.hardware, &other));
    attempt_wake(&w->env, &w->m, T0 + CLK_DAY);
    assert_int_equal(w->p->lic.status, LIC_LICENSED);
    assert_int_equal(w->p->spent, 2);
}

static void a_stand_by_mak_is_asked_with_only_when_directory_and_kms_fail(void **state)
{
    struct world *w = *state;
    char key[HOSTKEY_TEXT_LEN + 1];
    struct errinfo ei;

    give_setup_key(w);
    snprintf(w->m.domain, sizeof(w->m.domain), "lab.example");
    assert_int_equal(machine_set_mak(&w->m, w->p, w->p->key, &ei), ERR_NOTFOUND);
    assert_int_equal(ei.hresult, 0xC004F050);
    assert_ok(machine_set_mak(&w->m, w->p, key_of(w, LABKEY_MAK, key), &ei), &ei);
    w->p->lic.type = LIC_TYPE_KMS;
    ask(w);
    assert_int_equal(w->asked_clearing, 0);
    w->p->lic.type = LIC_TYPE_ALL;
    ask(w);
    assert_int_equal(w->asked_ad, 1);
    assert_int_equal(w->asked_clearing, 1);
    assert_int_equal(w->p->last.tries, 3);
    assert_int_equal(w->p->last.try[0].channel, LIC_BY_AD);
    assert_int_equal(w->p->last.try[1].channel, LIC_BY_KMS);
    assert_int_equal(w->p->last.try[2].channel, LIC_BY_CLEARING);
    assert_int_equal(w->p->lic.key, LIC_KEY_MAK);
    assert_string_equal(w->p->key, key);
    assert_string_equal(w->p->mak, "");
}

static void a_mak_machine_becomes_a_kms_client_and_back(void **state)
{
    struct world *w = *state;

    give(w, LABKEY_MAK);
    ask(w);
    give_setup_key(w);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
    ask(w);
    assert_int_equal(w->asked_clearing, 1);
    assert_int_equal(w->p->last.try[0].channel, LIC_BY_KMS);
    give(w, LABKEY_MAK);
    ask(w);
    assert_int_equal(w->p->lic.channel, LIC_BY_CLEARING);
    assert_int_equal(w->p->spent, 2);
}

/* ---- by phone ---- */

static void by_phone_a_fitting_confirmation_licenses_for_good(void **state)
{
    struct world *w = *state;
    char text[ATTEMPT_IID_MAX];
    struct errinfo ei;

    give(w, LABKEY_MAK);
    assert_ok(attempt_iid(&w->env, &w->m, w->p, text, &ei), &ei);
    assert_string_equal(text, "123-456");
    assert_int_equal(attempt_confirm(&w->env, &w->m, w->p, "41", T0, &ei), ERR_REFUSED);
    assert_int_equal(ei.hresult, 0xC004F02D);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
    assert_ok(attempt_confirm(&w->env, &w->m, w->p, "42", T0, &ei), &ei);
    assert_int_equal(w->p->lic.channel, LIC_BY_PHONE);
    assert_true(w->p->lic.expires == LIC_NEVER);
    assert_int_equal(w->asked_clearing, 0);
    assert_int_equal(w->p->last.when, T0);
    assert_int_equal(w->p->last.result, 0);
    assert_int_equal(w->p->last.tries, 1);
    assert_int_equal(w->p->last.try[0].channel, LIC_BY_PHONE);
    assert_non_null(last_event(w, 1036));
}

static void setup_keys_are_never_activated_by_phone(void **state)
{
    struct world *w = *state;
    char text[ATTEMPT_IID_MAX];
    struct errinfo ei;

    assert_int_equal(attempt_iid(&w->env, &w->m, w->p, text, &ei), ERR_NOTFOUND);
    assert_int_equal(ei.hresult, 0xC004F014);
    give_setup_key(w);
    assert_int_equal(attempt_iid(&w->env, &w->m, w->p, text, &ei), ERR_NOT_NOW);
    assert_int_equal(attempt_confirm(&w->env, &w->m, w->p, "42", T0, &ei), ERR_NOT_NOW);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
}

/* ---- host keys, retail, evaluation ---- */

static void a_host_key_on_a_client_spends_an_activation_and_the_remedy_is_told(void **state)
{
    struct world *w = *state;

    give(w, LABKEY_HOST);
    ask(w);
    assert_int_equal(w->p->spent, 1);
    assert_contains(w->p->last.follows, "one of its activations is spent");
    assert_contains(w->p->last.follows, "client setup key");
    give_setup_key(w);
    assert_int_equal(w->p->lic.key, LIC_KEY_GVLK);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
    give(w, LABKEY_HOST);
    w->clearing = 0xC004C008;
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004C008);
}

static void an_evaluation_ends_in_extended_grace_and_then_notification(void **state)
{
    struct world *w = *state;

    give(w, LABKEY_EVALUATION);
    ask(w);
    assert_true(w->p->lic.expires == T0 + 180 * CLK_DAY);
    assert_non_null(last_event(w, 1037));
    w->clearing = 0xC004C030;
    attempt_wake(&w->env, &w->m, T0 + 180 * CLK_DAY);
    assert_int_equal(w->p->lic.status, LIC_EXTENDED_GRACE);
    assert_int_equal(w->p->lic.reason, 0x4004FC06);
    assert_non_null(last_event(w, 1025));
    attempt_wake(&w->env, &w->m, w->p->lic.expires);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
    give_setup_key(w); /* and is turned into a KMS client */
    ask_at(w, T0 + 300 * CLK_DAY);
    assert_int_equal(w->p->last.try[0].channel, LIC_BY_KMS);
}

/* ---- OEM ---- */

static void an_oem_key_holds_by_the_firmwares_marker_alone(void **state)
{
    static const struct {
        enum machine_firmware firmware;
        uint32_t code;
    } rows[] = {{FIRMWARE_NONE, 0xC004F057}, {FIRMWARE_TABLE, 0xC004F058}, {FIRMWARE_MARKED, 0}};
    struct world *w = *state;

    for (size_t i = 0; i < 3; i++) {
        runs(w, "Windows 11", "Enterprise");
        w->m.firmware = (uint8_t)rows[i].firmware;
        give(w, LABKEY_OEM);
        ask(w);
        assert_int_equal(w->p->last.result, rows[i].code);
        assert_int_equal(w->p->lic.status == LIC_LICENSED, rows[i].code == 0);
    }
    assert_int_equal(w->p->lic.channel, LIC_BY_OEM);
    assert_true(w->p->lic.expires == LIC_NEVER);
    assert_int_equal(w->asked_clearing, 0);
}

static void an_oem_licence_survives_a_new_disk_but_not_a_new_board(void **state)
{
    struct world *w = *state;
    const struct guid other = {{2}};

    w->m.firmware = FIRMWARE_MARKED;
    give(w, LABKEY_OEM);
    ask(w);
    machine_change_hardware(&w->m, &other, false, T0 + CLK_DAY);
    attempt_wake(&w->env, &w->m, T0 + CLK_DAY);
    assert_int_equal(w->p->lic.status, LIC_LICENSED);
    machine_change_hardware(&w->m, &other, true, T0 + 2 * CLK_DAY);
    attempt_wake(&w->env, &w->m, T0 + 2 * CLK_DAY);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
    assert_int_equal(w->p->lic.reason, 0xC004F00F);
    assert_int_equal(w->p->last.result, 0xC004F057);
}

/* Windows 7 in volume licensing is an upgrade. */
static void an_oem_key_of_windows_7_is_refused_without_a_marker(void **state)
{
    struct world *w = *state;
    char key[HOSTKEY_TEXT_LEN + 1];
    struct errinfo ei;

    runs(w, "Windows 7", "Enterprise");
    assert_int_equal(ipk(w, key_of(w, LABKEY_OEM, key), &ei), ERR_REFUSED);
    assert_int_equal(ei.hresult, 0xC004F035);
    w->m.firmware = FIRMWARE_MARKED;
    assert_ok(ipk(w, key, &ei), &ei);
}

/* ---- guests ---- */

/* The four versions of data/avma_matrix.csv, oldest first, with their keys of avma_keys.csv. */
static const struct {
    const char *version, *key;
} versions[] = {{"Windows Server 2012 R2", "DBGBW-NPF86-BJVTX-K3WKJ-MTB6V"},
                {"Windows Server 2016", "C3RCX-M6NRP-6CXC9-TW2F2-4RHYD"},
                {"Windows Server 2019", "TNK62-RXVTB-4P47B-2D623-4GF74"},
                {"Windows Server 2022", "YDFWN-MJ9JR-3DYRK-FXXRW-78VHK"}};

static void guest_of(struct world *w, const char *guest, const char *key, const char *host)
{
    struct errinfo ei;

    runs(w, guest, "Standard");
    snprintf(w->m.vmhost.system, sizeof(w->m.vmhost.system), "%s", host);
    w->m.vmhost.hyperv = w->m.vmhost.activated = true;
    assert_ok(ipk(w, key, &ei), &ei);
}

static void a_host_vouches_for_guests_of_its_own_version_and_older(void **state)
{
    struct world *w = *state;

    for (size_t host = 0; host < 4; host++) {
        for (size_t guest = 0; guest < 4; guest++) {
            char name[100];

            snprintf(name, sizeof(name), "%s Datacenter", versions[host].version);
            guest_of(w, versions[guest].version, versions[guest].key, name);
            ask(w);
            assert_int_equal(w->p->last.result, guest <= host ? 0 : 0xC004FD03);
            assert_string_equal(last_event(w, 12309),
                                guest <= host ? "AVMA Success" : "Invalid Host");
            assert_string_equal(last_event(w, 12310),
                                guest <= host ? "AVMA Success" : "Invalid Host");
        }
    }
}

/* avma_keys.csv: 1909 has the key of 2019, 1709 that of 2016. */
static void a_release_between_two_versions_is_judged_by_the_key_that_it_shares(void **state)
{
    static const struct {
        const char *guest, *key, *host;
        uint32_t code;
    } rows[] = {
        {"Windows Server 1909", "TNK62-RXVTB-4P47B-2D623-4GF74", "Windows Server 2022 Datacenter",
         0},
        {"Windows Server 1909", "TNK62-RXVTB-4P47B-2D623-4GF74", "Windows Server 2019 Datacenter",
         0},
        {"Windows Server 1909", "TNK62-RXVTB-4P47B-2D623-4GF74", "Windows Server 2016 Datacenter",
         0xC004FD03},
        {"Windows Server 1709", "C3RCX-M6NRP-6CXC9-TW2F2-4RHYD", "Windows Server 2016 Datacenter",
         0},
        {"Windows Server 1709", "C3RCX-M6NRP-6CXC9-TW2F2-4RHYD",
         "Windows Server 2012 R2 Datacenter", 0xC004FD03},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_of(w, rows[i].guest, rows[i].key, rows[i].host);
        ask(w);
        assert_int_equal(w->p->last.result, rows[i].code);
    }
}

static void a_host_must_be_an_activated_datacenter_with_hyper_v(void **state)
{
    struct world *w = *state;

    guest_of(w, "Windows Server 2022", versions[3].key, "Windows Server 2022 Datacenter");
    w->m.vmhost.activated = false;
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004FD02);
    assert_string_equal(last_event(w, 12309), "Activation Denied");
    w->m.vmhost.activated = true;
    w->m.vmhost.hyperv = false;
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004FD01);
    guest_of(w, "Windows Server 2022", versions[3].key, "Windows Server 2022 Standard");
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004FD01);
    guest_of(w, "Windows Server 2022", versions[3].key, "");
    w->m.vmhost.hyperv = false;
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004FD01);
    assert_null(last_event(w, 12310)); /* nobody there to write it */
}

static void a_guest_keeps_its_licence_until_that_ends_when_its_host_no_longer_vouches(void **state)
{
    struct world *w = *state;
    int64_t end;

    guest_of(w, "Windows Server 2022", versions[3].key, "Windows Server 2022 Datacenter");
    ask(w);
    end = w->p->lic.expires;
    assert_true(end > T0 && end < LIC_NEVER);
    assert_int_equal(w->p->lic.channel, LIC_BY_AVMA);
    w->m.vmhost.activated = false;
    attempt_wake(&w->env, &w->m, w->p->lic.next);
    assert_int_equal(w->p->lic.status, LIC_LICENSED);
    assert_int_equal(w->p->lic.last, 0xC004FD02);
    assert_string_equal(last_event(w, 8229), "0xC004FD02");
    attempt_wake(&w->env, &w->m, end);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
}

/* ---- rearm ---- */

static void a_rearm_takes_effect_at_the_restart_with_a_new_cmid(void **state)
{
    struct world *w = *state;
    struct guid before;
    struct errinfo ei;

    runs(w, "Windows 7", "Enterprise");
    give_setup_key(w);
    before = w->m.client_id;
    attempt_wake(&w->env, &w->m, T0 + 30 * CLK_DAY);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
    assert_ok(machine_rearm(&w->m, false, NULL, &ei), &ei);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
    ask_at(w, T0 + 30 * CLK_DAY);
    assert_int_equal(w->p->last.result, 0xC004D302);
    attempt_restart(&w->env, &w->m, T0 + 31 * CLK_DAY);
    assert_int_equal(w->p->lic.status, LIC_OOB_GRACE);
    assert_true(w->p->lic.expires == T0 + 61 * CLK_DAY);
    assert_false(guid_equal(&w->m.client_id, &before));
    assert_true(guid_equal(&w->m.previous_id, &before));
}

static void rearms_run_out_for_the_application_and_for_each_product(void **state)
{
    struct world *w = *state;
    struct machine_product *office;
    struct errinfo ei;

    runs(w, "Windows 7", "Enterprise");
    assert_ok(machine_install(&w->m, product(w, "Office 2010", "Office Professional Plus 2010"),
                              &office, &ei),
              &ei);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(machine_rearms_left(&w->m, w->p), 3 - i);
        assert_ok(machine_rearm(&w->m, false, NULL, &ei), &ei);
    }
    assert_int_equal(machine_rearm(&w->m, false, NULL, &ei), ERR_NOT_NOW);
    assert_int_equal(ei.hresult, 0xC004D307);
    for (unsigned i = 0; i < 5; i++)
        assert_ok(machine_rearm(&w->m, true, NULL, &ei), &ei);
    assert_int_equal(machine_rearm(&w->m, true, NULL, &ei), ERR_NOT_NOW);
    assert_int_equal(machine_sku_rearms_left(office), 5); /* counted apart */
    for (unsigned i = 0; i < 5; i++)
        assert_ok(machine_rearm(&w->m, true, office, &ei), &ei);
    assert_int_equal(machine_rearm(&w->m, true, office, &ei), ERR_NOT_NOW);
}

/* ---- validation ---- */

static void failed_validation_logs_8208_and_8209_and_the_way_back(void **state)
{
    struct world *w = *state;

    give(w, LABKEY_MAK);
    ask(w);
    machine_validate(&w->m, false, T0 + CLK_DAY);
    assert_int_equal(w->p->lic.status, LIC_NON_GENUINE);
    assert_string_equal(last_event(w, 8208), "hr=0xC004F200");
    assert_string_equal(last_event(w, 8209), "55c92734-d682-4d71-983e-d6ec3f16059f");
    machine_validate(&w->m, true, T0 + 2 * CLK_DAY);
    assert_int_equal(w->p->lic.status, LIC_LICENSED);
    assert_int_equal(w->p->lic.channel, LIC_BY_CLEARING);
}

/* ---- who may activate ---- */

static void the_machines_activation_type_holds_unless_the_product_has_its_own(void **state)
{
    struct world *w = *state;

    give_setup_key(w);
    snprintf(w->m.domain, sizeof(w->m.domain), "lab.example");
    w->m.type = LIC_TYPE_AD;
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004F081);
    assert_int_equal(w->p->last.tries, 1);
    w->p->lic.type = LIC_TYPE_KMS;
    ask(w);
    assert_int_equal(w->p->last.try[0].channel, LIC_BY_KMS);
    w->p->lic.type = LIC_TYPE_TOKEN;
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004F011); /* event_ids.csv, 12321 */
    assert_contains(w->p->last.follows, "/act-type 0");
    assert_string_equal(last_event(w, 12321), "0xC004F011");
}

/* ---- whatever happens ---- */

static void something_happens(struct world *w, int64_t now)
{
    const struct guid other = {{(uint8_t)rng_below(&w->rng, 256)}};
    char key[HOSTKEY_TEXT_LEN + 1], iid[ATTEMPT_IID_MAX];
    enum labkey_kind kind = (enum labkey_kind)rng_below(&w->rng, LABKEY_KINDS);
    struct errinfo ei;
    enum err e = ERR_OK; /* refusals are part of it */

    w->clearing = rng_below(&w->rng, 2) == 0 ? 0 : 0xC004C020;
    switch (rng_below(&w->rng, 12)) {
    case 0:
        e = machine_install_key(&w->m, w->cat, false, key_of(w, kind, key), now, NULL, &ei);
        break;
    case 1:
        e = machine_install_key(&w->m, w->cat, false, w->p->lic.product->setup_key, now, NULL, &ei);
        break;
    case 2:
        e = machine_remove_key(&w->m, w->p, now, &ei);
        break;
    case 3:
        e = machine_rearm(&w->m, false, rng_below(&w->rng, 2) == 0 ? NULL : w->p, &ei);
        break;
    case 4:
        machine_change_hardware(&w->m, &other, rng_below(&w->rng, 2) == 0, now);
        break;
    case 5:
        machine_validate(&w->m, rng_below(&w->rng, 2) == 0, now);
        break;
    case 6:
        w->m.firmware = (uint8_t)rng_below(&w->rng, FIRMWARE_COUNT);
        break;
    case 7:
        e = machine_set_mak(&w->m, w->p, key_of(w, LABKEY_MAK, key), &ei);
        break;
    case 8:
        e = attempt_confirm(&w->env, &w->m, w->p, "42", now, &ei);
        break;
    case 9:
        attempt_restart(&w->env, &w->m, now);
        break;
    case 10:
        e = attempt_iid(&w->env, &w->m, w->p, iid, &ei);
        break;
    default:
        ask_at(w, now);
    }
    (void)e;
}

/* machine.json is checked when it is read: nothing may lead to a state that would be refused. */
static void whatever_happens_the_state_is_one_that_is_read_back(void **state)
{
    static const char *const systems[] = {"Windows 11", "Windows 7"};
    struct world *w = *state;
    struct machine *again = calloc(1, sizeof(*again));

    for (int round = 0; round < 30; round++) {
        int64_t now = T0;

        runs(w, systems[round % 2], "Enterprise");
        for (int i = 0; i < 60; i++) {
            json_t *doc, *back;
            struct errinfo ei;

            now += (int64_t)rng_below(&w->rng, 40) * CLK_DAY;
            something_happens(w, now);
            attempt_wake(&w->env, &w->m, now);
            doc = machine_to_json(&w->m);
            assert_ok(machine_from_json(doc, w->cat, "test", again, &ei), &ei);
            back = machine_to_json(again);
            assert_true(json_equal(doc, back));
            assert_true(machine_due(again) == machine_due(&w->m));
            machine_fini(again);
            json_decref(doc);
            json_decref(back);
        }
    }
    free(again);
}

/* ---- DNS suffixes ---- */

static void suffixes_are_looked_up_after_the_domain_until_one_has_a_record(void **state)
{
    struct world *w = *state;

    give_setup_key(w);
    snprintf(w->m.domain, sizeof(w->m.domain), "lab.example");
    snprintf(w->m.suffix[0], sizeof(w->m.suffix[0]), "one.example");
    snprintf(w->m.suffix[1], sizeof(w->m.suffix[1]), "two.example");
    snprintf(w->m.suffix[2], sizeof(w->m.suffix[2]), "three.example");
    w->has_srv = "_vlmcs._tcp.two.example";
    w->p->lic.type = LIC_TYPE_KMS;
    ask(w);
    assert_string_equal(w->looked_up, "_vlmcs._tcp.lab.example _vlmcs._tcp.one.example "
                                      "_vlmcs._tcp.two.example ");
    assert_contains(w->p->last.try[w->p->last.tries - 1].target, "kms1:1688");
    w->looked_up[0] = '\0';
    snprintf(w->p->lookup_domain, sizeof(w->p->lookup_domain), "set.example");
    ask(w); /* a domain that was set stands alone */
    assert_string_equal(w->looked_up, "_vlmcs._tcp.set.example ");
}

static void a_workgroup_machine_has_its_suffixes_alone_or_nothing_to_look_up(void **state)
{
    struct world *w = *state;

    give_setup_key(w);
    ask(w);
    assert_string_equal(w->looked_up, "");
    assert_int_equal(w->p->last.result, 0x8007232B);
    snprintf(w->m.suffix[0], sizeof(w->m.suffix[0]), "one.example");
    ask(w);
    assert_string_equal(w->looked_up, "_vlmcs._tcp.one.example ");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(each_kind_of_key_is_recognised),
        T(a_key_of_another_product_is_refused_and_nothing_changes),
        T(a_key_goes_to_the_product_that_it_is_for),
        T(a_removed_key_leaves_the_product_unlicensed_and_a_second_time_there_is_none),
        T(a_mak_is_activated_at_the_clearing_house_for_good_and_never_asks_again),
        T(a_spent_mak_shows_the_houses_code_and_event_8200),
        T(without_a_way_to_the_clearing_house_it_is_80072ee7),
        T(changed_hardware_ends_a_mak_licence_and_activating_again_spends_another),
        T(a_stand_by_mak_is_asked_with_only_when_directory_and_kms_fail),
        T(a_mak_machine_becomes_a_kms_client_and_back),
        T(by_phone_a_fitting_confirmation_licenses_for_good),
        T(setup_keys_are_never_activated_by_phone),
        T(a_host_key_on_a_client_spends_an_activation_and_the_remedy_is_told),
        T(an_evaluation_ends_in_extended_grace_and_then_notification),
        T(an_oem_key_holds_by_the_firmwares_marker_alone),
        T(an_oem_licence_survives_a_new_disk_but_not_a_new_board),
        T(an_oem_key_of_windows_7_is_refused_without_a_marker),
        T(a_host_vouches_for_guests_of_its_own_version_and_older),
        T(a_release_between_two_versions_is_judged_by_the_key_that_it_shares),
        T(a_host_must_be_an_activated_datacenter_with_hyper_v),
        T(a_guest_keeps_its_licence_until_that_ends_when_its_host_no_longer_vouches),
        T(a_rearm_takes_effect_at_the_restart_with_a_new_cmid),
        T(rearms_run_out_for_the_application_and_for_each_product),
        T(failed_validation_logs_8208_and_8209_and_the_way_back),
        T(the_machines_activation_type_holds_unless_the_product_has_its_own),
        T(whatever_happens_the_state_is_one_that_is_read_back),
        T(suffixes_are_looked_up_after_the_domain_until_one_has_a_record),
        T(a_workgroup_machine_has_its_suffixes_alone_or_nothing_to_look_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
