#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "lab/samba_internal.h"

#define DAYS "3650"

/* Without certificates of ours Samba would make an RSA key of 4096 bits at its first start, and a
 * certificate that nobody can verify. */

static enum err openssl(const char *const *argv, struct errinfo *ei)
{
    const struct tool t = {.argv = argv};

    return tool_do(&t, ei);
}

enum err samba_make_authority(const struct samba_lab *l, struct errinfo *ei)
{
    char *key = lab_path(&l->place, "ca.key"), *cert = lab_path(&l->place, "ca.pem");
    char *subject = NULL;
    enum err e = ERR_OK;

    if (asprintf(&subject, "/CN=%s lab CA", l->place.domain) < 0)
        abort();
    const char *const argv[] = {
        "openssl", "req",     "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-keyout", key,     "-out",    cert, "-days",    DAYS,
        "-subj",   subject,   NULL};
    if (access(cert, F_OK) != 0)
        e = openssl(argv, ei);
    free(subject);
    free(cert);
    free(key);
    return e;
}

static char *in(const char *dir, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", dir, name) < 0)
        abort();
    return path;
}

static enum err write_extension(const struct samba_lab *l, const struct samba_dc *dc,
                                const char *path, struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    enum err e;

    buf_add_fmt(&text, "subjectAltName=DNS:%s,DNS:%s,IP:%s\n", dc->fqdn, l->place.domain,
                dc->address);
    e = text.err != ERR_OK ? err_nomem(ei) : file_write_atomic(path, text.data, text.len, 0600, ei);
    buf_fini(&text);
    return e;
}

static enum err copy(const char *from, const char *to, struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    enum err e = file_read(from, 65536, &text, ei);

    if (e == ERR_OK)
        e = file_write_atomic(to, text.data, text.len, 0644, ei);
    buf_fini(&text);
    return e;
}

enum err samba_make_certificate(const struct samba_lab *l, const struct samba_dc *dc,
                                struct errinfo *ei)
{
    char *tls = in(dc->node.dir, "lib/private/tls");
    char *ca = lab_path(&l->place, "ca.pem"), *ca_key = lab_path(&l->place, "ca.key");
    char *key = in(tls, "key.pem"), *req = in(tls, "req"), *ext = in(tls, "ext");
    char *cert = in(tls, "cert.pem"), *ca_copy = in(tls, "ca.pem");
    char *subject = NULL;
    enum err e;

    if (asprintf(&subject, "/CN=%s", dc->fqdn) < 0)
        abort();
    const char *const ask[] = {
        "openssl", "req",     "-newkey", "ec",   "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-keyout", key,       "-out", req,        "-subj",
        subject,   NULL};
    const char *const sign[] = {"openssl", "x509",   "-req",     "-in",  req,  "-CA",
                                ca,        "-CAkey", ca_key,     "-out", cert, "-CAcreateserial",
                                "-days",   DAYS,     "-extfile", ext,    NULL};
    mkdir(tls, 0700); /* it may be there: Samba makes it when it provisions */
    e = write_extension(l, dc, ext, ei);
    if (e == ERR_OK)
        e = openssl(ask, ei);
    if (e == ERR_OK)
        e = openssl(sign, ei);
    if (e == ERR_OK)
        e = copy(ca, ca_copy, ei);
    unlink(req);
    unlink(ext);
    char *const all[] = {tls, ca, ca_key, key, req, ext, cert, ca_copy, subject};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]);
    return e;
}
