/* words: sentences about a licence for people; no I/O. */
#ifndef ADBAD_CLIENT_WORDS_H
#define ADBAD_CLIENT_WORDS_H

#include "client/machine.h"

/* Copies UTF-8 text, cut at a whole character; bytes that are no UTF-8 become '?'. */
void words_copy(char *out, size_t size, const char *text);

/* What follows from the attempt that just ended: the new state, until when, what is next. */
void words_follows(const struct machine_product *p, unsigned notes, char *out, size_t size);

/* What happened to the licence before anybody was asked; "" if nothing did. */
void words_before(const struct machine_product *p, enum lic_status was, unsigned notes, char *out,
                  size_t size);

/* "Notification (0xC004F056, the machine has no valid lease)", one line on the present state. */
void words_state(const struct machine_product *p, char *out, size_t size);

/* Our own words for a reason that the state machine gives; NULL if it is none of them. */
const char *words_reason(uint32_t code);

#endif
