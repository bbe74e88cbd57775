"""Calls the management interface with impacket, authenticated by Kerberos from the credential cache in
KRB5CCNAME: `rpc_impacket_krb5.py SERVER PORT LEVEL [--encapsulated]`. Prints the interfaces' ids.

impacket asks for DCE style and puts the AP-REQ into GSSAPI's envelope all the same, which MIT refuses (MS-KILE
3.4.5.4.1 has none there): it is taken off, unless told otherwise."""
import sys

from impacket.dcerpc.v5 import mgmt, transport
from impacket.dcerpc.v5.rpcrt import (RPC_C_AUTHN_GSS_NEGOTIATE, RPC_C_AUTHN_LEVEL_CONNECT,
                                      RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
from impacket.krb5 import kerberosv5
from impacket.spnego import SPNEGO_NegTokenInit
from impacket.uuid import bin_to_uuidtup

LEVELS = {"connect": RPC_C_AUTHN_LEVEL_CONNECT, "integrity": RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
          "privacy": RPC_C_AUTHN_LEVEL_PKT_PRIVACY}


AP_REQ = b"\x01\x00"  # what stands before it in the envelope (RFC 4121 4.1)
begin = kerberosv5.getKerberosType1


def bare(*args, **kw):
    """As impacket's own, without the envelope."""
    cipher, key, token = begin(*args, **kw)
    init = SPNEGO_NegTokenInit(token)
    envelope = init["MechToken"]
    init["MechToken"] = envelope[envelope.index(AP_REQ) + len(AP_REQ):]
    return cipher, key, init.getData()


def main(server, port, level, *encapsulated):
    kerberosv5.getKerberosType1 = begin if encapsulated else bare
    where = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{server}[{port}]")
    where.setRemoteName(server)
    where.set_credentials("PC01$", "", "LAB.EXAMPLE", "", "", None)
    where.set_kerberos(True, None)
    rpc = where.get_dce_rpc()
    rpc.set_auth_type(RPC_C_AUTHN_GSS_NEGOTIATE)
    rpc.set_auth_level(LEVELS[level])
    rpc.connect()
    rpc.bind(mgmt.MSRPC_UUID_MGMT)
    for _ in range(3):
        answer = mgmt.hinq_if_ids(rpc)
    for ident in answer["if_id_vector"]["if_id"]:
        print(bin_to_uuidtup(ident["Data"].getData())[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
