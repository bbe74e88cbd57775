#include "steward/files.h"

#include "base/file.h"
#include "base/labclk.h"
#include "net/listen.h"

enum err files_keep(const struct settings *s, const struct job_request *r, struct errinfo *ei)
{
    return overrides_save(s->state_dir, &r->overrides, ei);
}

enum err files_advance_clock(const struct settings *s, const struct job_request *r,
                             struct errinfo *ei)
{
    struct labclk *l = NULL;
    enum err e;

    if (!s->lab)
        return err_fail(ei, ERR_REFUSED, "the clock is real time; [lab] enabled is not set");
    e = labclk_open(s->lab_clock, clk_system(), &l, ei);
    if (e == ERR_OK)
        e = labclk_advance(l, r->seconds, NULL, ei);
    labclk_free(l);
    return e;
}

enum err files_copy_keytab(const struct settings *s, const struct job_request *r, int *fd,
                           struct errinfo *ei)
{
    (void)r;
    return s->kms_keytab != NULL
               ? file_copy_private(s->kms_keytab, SETTINGS_KEYTAB_MAX, fd, ei)
               : err_fail(ei, ERR_REFUSED, "callers cannot authenticate ([kms] keytab)");
}

enum err files_open_log(const struct settings *s, const struct job_request *r, int *fd,
                        struct errinfo *ei)
{
    (void)r;
    return s->log_file != NULL ? file_open_log(s->log_file, fd, ei)
                               : err_fail(ei, ERR_REFUSED, "no log is a file ([log] file)");
}

enum err files_listen(const struct settings *s, const struct job_request *r, int *fd,
                      struct errinfo *ei)
{
    union address a;
    const char *text;
    enum err e;

    if (r->address >= s->web_listen.n)
        return err_fail(ei, ERR_REFUSED, "[web] listen has %zu addresses, not %u", s->web_listen.n,
                        r->address + 1);
    text = s->web_listen.v[r->address];
    e = address_parse(text, &a, ei);
    if (e == ERR_OK)
        e = listen_open(text, "[web] listen", &a, 1, fd, ei);
    if (e != ERR_OK)
        *fd = -1;
    return e;
}
