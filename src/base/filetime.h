/* filetime: Windows time, 100 ns since 1601-01-01T00:00:00Z (MS-DTYP 2.3.3). */
#ifndef ADBAD_BASE_FILETIME_H
#define ADBAD_BASE_FILETIME_H

#include <stdint.h>

#define FILETIME_PER_SECOND UINT64_C(10000000)
#define FILETIME_UNIX_EPOCH INT64_C(11644473600) /* seconds from 1601 to 1970 */

#define FILETIME_UNIX_LAST (INT64_MAX / INT64_C(10000000)) /* last second that is converted */

/* A Unix time before 1601 gives 0; one beyond the year 31,000 gives that of FILETIME_UNIX_LAST. */
static inline uint64_t filetime_from_unix(int64_t seconds)
{
    if (seconds < -FILETIME_UNIX_EPOCH)
        return 0;
    if (seconds > FILETIME_UNIX_LAST)
        seconds = FILETIME_UNIX_LAST;
    return (uint64_t)(seconds + FILETIME_UNIX_EPOCH) * FILETIME_PER_SECOND;
}

/* Rounds down to whole seconds; every FILETIME fits. */
static inline int64_t filetime_to_unix(uint64_t filetime)
{
    return (int64_t)(filetime / FILETIME_PER_SECOND) - FILETIME_UNIX_EPOCH;
}

#endif
