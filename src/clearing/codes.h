/* codes: the documented errors of activation ids and of the clearing house, and the one place
 * where each of our reasons gets its code (data/error_codes.csv). */
#ifndef ADBAD_CLEARING_CODES_H
#define ADBAD_CLEARING_CODES_H

#define SL_E_CHPA_PRODUCT_KEY_OUT_OF_RANGE 0xC004C001u
#define SL_E_CHPA_INVALID_BINDING          0xC004C002u
#define SL_E_CHPA_PRODUCT_KEY_BLOCKED      0xC004C003u
#define SL_E_CHPA_UNSUPPORTED_PRODUCT_KEY  0xC004C007u
#define SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED  0xC004C008u
#define SL_E_CHPA_DATABASE_ERROR           0xC004C013u
#define SL_E_CHPA_INVALID_ARGUMENT         0xC004C014u
#define SL_E_CIDIID_INVALID_DATA           0xC004F02Cu
#define SL_E_CIDIID_VERSION_NOT_SUPPORTED  0xC004F02Eu
#define SL_E_CIDIID_INVALID_DATA_LENGTH    0xC004F02Fu
#define SL_E_CIDIID_MISMATCHED             0xC004F031u
#define SL_E_CIDIID_INVALID_CHECK_DIGITS   0xC004F04Du
#define SL_E_CIDIID_MISMATCHED_PKEY        0xC004F07Eu
#define SL_E_CIDIID_NOT_BOUND              0xC004F07Fu

#endif
