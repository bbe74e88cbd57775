# What every target of this project shares: warnings, hardening, sanitizers, and the one way to
# declare a room (static library), a program and a unit test.

option(ADBAD_TESTS "Build the tests" ON)
option(ADBAD_BENCH "Build what ./dev bench runs" ON)
option(ADBAD_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
set(ADBAD_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined or thread)")
option(ADBAD_COVERAGE "Instrument for gcov" OFF)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
pkg_check_modules(INI REQUIRED IMPORTED_TARGET ini_config)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(LDAP REQUIRED IMPORTED_TARGET ldap lber)
pkg_check_modules(KRB5 REQUIRED IMPORTED_TARGET krb5)
pkg_check_modules(GSSAPI REQUIRED IMPORTED_TARGET krb5-gssapi)
pkg_check_modules(SASL REQUIRED IMPORTED_TARGET libsasl2)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)

add_library(adbad_options INTERFACE)
target_include_directories(adbad_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(adbad_options INTERFACE _GNU_SOURCE ADBAD_VERSION="${PROJECT_VERSION}")
target_compile_options(adbad_options INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Werror -Wstrict-prototypes -Wmissing-prototypes
    -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> # snprintf into a fixed field cuts on purpose
    -fno-strict-aliasing -fstack-protector-strong)
if(ADBAD_SANITIZE)
    target_compile_options(adbad_options INTERFACE
        -fsanitize=${ADBAD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(adbad_options INTERFACE -fsanitize=${ADBAD_SANITIZE})
endif()
if(ADBAD_FUZZ)
    target_compile_options(adbad_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(ADBAD_COVERAGE)
    target_compile_definitions(adbad_options INTERFACE ADBAD_COVERAGE)
    target_compile_options(adbad_options INTERFACE --coverage)
    target_link_options(adbad_options INTERFACE --coverage)
endif()

# adbad_room(NAME SOURCES a.c b.c [ROOMS base wire] [LIBS PkgConfig::UV])
# One folder under src/ is one static library; ROOMS are the arrows it may follow.
function(adbad_room name)
    cmake_parse_arguments(R "" "" "SOURCES;ROOMS;LIBS" ${ARGN})
    add_library(adbad_${name} STATIC ${R_SOURCES})
    target_link_libraries(adbad_${name} PUBLIC adbad_options)
    foreach(room ${R_ROOMS})
        target_link_libraries(adbad_${name} PUBLIC adbad_${room})
    endforeach()
    target_link_libraries(adbad_${name} PRIVATE ${R_LIBS})
endfunction()

# adbad_program(NAME SOURCES … ROOMS … LIBS … [DAEMON]): an installed executable.
function(adbad_program name)
    cmake_parse_arguments(P "DAEMON" "" "SOURCES;ROOMS;LIBS" ${ARGN})
    add_executable(${name} ${P_SOURCES})
    target_link_libraries(${name} PRIVATE adbad_options ${P_LIBS})
    foreach(room ${P_ROOMS})
        target_link_libraries(${name} PRIVATE adbad_${room})
    endforeach()
    if(P_DAEMON)
        install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
    else()
        install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
endfunction()

# adbad_unit_test(NAME ROOMS …): tests/unit/<room>/test_<noun>.c as the ctest case NAME.
function(adbad_unit_test name source)
    cmake_parse_arguments(T "" "" "ROOMS;LIBS" ${ARGN})
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE adbad_options adbad_test_support ${T_LIBS})
    foreach(room ${T_ROOMS})
        target_link_libraries(${name} PRIVATE adbad_${room})
    endforeach()
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS unit ENVIRONMENT
        "CMOCKA_MESSAGE_OUTPUT=XML;CMOCKA_XML_FILE=${CMAKE_BINARY_DIR}/junit/${name}.%g.xml")
endfunction()

# adbad_fuzz_target(NAME source ROOMS …): a libFuzzer target, or, without ADBAD_FUZZ, a program
# that replays the corpus of the same name and runs as a test.
function(adbad_fuzz_target name source)
    cmake_parse_arguments(F "" "" "ROOMS;LIBS" ${ARGN})
    if(ADBAD_FUZZ)
        add_executable(${name} ${source})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${name} ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
        add_test(NAME ${name}_corpus
                 COMMAND ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
        set_tests_properties(${name}_corpus PROPERTIES TIMEOUT 300 LABELS fuzz)
    endif()
    target_link_libraries(${name} PRIVATE adbad_options ${F_LIBS})
    foreach(room ${F_ROOMS})
        target_link_libraries(${name} PRIVATE adbad_${room})
    endforeach()
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
