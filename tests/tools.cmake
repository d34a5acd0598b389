# Unit tests of parts of the command (tools/); tests/cli tests the command itself.
if(CMOCKA_INCLUDE_DIR AND CMOCKA_LIBRARY AND MICA_TOOLS)
  mica_unit_test(ciede2000 m)
  target_sources(test_ciede2000 PRIVATE ${PROJECT_SOURCE_DIR}/tools/metrics/ciede2000.c)
  mica_unit_test(bdrate m)
  target_sources(test_bdrate PRIVATE ${PROJECT_SOURCE_DIR}/tools/eval/bdrate.c)
  mica_unit_test(json_read m)
  target_sources(test_json_read PRIVATE ${PROJECT_SOURCE_DIR}/tools/json_read.c
    ${PROJECT_SOURCE_DIR}/tools/report.c)
endif()
