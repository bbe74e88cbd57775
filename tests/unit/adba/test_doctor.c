#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adba/doctor.h"
#include "fakedir.h"

#define CONTAINER AO_CONTAINER_RDN ",CN=Configuration,DC=lab,DC=example"

/* ---- helpers ---- */

static const struct check_line *line(const struct doctor *d, const char *check)
{
    const struct check_line *found = NULL;

    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->lines[i].check, check) != 0)
            continue;
        if (found != NULL)
            fail_msg("two lines about %s", check);
        found = &d->lines[i];
    }
    if (found == NULL)
        fail_msg("no line about %s", check);
    return found;
}

static void assert_line(const struct doctor *d, const char *check, enum check_level level,
                        const char *finding, const char *remedy)
{
    const struct check_line *l = line(d, check);

    if (l->level != level)
        fail_msg("%s is %s: %s", check, check_level_name(l->level), l->finding);
    assert_contains(l->finding, finding);
    assert_contains(l->remedy, remedy);
    if (level != CHECK_OK && l->remedy[0] == '\0')
        fail_msg("%s: no remedy for: %s", check, l->finding);
}

/* ---- session and clock ---- */

static void a_failed_session_says_whether_anybody_answered(void **state)
{
    static const struct {
        enum err e;
        const char *check;
        size_t lines;
    } rows[] = {{ERR_UNREACHABLE, "connection", 1},
                {ERR_TIMEOUT, "connection", 1},
                {ERR_NOTFOUND, "connection", 1},
                {ERR_CONFIG, "connection", 1},
                {ERR_AUTH, "login", 2},
                {ERR_DENIED, "login", 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct errinfo why = {.text = "the cause"};
        struct doctor d = {0};

        doctor_session(&d, "ldap://x", rows[i].e, &why);
        assert_int_equal(d.n, rows[i].lines);
        assert_line(&d, rows[i].check, CHECK_FAILED, "the cause", "[directory]");
        doctor_fini(&d);
    }
}

static void the_clock_is_compared_with_the_servers(void **state)
{
    /* 2026-09-21T14:13:20Z is NOW (world.h). */
    static const struct {
        const char *server;
        enum check_level level;
        const char *finding;
    } rows[] = {
        {NULL, CHECK_OK, "does not tell"},
        {"20260921141320.0Z", CHECK_OK, "0 s"},
        {"20260921141420.0Z", CHECK_OK, "min"},
        {"20260921141421.0Z", CHECK_WARNING, "behind"},
        {"20260921141219.0Z", CHECK_WARNING, "ahead of"},
        {"20260921140320.0Z", CHECK_WARNING, "10 min ahead of the server's; Kerberos"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct doctor d = {0};

        doctor_clock(&d, rows[i].server, NOW);
        assert_line(&d, "clock", rows[i].level, rows[i].finding, "");
        doctor_fini(&d);
    }
}

/* ---- facts ---- */

static void the_facts_are_judged(void **state)
{
    const struct {
        struct dir_facts f;
        const char *lab_forest, *check;
        enum check_level level;
        const char *finding, *remedy;
    } rows[] = {
        {{.ad_ds = true}, NULL, "directory", CHECK_OK, "Active Directory Domain Services", ""},
        {{.lab_marked = true}, NULL, "directory", CHECK_OK, "not AD DS", ""},
        {{0}, NULL, "directory", CHECK_WARNING, "neither", "domain controller"},
        {{.ad_ds = true}, NULL, "forest", CHECK_OK, "read only", ""},
        {{.forest = (char[]){"corp.example"}},
         "lab.example",
         "forest",
         CHECK_WARNING,
         "corp.example",
         "lab_forest"},
        {{.forest = (char[]){"LAB.example"}}, "lab.example", "forest", CHECK_OK, "lab forest", ""},
        {{.ad_ds = true, .schema_version = 47},
         NULL,
         "schema",
         CHECK_FAILED,
         "0xC004F083",
         "adprep"},
        {{.ad_ds = true, .schema_version = 69}, NULL, "schema", CHECK_FAILED, "version 69", ""},
        {{.ad_ds = true, .schema_version = 48, .has_ao_class = true},
         NULL,
         "schema",
         CHECK_OK,
         "48",
         ""},
        {{.ad_ds = true, .schema_version = 47, .has_ao_class = true},
         NULL,
         "schema",
         CHECK_OK,
         "the classes are there",
         ""},
        {{.read_only = true, .dns_host_name = (char[]){"ro1.lab.example"}},
         NULL,
         "writable",
         CHECK_WARNING,
         "ro1.lab.example is a read-only",
         "writable domain controller"},
        {{.ad_ds = true}, NULL, "writable", CHECK_OK, "takes writes", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct doctor d = {0};

        doctor_facts(&d, &rows[i].f, rows[i].lab_forest);
        assert_line(&d, rows[i].check, rows[i].level, rows[i].finding, rows[i].remedy);
        doctor_fini(&d);
    }
}

/* ---- access ---- */

static struct dir_entry *entry_with(const char *sddl)
{
    struct dir_entry *e = dir_entry_new("CN=x");
    struct buf out = BUF_INIT;
    struct sid root;
    struct sd_domain dom = {&root, &root};
    struct errinfo ei;
    struct sd sd;

    assert_non_null(e);
    if (sddl == NULL)
        return e;
    assert_true(sid_parse(FAKEDIR_DOMAIN_SID, &root, NULL));
    assert_ok(sd_from_sddl(sddl, &dom, &sd, &ei), &ei);
    assert_ok(sd_encode(&sd, &out, &ei), &ei);
    assert_int_equal(dir_entry_add(e, ACCESS_ATTR, out.data, out.len), ERR_OK);
    buf_fini(&out);
    sd_fini(&sd);
    return e;
}

static void the_containers_list_is_judged(void **state)
{
    static const struct {
        const char *sddl, *check;
        enum check_level level;
        const char *finding, *remedy;
    } rows[] = {
        {"D:(A;;RPLCLORC;;;AU)(A;;RPWPCRLCLOCCRCWDWOSW;;;EA)", "container-read", CHECK_OK, "can",
         ""},
        {"D:(A;;RPLORC;;;AU)", "container-read", CHECK_FAILED, "0xC004F081", "RPLCLORC"},
        {"D:(D;;LC;;;WD)(A;;RPLCLORC;;;AU)", "container-read", CHECK_FAILED, "can't read", "AU"},
        {NULL, "container-read", CHECK_WARNING, "may not be read", "RC"},
        {"D:(A;;RPWP;;;EA)(A;;WP;;;SY)", "container-write", CHECK_OK, "only administrators", ""},
        {"D:(A;;WD;;;AU)(A;;CC;;;S-1-5-21-1-2-3-4)", "container-write", CHECK_WARNING,
         "2 more may change it: S-1-5-11, S-1-5-21-1-2-3-4", "on purpose"},
        {"D:(A;;RPLC;;;AU)", "create", CHECK_WARNING, "may not create", "delegate"},
    };
    const struct dir_facts ad = {.ad_ds = true, .domain_sid = (char[]){FAKEDIR_DOMAIN_SID}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dir_entry *e = entry_with(rows[i].sddl);
        struct doctor d = {0};

        doctor_container(&d, &ad, e, NULL);
        assert_line(&d, rows[i].check, rows[i].level, rows[i].finding, rows[i].remedy);
        doctor_fini(&d);
        dir_entry_free(e);
    }
}

static void the_right_to_create_shows_in_the_allowed_children(void **state)
{
    const struct dir_facts ad = {.ad_ds = true};
    struct dir_entry *e = entry_with(NULL);
    struct doctor d = {0};

    (void)state;
    assert_int_equal(dir_entry_add_str(e, "allowedChildClassesEffective", "msSPP-ActivationObject"),
                     ERR_OK);
    doctor_container(&d, &ad, e, NULL);
    assert_line(&d, "create", CHECK_OK, "may create", "");
    doctor_fini(&d);
    dir_entry_free(e);
}

static void outside_ad_ds_no_list_is_judged(void **state)
{
    const struct dir_facts lab = {.lab_marked = true};
    struct dir_entry *e = entry_with(NULL);
    struct doctor d = {0};

    (void)state;
    doctor_container(&d, &lab, e, NULL);
    doctor_object_access(&d, &lab, "x", true, e, NULL);
    assert_int_equal(d.n, 1);
    assert_line(&d, "container", CHECK_OK, "CN=x", "");
    doctor_fini(&d);
    dir_entry_free(e);
}

/* ---- objects ---- */

static void an_objects_verdict_is_told_with_what_helps(void **state)
{
    static const struct {
        enum ao_verdict v;
        int64_t days;
        enum check_level level;
        const char *finding, *remedy;
    } rows[] = {
        {AO_GOOD, 700, CHECK_OK, "700 more days", ""},
        {AO_GOOD, 60, CHECK_OK, "60 more days", ""},
        {AO_GOOD, 59, CHECK_WARNING, "59 days", "steward"},
        {AO_FOREIGN, 0, CHECK_OK, "not judged", ""},
        {AO_EXPIRED, -1, CHECK_FAILED, "the cause", "steward"},
        {AO_INVALID, 0, CHECK_FAILED, "the cause", "anew"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct doctor d = {0};

        doctor_object_verdict(&d, "Lab", rows[i].v, "the cause", rows[i].days);
        assert_line(&d, "object", rows[i].level, rows[i].finding, rows[i].remedy);
        doctor_fini(&d);
    }
}

/* ---- DNS and replicas ---- */

static void srv_records_must_lead_to_somebody_who_serves(void **state)
{
    const struct doctor_host good = {.host = "kms1", .port = 1688};
    const struct doctor_host dead = {
        .host = "kms2", .port = 1688, .answer = ERR_UNREACHABLE, .why = "refused"};
    struct doctor d = {0};

    (void)state;
    doctor_srv(&d, "_vlmcs._tcp.x", ERR_NOTFOUND, "", NULL, 0);
    assert_line(&d, "srv", CHECK_WARNING, "no SRV record", "[dns] domains");
    doctor_fini(&d);
    doctor_srv(&d, "_vlmcs._tcp.x", ERR_TIMEOUT, "nobody answers", NULL, 0);
    assert_line(&d, "srv", CHECK_WARNING, "nobody answers", "DNS");
    doctor_fini(&d);
    doctor_srv(&d, "_vlmcs._tcp.x", ERR_OK, "", &good, 1);
    assert_line(&d, "srv", CHECK_OK, "kms1 port 1688 serves", "");
    doctor_fini(&d);
    doctor_srv(&d, "_vlmcs._tcp.x", ERR_OK, "", &dead, 1);
    assert_line(&d, "srv", CHECK_FAILED, "kms2 port 1688 does not serve: refused", "record");
    doctor_fini(&d);
}

static void replicas_are_compared_object_by_object(void **state)
{
    const struct doctor_copy a = {.name = "A", .digest = {1}}, a2 = {.name = "A", .digest = {2}};
    const struct doctor_copy b = {.name = "B", .digest = {1}};
    const struct {
        const struct doctor_copy *here;
        size_t here_n;
        const struct doctor_copy *there;
        size_t there_n;
        enum err e;
        enum check_level level;
        const char *finding;
    } rows[] = {
        {&a, 1, &a, 1, ERR_OK, CHECK_OK, "the same 1 objects"},
        {&a, 1, NULL, 0, ERR_OK, CHECK_WARNING, "lacks object \"A\""},
        {&a, 1, &a2, 1, ERR_OK, CHECK_WARNING, "another licence in object \"A\""},
        {NULL, 0, &b, 1, ERR_OK, CHECK_WARNING, "has object \"B\", not known here"},
        {&a, 1, NULL, 0, ERR_UNREACHABLE, CHECK_WARNING, "can't be compared: down"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct doctor d = {0};

        doctor_replica(&d, "dc2", rows[i].e, "down", rows[i].here, rows[i].here_n, rows[i].there,
                       rows[i].there_n);
        assert_line(&d, "replica", rows[i].level, rows[i].finding, "");
        doctor_fini(&d);
    }
}

/* ---- a whole directory ---- */

static void a_directory_without_container_is_named_with_the_remedy(void **state)
{
    struct dir *dir = fakedir_new(FOREST, FOREST);
    struct doctor_question q = {.dir = dir, .lab_forest = FOREST, .now = NOW, .lab_now = NOW};
    struct doctor d = {0};
    struct errinfo ei;

    (void)state;
    doctor_directory(&d, &q);
    assert_line(&d, "object", CHECK_WARNING, "no activation object", "ao create");
    assert_int_equal(doctor_worst(&d), CHECK_WARNING);
    doctor_fini(&d);
    assert_ok(dir_delete(dir, CONTAINER, &ei), &ei);
    doctor_directory(&d, &q);
    assert_line(&d, "container", CHECK_FAILED, "0xC004F081", "directory prepare");
    assert_int_equal(doctor_worst(&d), CHECK_FAILED);
    doctor_fini(&d);
    dir_close(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_session_says_whether_anybody_answered),
        cmocka_unit_test(the_clock_is_compared_with_the_servers),
        cmocka_unit_test(the_facts_are_judged),
        cmocka_unit_test(the_containers_list_is_judged),
        cmocka_unit_test(the_right_to_create_shows_in_the_allowed_children),
        cmocka_unit_test(outside_ad_ds_no_list_is_judged),
        cmocka_unit_test(an_objects_verdict_is_told_with_what_helps),
        cmocka_unit_test(srv_records_must_lead_to_somebody_who_serves),
        cmocka_unit_test(replicas_are_compared_object_by_object),
        cmocka_unit_test(a_directory_without_container_is_named_with_the_remedy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
