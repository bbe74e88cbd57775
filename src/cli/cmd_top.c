/* adbactl top: a live view of the running daemon. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/hostport.h"
#include "cli/ask.h"
#include "cli/kms.h"
#include "cli/kms_event.h"
#include "cli/out.h"
#include "cli/top.h"

#define REFRESH_MS 1000
#define WIDTH      80
#define HEIGHT     24

/* The other screen, without cursor and without wrapping; and back. */
static const char enter_codes[] = "\033[?1049h\033[?25l\033[?7l";
static const char leave_codes[] = "\033[?7h\033[?25h\033[?1049l";

/* ---- the terminal ---- */

static struct termios saved;
static volatile sig_atomic_t entered;

/* Signal handlers call these two: only what is safe there. */
static void leave(void)
{
    ssize_t n;

    if (!entered)
        return;
    entered = 0;
    n = write(STDOUT_FILENO, leave_codes, sizeof(leave_codes) - 1);
    (void)n;
    tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

static void enter(void)
{
    struct termios raw = saved;
    ssize_t n;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    entered = 1;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    n = write(STDOUT_FILENO, enter_codes, sizeof(enter_codes) - 1);
    (void)n;
}

static void on_end(int sig)
{
    leave();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void on_stop(int sig);

static void handle(int sig, void (*handler)(int), int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags};

    sigemptyset(&a.sa_mask);
    sigaction(sig, &a, NULL);
}

/* Ctrl-Z: the shell gets its terminal, and we ours again when we go on. */
static void on_stop(int sig)
{
    int before = errno;

    leave();
    handle(sig, SIG_DFL, 0);
    raise(sig);
    handle(sig, on_stop, SA_NODEFER);
    enter();
    errno = before;
}

static void on_resize(int sig)
{
    (void)sig; /* poll ends */
}

static enum err take_terminal(const struct cli *cli, struct errinfo *ei)
{
    static const int ends[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGPIPE,
                               SIGABRT, SIGSEGV, SIGBUS, SIGFPE};

    if (cli->json)
        return err_fail(ei, ERR_USAGE, "--json goes with --once");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &saved) != 0)
        return err_fail(ei, ERR_USAGE, "top wants a terminal; --once prints one frame without one");
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        handle(ends[i], on_end, SA_NODEFER);
    handle(SIGTSTP, on_stop, SA_NODEFER);
    handle(SIGWINCH, on_resize, 0);
    atexit(leave);
    enter();
    return ERR_OK;
}

static void size_of_terminal(unsigned *width, unsigned *height)
{
    struct winsize w;

    *width = WIDTH;
    *height = HEIGHT;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0) {
        *width = w.ws_col;
        *height = w.ws_row;
    }
}

/* ---- looking ---- */

struct decisions {
    const struct catalog *catalog;
    struct top_look *look;
};

/* Of a request, answered or refused. */
static void describe_request(const struct kms_event *e, const struct store_activation *a,
                             struct top_decision *to)
{
    bool refused = e->of.refused != NULL;
    struct hostport from = {0};
    char name[KMS_NAME_MAX];

    if (refused)
        snprintf(to->what, sizeof(to->what), "refused");
    else if (a->channel == STORE_KMS)
        snprintf(to->what, sizeof(to->what), "count %" PRIu32, a->count);
    else
        snprintf(to->what, sizeof(to->what), "directory");
    snprintf(to->machine, sizeof(to->machine), "%s", a->workstation);
    snprintf(to->of, sizeof(to->of), "%s",
             refused ? e->of.refused->reason
                     : kms_product_name(e->product, &a->activation_id, name));
    snprintf(to->address, sizeof(to->address), "%s",
             hostport_parse(a->peer, strlen(a->peer), &from) ? from.host : a->peer);
}

static void describe(const struct kms_event *e, struct top_decision *to)
{
    const struct store_refusal *r = e->of.refusals;

    *to = (struct top_decision){.when = kms_event_when(e)};
    if (e->of.host != NULL) {
        kms_event_message(e, to->text, sizeof(to->text));
    } else if (r != NULL) {
        snprintf(to->what, sizeof(to->what), "refused");
        snprintf(to->machine, sizeof(to->machine), "%" PRIu64 " times", r->times);
        snprintf(to->of, sizeof(to->of), "%s", r->reason);
        snprintf(to->address, sizeof(to->address), "%s", r->source);
    } else {
        describe_request(e, kms_event_request(e), to);
    }
}

/* ERR_LIMIT: there are enough. */
static enum err take_decision(void *arg, const struct store_event *of)
{
    struct decisions *d = arg;
    struct kms_event e = {.of = *of};
    const struct store_activation *a = kms_event_request(&e);

    if (a != NULL)
        e.product = catalog_product_by_activation_id(d->catalog, &a->activation_id);
    describe(&e, &d->look->decisions[d->look->n]);
    if (d->look->events != NULL)
        json_array_append_new(d->look->events, kms_event_json(&e));
    return ++d->look->n == TOP_DECISIONS ? ERR_LIMIT : ERR_OK;
}

