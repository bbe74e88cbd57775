/* eventlog: the events of data/event_ids.csv as a machine's licensing service writes them, with
 * the documented fields in order. Where no order is documented the fields are ours:
 *
 *   1016  application id; activation id; last five characters of the key
 *   1025  application id; activation id; minutes of grace
 *   1036  application id; activation id; minutes of validity, 0 for good
 *   1037  application id; activation id; minutes that remain of a time-based licence
 *   1040  (none)
 *   8200  hr=HRESULT; activation id */
#ifndef ADBAD_CLIENT_EVENTLOG_H
#define ADBAD_CLIENT_EVENTLOG_H

#include "client/machine.h"

void eventlog_12288(struct machine *m, const struct machine_product *p, const char *host,
                    uint32_t hresult, int64_t now);
void eventlog_12289(struct machine *m, const struct machine_product *p, const struct lic_event *ev,
                    int64_t now);
void eventlog_12308(struct machine *m, const struct machine_product *p, int64_t now);
/* The outcome of asking the virtualization host. */
void eventlog_12309(struct machine *m, uint32_t hresult, int64_t now);
/* What the virtualization host m runs on wrote about the same request. */
void eventlog_12310(struct machine *m, uint32_t hresult, int64_t now);
void eventlog_12321(struct machine *m, uint32_t hresult, int64_t now);
/* An attempt failed; automatic: nobody asked for it. */
void eventlog_failed(struct machine *m, const struct machine_product *p, uint32_t hresult,
                     const char *trigger, bool automatic, int64_t now);
void eventlog_8200(struct machine *m, const struct machine_product *p, uint32_t hresult,
                   int64_t now);
/* What the service does on its own time failed. */
void eventlog_8229(struct machine *m, uint32_t hresult, int64_t now);
void eventlog_8208(struct machine *m, uint32_t hresult, int64_t now);
void eventlog_8209(struct machine *m, const struct guid *application, int64_t now);
void eventlog_1016(struct machine *m, const struct machine_product *p, int64_t now);
/* 1025, 1036, 1037: what the new state of p means, if it is another than was; granted: it was
 * granted anew. */
void eventlog_state(struct machine *m, const struct machine_product *p, enum lic_status was,
                    bool granted, int64_t now);
/* One status check per application that is installed: each product's id, state and reason. */
void eventlog_1003(struct machine *m, int64_t now);

#endif
