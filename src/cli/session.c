#include "cli/session.h"

#include "steward/directory.h"

enum err session_open(const struct settings *s, struct dir **out, struct errinfo *ei)
{
    return directory_open(s, out, ei);
}
