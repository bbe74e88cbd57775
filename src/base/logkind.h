/* logkind: the kinds of lines in the log, each with the identifier (MESSAGE_ID of
 * systemd.journal-fields(7)) by which the journal finds it. The identifiers never change; a new
 * kind gets a new random one (uuidgen). docs/logs.md says what each tells. */
#ifndef ADBAD_BASE_LOGKIND_H
#define ADBAD_BASE_LOGKIND_H

/* clang-format off */
#define LOG_KINDS(X) \
    X(READY, "ready", "42604ba64932466a84913c282986fd95") \
    X(ENDING, "ending", "8759aa6d84c54fc89ae2dea5452d3758") \
    X(SETTINGS, "settings", "daf004f28ef54aa7b55e7d9a76b163d1") \
    X(CLOCK, "clock", "19dfbfaacfd54b07b63aa10e70760eb0") \
    X(COUNT, "count", "a078e824e5b543239daa352f70404ab6") \
    X(LEDGER_DOWN, "ledger-down", "2233c292b41a4a51b5bd9816bfb08563") \
    X(LEDGER_BACK, "ledger-back", "21ad3686d1e54befacc30484a50083ac") \
    X(LEDGER_WARNING, "ledger-warning", "0ae8a1a5cc1744efb825cad8997e66a1") \
    X(LEDGER_KEEP, "ledger-keep", "c8292ca026294dceb1033b7f37a96011") \
    X(HOSTKEY, "hostkey", "8885be995b984aaaab396d526bfb2b7e") \
    X(HOSTKEY_BAD, "hostkey-bad", "519e623acf1f4535acd0790b3271c965") \
    X(ACTIVATION, "activation", "8429cd99fcbf4197a9e667eb76c35e0e") \
    X(ACTIVATION_MEMBER, "activation-member", "73737af8f81d4cf285cbfc0ff27c3d1c") \
    X(ACTIVATION_REFUSED, "activation-refused", "a4b9bbf0d0cd48a396f8ca13f4ba865d") \
    X(ACTIVATION_COUNTED, "activation-counted", "2a07548d52794c5d930f3114dfff578d") \
    X(CONNECTION_CLOSED, "connection-closed", "39970b197f774e84b87f99628b62d5c2") \
    X(CALL_REFUSED, "call-refused", "e11660f839f64954b4137428073996f5") \
    X(ACCEPTING, "accepting", "efbf347e6d214b54b8b8d8c5e0699f07") \
    X(MORE, "more", "6da5cee2bb734c5a99ce26f19d654562") \
    X(DIRECTORY_UP, "directory-up", "9b24524df26946a89c18aa1a858cb8a3") \
    X(DIRECTORY_DOWN, "directory-down", "4d6332e12ebf451ea904548d2e2d07ee") \
    X(DIRECTORY_WARNING, "directory-warning", "3c02beb939b646e19f4bc45e6ba5bcba") \
    X(STEWARD, "steward", "94b950e97a714b80b2301f56183f55df") \
    X(STEWARD_LOST, "steward-lost", "5ea5b1c53e3942628e14d826bbaff920") \
    X(DIALLER_LOST, "dialler-lost", "6e0b501dd0f04187a9cac63bace896ee") \
    X(STEWARD_JOB, "steward-job", "34d4cd0f4f734f20bfe51679f9c86904") \
    X(CONFINEMENT, "confinement", "b71cd177f6274994af0e24ed45ec83a9") \
    X(MEMBERS, "members", "0424199914ca4c6e81ec7b9480027217") \
    X(MEMBERS_BAD, "members-bad", "8346aff1d4a6495a8ee4392986c25fc6") \
    X(DNS, "dns", "1d4250873b07417fb7fae53e2a204931") \
    X(DNS_BAD, "dns-bad", "c7f3de95bf7245fb80e078490d020c16") \
    X(RELAYED, "relayed", "f26237e1dc6d4c3eaf4aaa394746f278") \
    X(RELAY_FAULT, "relay-fault", "410a1463ebe84c9085d79215f268b8fe") \
    X(UPSTREAM_UP, "upstream-up", "29a6d9ad5164463daf3faf467cf06d16") \
    X(UPSTREAM_DOWN, "upstream-down", "f77b12ee851044c0938aa4aa8dbada4f") \
    X(UPSTREAM_WARNING, "upstream-warning", "2fed83ffee8040d58605bcda31fed20d") \
    X(CLEARING, "clearing", "b5814ebd41cc41a5baddd7b55dbe87a5") \
    X(CLEARING_REFUSED, "clearing-refused", "0e96747abc8d43c8aa344963d0641c0a") \
    X(SELF_REPORT, "self-report", "7f84946962954b7692ce3834270f46fc") \
    X(SELF_REPORT_REFUSED, "self-report-refused", "3b49a6495a994235add4ce4da8e842bf") \
    X(WEB, "web", "9c8ed53a1d7b475ab31f73aa4bfe0f51") \
    X(WEB_BAD, "web-bad", "54915e2d3d654bea9c9269908a151462") \
    X(CONTROL, "control", "349d9100c31a431ca19fff4fc0a1bd5a") \
    X(EVENT_LOST, "event-lost", "3daa44cb8c3d436985c675f2e816f463")
/* clang-format on */

#define LOG_KIND_CONSTANT(constant, name, id) LOGK_##constant,
enum log_kind { LOGK_NONE, LOG_KINDS(LOG_KIND_CONSTANT) };
#undef LOG_KIND_CONSTANT

/* Both are "" for LOGK_NONE. */
const char *log_kind_name(enum log_kind kind);
const char *log_kind_id(enum log_kind kind);

#endif
