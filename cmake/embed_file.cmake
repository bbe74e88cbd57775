# Writes OUT, a C file that holds ASCII files as NUL-terminated text:
# cmake -DOUT=out.c -DHEADER=room/header.h -DFILES="symbol=path;symbol=path" -P embed_file.cmake
# HEADER declares each symbol: extern const char symbol[];
set(body "/* Made by embed_file.cmake; do not edit. */\n#include \"${HEADER}\"\n")
foreach(pair ${FILES})
    string(REGEX MATCH "^([^=]+)=(.*)$" _ "${pair}")
    set(symbol ${CMAKE_MATCH_1})
    file(READ ${CMAKE_MATCH_2} hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND body "\nconst char ${symbol}[] = {\n${bytes}0};\n")
endforeach()
file(WRITE ${OUT} "${body}")
