# Manual pages, written in scdoc's language (scdoc(5)) under man/.

find_program(SCDOC scdoc REQUIRED)

# adbad_man(adbad.8 [SOURCE file.scd]): man/adbad.8.scd becomes the page man/adbad.8 of the build
# folder, which is built with everything else and installed; @VARIABLE@s of cmake are filled in.
# SOURCE: a source that the build makes, taken as it is.
function(adbad_man page)
    cmake_parse_arguments(M "" "SOURCE" "" ${ARGN})
    if(NOT M_SOURCE)
        set(M_SOURCE ${CMAKE_CURRENT_BINARY_DIR}/${page}.scd)
        configure_file(${CMAKE_SOURCE_DIR}/man/${page}.scd ${M_SOURCE} @ONLY)
    endif()
    set(out ${CMAKE_BINARY_DIR}/man/${page})
    string(REGEX MATCH "[1-9]$" section ${page})
    # A page that scdoc does not accept must not be left half written.
    add_custom_command(OUTPUT ${out}
        COMMAND sh -c "\"$0\" <\"$1\" >\"$2.part\" && mv \"$2.part\" \"$2\""
                ${SCDOC} ${M_SOURCE} ${out}
        DEPENDS ${M_SOURCE}
        COMMENT "Manual page ${page}"
        VERBATIM)
    add_custom_target(man_${page} ALL DEPENDS ${out})
    install(FILES ${out} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()
