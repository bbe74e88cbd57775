#include "base/labclk.h"
#include "cli/session.h"

enum err session_now(const struct settings *s, int64_t *now, struct errinfo *ei)
{
    struct clk clk = clk_system();
    struct labclk *lab = NULL;
    enum err e = ERR_OK;

    if (s->lab && s->lab_clock != NULL)
        e = labclk_open(s->lab_clock, clk, &lab, ei);
    if (e != ERR_OK)
        return e;
    if (lab != NULL)
        clk = labclk_clk(lab);
    *now = clk_now(&clk);
    labclk_free(lab);
    return ERR_OK;
}
