# Unit tests of the metrics of the command (tools/metrics); tests/cli compares them with numpy.
if(CMOCKA_INCLUDE_DIR AND CMOCKA_LIBRARY AND MICA_TOOLS)
  mica_unit_test(ciede2000 m)
  target_sources(test_ciede2000 PRIVATE ${PROJECT_SOURCE_DIR}/tools/metrics/ciede2000.c)
endif()
