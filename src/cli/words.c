#include "cli/words.h"

#include <string.h>

#include "base/docs.h"
#include "clearing/policy.h"
#include "kms/reason.h"
#include "members/proofword.h"
#include "net/reason.h"
#include "relay/outcome.h"
#include "selfreport/selfreport.h"

/* What is broken below a request is nothing that a client of volume activation does. */
#define STRANGER                                                                                   \
    "The line names the address: see what asks from there. No client of volume activation does "   \
    "this; scanners, health checks and what changes bytes on the way do."

static void request(unsigned i, struct word *w)
{
    w->name = kms_reason_name((enum kms_reason)i);
    w->meaning = kms_reason_text((enum kms_reason)i);
    if (i != KMS_FAILED) /* which nobody gets an answer to */
        w->code = kms_reason_hresult((enum kms_reason)i);
}

static void connection(unsigned i, struct word *w)
{
    w->name = net_reason_name(i);
    w->meaning = net_reason_text(i);
    if (i > NET_RPC_REASON(RPC_OK) && i != NET_RPC_REASON(RPC_NO_MEMORY))
        w->remedy = STRANGER;
}

static void relayed(unsigned i, struct word *w)
{
    w->name = relay_outcome_name((enum relay_outcome)i);
    w->meaning = relay_outcome_text((enum relay_outcome)i);
}

static void clearing(unsigned i, struct word *w)
{
    w->name = clearing_reason_name((enum clearing_reason)i);
    w->meaning = clearing_reason_text((enum clearing_reason)i);
    w->code = clearing_reason_hresult((enum clearing_reason)i);
}

static void report(unsigned i, struct word *w)
{
    w->name = selfreport_reason_name((enum selfreport_reason)i);
    w->meaning = selfreport_reason_text((enum selfreport_reason)i);
    w->code = selfreport_reason_hresult((enum selfreport_reason)i);
}

static void proof(unsigned i, struct word *w)
{
    w->name = proof_name((enum proof)i);
    w->meaning = proof_text((enum proof)i);
    w->remedy = proof_remedy((enum proof)i);
}

static const struct vocabulary {
    const char *kind, *told, *source;
    unsigned first, end;
    void (*fill)(unsigned i, struct word *w);
} vocabularies[] = {
    {"request", "a request for an activation", DOCS_DIR "/daemon.md", KMS_ANSWERED + 1, KMS_REASONS,
     request},
    {"connection", "a connection on 1688 that ended", DOCS_DIR "/daemon.md", NET_PEER_CLOSED,
     NET_CLOSE_REASONS, connection},
    {"relay", "a request that was relayed", DOCS_DIR "/relay.md", RELAY_ANSWERED, RELAY_OUTCOMES,
     relayed},
    {"clearing", "a request to the clearing house", DOCS_DIR "/clearing.md", CLEARING_GRANTED + 1,
     CLEARING_REASONS, clearing},
    {"self-report", "a client's report of its activation", DOCS_DIR "/client.md",
     SELFREPORT_TAKEN + 1, SELFREPORT_REASONS, report},
    {"proof", "the check whether a caller on 1688 is a member", DOCS_DIR "/kerberos.md",
     PROOF_MEMBER, PROOF_COUNT, proof},
};

#define VOCABULARIES (sizeof(vocabularies) / sizeof(vocabularies[0]))

static struct word word_of(const struct vocabulary *v, unsigned i)
{
    struct word w = {.kind = v->kind, .told = v->told, .source = v->source, .remedy = ""};

    v->fill(i, &w);
    return w;
}

void words_each(void (*each)(void *arg, const struct word *w), void *arg)
{
    for (size_t v = 0; v < VOCABULARIES; v++) {
        for (unsigned i = vocabularies[v].first; i < vocabularies[v].end; i++) {
            struct word w = word_of(&vocabularies[v], i);

            if (vocabularies[v].fill != connection || i != NET_RPC_REASON(RPC_OK))
                each(arg, &w);
        }
    }
}

struct finding {
    const char *name;
    struct word *out;
    size_t n;
};

static void compare(void *arg, const struct word *w)
{
    struct finding *f = arg;

    if (f->n < WORDS_SAME_MAX && strcmp(w->name, f->name) == 0)
        f->out[f->n++] = *w;
}

size_t words_find(const char *name, struct word out[WORDS_SAME_MAX])
{
    struct finding f = {.name = name, .out = out};

    words_each(compare, &f);
    return f.n;
}