/* The ledger may be away for a while; the rest is shown without it. */
static void look_at_ledger(struct cli *cli, struct kms_reader *reader, struct top_look *l)
{
    const struct store_event_query newest = {.since = INT64_MIN, .refusals_since = INT64_MIN};
    struct decisions d = {.look = l};
    struct errinfo ei;
    enum err e = ERR_OK;

    if (reader->store == NULL)
        e = kms_reader_open(cli, reader, &ei);
    if (e != ERR_OK)
        return;
    d.catalog = reader->catalog;
    e = store_each_event(reader->store, &newest, take_decision, &d, &ei);
    if (e != ERR_OK && e != ERR_LIMIT)
        kms_reader_close(reader);
}

static void look(struct cli *cli, struct kms_reader *reader, struct top_look *l)
{
    struct errinfo ei = {0};
    enum err e;

    l->at = clk_uptime_ms();
    e = ask_status_here(cli, "kms.status", &l->kms, &ei);
    l->failed = e;
    if (e != ERR_OK)
        snprintf(l->failure, sizeof(l->failure), "%s", ei.text);
    if (e == ERR_OK && ask_status_here(cli, "membership.status", &l->membership, &ei) != ERR_OK)
        l->membership = NULL;
    if (e == ERR_OK && ask_status_here(cli, "relay.status", &l->relay, &ei) != ERR_OK)
        l->relay = NULL;
    look_at_ledger(cli, reader, l);
}

/* ---- drawing ---- */

static void print_line(void *arg, enum top_style style, const char *text)
{
    static const enum out_paint paints[] = {
        [TOP_PLAIN] = PAINT_NONE, [TOP_BOLD] = PAINT_BOLD, [TOP_BAD] = PAINT_BAD};
    bool on_screen = *(bool *)arg;

    if (!on_screen)
        puts(text);
    else
        printf("%s%s%s\033[K\n", style == TOP_PLAIN ? "" : out_paint(paints[style]), text,
               style == TOP_PLAIN ? "" : out_paint(PAINT_NONE));
}

static void draw(const struct top_look *now, const struct top_look *before)
{
    unsigned width, height;
    bool on_screen = true;

    size_of_terminal(&width, &height);
    fputs("\033[H", stdout);
    if (height > 1) /* the last line is the keys' */
        top_frame(now, before, width, height - 1, print_line, &on_screen);
    printf("\033[J\033[%u;1Hq quits", height);
    fflush(stdout);
}

/* False: it was asked to end. */
static bool wait_for_key(int64_t until)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    int64_t left = until - clk_uptime_ms();
    char key;

    if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
        return true; /* time to look again, or the size changed */
    return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q' && key != 4;
}

static void run_live(struct cli *cli, struct kms_reader *reader)
{
    struct top_look *looks = calloc(2, sizeof(*looks));
    unsigned i = 0;
    bool first = true;

    if (looks == NULL)
        abort();
    do {
        top_look_fini(&looks[i]);
        look(cli, reader, &looks[i]);
        draw(&looks[i], first ? NULL : &looks[1 - i]);
        first = false;
        i = 1 - i;
    } while (wait_for_key(looks[1 - i].at + REFRESH_MS) && !ferror(stdout));
    leave();
    top_look_fini(&looks[0]);
    top_look_fini(&looks[1]);
    free(looks);
}

static json_t *look_json(const struct top_look *l)
{
    return json_pack("{s:O, s:O?, s:O?, s:O}", "status", l->kms, "membership", l->membership,
                     "relay", l->relay, "decisions", l->events);
}

static int print_look(struct cli *cli, const struct top_look *l)
{
    struct errinfo ei = {0};
    bool on_screen = false;

    if (cli->json && l->failed != ERR_OK)
        return cli_fail(cli, err_fail(&ei, l->failed, "%s", l->failure), &ei);
    if (cli->json)
        cli_json(look_json(l));
    else
        top_frame(l, NULL, WIDTH, HEIGHT - 1, print_line, &on_screen);
    return err_exit_code(l->failed);
}

static int run_once(struct cli *cli, struct kms_reader *reader)
{
    struct top_look *l = calloc(1, sizeof(*l));
    int code;

    if (l == NULL)
        abort();
    if (cli->json)
        l->events = json_array();
    look(cli, reader, l);
    code = print_look(cli, l);
    top_look_fini(l);
    free(l);
    return code;
}

static int run_top(struct cli *cli, int argc, char **argv)
{
    bool once = false;
    const struct opt opts[] = {
        OPT_FLAG_ROW("once", &once, "print one frame, 80 columns wide, and end"),
        {0},
    };
    struct kms_reader reader = {0};
    const struct settings *s;
    struct errinfo ei = {0};
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK && once) {
        code = run_once(cli, &reader);
    } else if (e == ERR_OK) {
        e = take_terminal(cli, &ei);
        if (e == ERR_OK)
            run_live(cli, &reader);
        code = EXIT_OK;
    }
    kms_reader_close(&reader);
    return e == ERR_OK ? code : cli_fail(cli, e, &ei);
}

const struct cli_command cmd_top[] = {
    {.noun = "top",
     .verb = "",
     .usage = "",
     .run = run_top,
     .summary = "the running daemon, live: rates, counts, ledger, directory, decisions",
     .help = "Looks once a second; q quits. Fits 80 columns and 24 lines; a higher terminal shows\n"
             "more decisions, a wider one their names and addresses whole. NO_COLOR is heeded.\n"
             "--once --json: what the frame is made of, with the last 64 decisions."},
    {0},
};
