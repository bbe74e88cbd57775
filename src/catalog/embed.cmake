# Writes OUT, a C file that holds the tables as bytes: cmake -DOUT=… -DDATA=… -P embed.cmake
# A list of enum constants and files; the order within a table is the order of reading.
set(tables
    CAT_KMS_PRODUCTS kms_products.csv
    CAT_PRODUCTS products.csv
    CAT_SETUP_KEYS client_setup_keys.csv
    CAT_GROUPS host_key_groups.csv
    CAT_UPDATES host_updates.csv
    CAT_ERRORS error_codes.csv
    CAT_EVENTS event_ids.csv
    CAT_AVMA_KEYS avma_keys.csv
    CAT_AVMA_MATRIX avma_matrix.csv)

set(arrays "")
set(rows "")
while(tables)
    list(POP_FRONT tables table file)
    file(READ ${DATA}/${file} hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(MAKE_C_IDENTIFIER ${file} name)
    string(APPEND arrays "static const unsigned char ${name}[] = {\n${bytes}};\n\n")
    string(APPEND rows "    {${table}, \"data/${file}\", ${name}, sizeof(${name})},\n")
endwhile()
file(WRITE ${OUT} "/* Made by embed.cmake; do not edit. */\n#include \"catalog/tables.h\"\n\n${arrays}"
    "const struct cat_source cat_builtin[] = {\n${rows}};\n"
    "const size_t cat_builtin_count = sizeof(cat_builtin) / sizeof(cat_builtin[0]);\n")
