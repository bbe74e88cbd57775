/* calendar: what is due in which minute, for a fixed number of things known by their number.
 *
 * Each thing stands in the calendar at most once. What falls on one minute comes out in the order
 * in which it was put in, so that a run can be repeated. Four bytes for each thing, eight for each
 * minute. */
#ifndef ADBAD_FLEET_CALENDAR_H
#define ADBAD_FLEET_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define CALENDAR_NONE UINT32_MAX

struct calendar;

/* NULL when out of memory. */
struct calendar *calendar_new(uint32_t things, uint32_t minutes);
void calendar_free(struct calendar *c);

/* Puts a thing that is not in the calendar at a minute. What lies beyond the end is left out. */
void calendar_put(struct calendar *c, uint32_t thing, uint32_t minute);
/* Takes out the first thing of a minute; CALENDAR_NONE if there is none left. */
uint32_t calendar_take(struct calendar *c, uint32_t minute);

#endif
