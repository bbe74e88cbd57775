#include "base/logkind.h"

static const struct {
    const char *name, *id;
} kinds[] = {{"", ""},
#define LOG_KIND_ROW(constant, name, id) {name, id},
             LOG_KINDS(LOG_KIND_ROW)
#undef LOG_KIND_ROW
};

const char *log_kind_name(enum log_kind kind)
{
    return kinds[kind].name;
}

const char *log_kind_id(enum log_kind kind)
{
    return kinds[kind].id;
}
