# cmake --install: libraries, headers, the CMake package, mica.pc, the command with its manual pages and completions, and
# what file managers and file(1) need to know the format.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(installed libmica_static)
if(TARGET libmica_shared)
  list(APPEND installed libmica_shared)
endif()
# As dependents call them: mica::mica is the shared library where there is one.
set_target_properties(libmica_static PROPERTIES EXPORT_NAME mica_static)
install(TARGETS ${installed} EXPORT micaTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
if(TARGET libmica_shared)
  set_target_properties(libmica_shared PROPERTIES EXPORT_NAME mica)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/mica DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/mica)
install(EXPORT micaTargets NAMESPACE mica:: DESTINATION ${package} COMPONENT development)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/micaConfig.cmake.in ${PROJECT_BINARY_DIR}/micaConfig.cmake
  INSTALL_DESTINATION ${package})
# Before 1.0 every minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/micaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/micaConfig.cmake ${PROJECT_BINARY_DIR}/micaConfigVersion.cmake
  DESTINATION ${package} COMPONENT development)

# What the static library needs besides is for users of the static library only.
set(MICA_PC_LIBS "")
set(MICA_PC_LIBS_PRIVATE "${CMAKE_THREAD_LIBS_INIT} -lm")
if(NOT TARGET libmica_shared)
  set(MICA_PC_LIBS "${MICA_PC_LIBS_PRIVATE}")
  set(MICA_PC_LIBS_PRIVATE "")
endif()
foreach(kind LIBDIR INCLUDEDIR)
  # Below the prefix, so that the folder can be moved (pkg-config --define-prefix).
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${kind}}")
    set(MICA_PC_${kind} "${CMAKE_INSTALL_${kind}}")
  else()
    set(MICA_PC_${kind} "\${prefix}/${CMAKE_INSTALL_${kind}}")
  endif()
endforeach()
# At install time, because the prefix may only be known then (cmake --install --prefix).
set(MICA_PC_PREFIX "@CMAKE_INSTALL_PREFIX@")
configure_file(${CMAKE_CURRENT_LIST_DIR}/mica.pc.in ${PROJECT_BINARY_DIR}/mica.pc.in @ONLY)
install(CODE "configure_file(\"${PROJECT_BINARY_DIR}/mica.pc.in\" \"${PROJECT_BINARY_DIR}/mica.pc\" @ONLY)"
  COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/mica.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)

if(TARGET mica)
  install(TARGETS mica RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
  if(TARGET libmica_shared AND NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    # So that it runs from any prefix; distributions set CMAKE_SKIP_INSTALL_RPATH.
    file(RELATIVE_PATH up /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
    set_target_properties(mica PROPERTIES INSTALL_RPATH "$ORIGIN/${up}")
  endif()

  # Manual pages and completions come from the option tables of the command itself.
  if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
    set(texts ${PROJECT_BINARY_DIR}/texts)
    add_custom_command(OUTPUT ${texts}/stamp
      COMMAND ${CMAKE_COMMAND} "-DMICA=${CMAKE_CROSSCOMPILING_EMULATOR};$<TARGET_FILE:mica>" -DFOLDER=${texts}
        -P ${CMAKE_CURRENT_LIST_DIR}/Texts.cmake
      DEPENDS mica ${CMAKE_CURRENT_LIST_DIR}/Texts.cmake VERBATIM)
    add_custom_target(mica_texts ALL DEPENDS ${texts}/stamp)
    install(DIRECTORY ${texts}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT command)
    install(FILES ${texts}/mica.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME mica
      COMPONENT command)
    install(FILES ${texts}/_mica DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT command)
    install(FILES ${texts}/mica.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT command)
  endif()
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/mica-mime.xml DESTINATION ${CMAKE_INSTALL_DATADIR}/mime/packages
    RENAME mica.xml COMPONENT command)
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/mica.magic DESTINATION ${CMAKE_INSTALL_DATADIR}/mica COMPONENT command)
endif()
