# Packages: `cpack -G DEB` makes libmica, libmica-dev and mica (the command) for Debian, `cpack -G TGZ` an archive.
# For Debian: -DMICA_SHARED=ON -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_SKIP_INSTALL_RPATH=ON, as tests/install/debian.sh does.
set(CPACK_PACKAGE_NAME mica)
set(CPACK_PACKAGE_VENDOR "mica")
set(CPACK_PACKAGE_CONTACT "The mica developers <mica@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Learned picture codec")
set(CPACK_PACKAGE_DESCRIPTION "mica encodes pictures with trained networks in integer arithmetic: small files, the same
pixels on every machine, and speed without a GPU.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/prepare_deb.cmake)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENTS_ALL runtime development)
if(TARGET mica)
  list(APPEND CPACK_COMPONENTS_ALL command)
endif()

set(abi ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libmica${abi})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/triggers)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Learned picture codec: shared library
 libmica encodes and decodes *.mica pictures.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libmica-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Learned picture codec: headers
 Headers, static library, CMake package and pkg-config file of libmica.")
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME mica)
set(CPACK_COMPONENT_COMMAND_DESCRIPTION "Learned picture codec: command
 The mica command encodes, decodes and compares pictures.")
if(TARGET libmica_shared)
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libmica${abi} (= ${PROJECT_VERSION})")
  # dpkg-shlibdeps finds the library of this build, but no package that it belongs to yet.
  set(CPACK_DEBIAN_COMMAND_PACKAGE_DEPENDS "libmica${abi} (>= ${PROJECT_VERSION})")
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/codec)
endif()
include(CPack)
