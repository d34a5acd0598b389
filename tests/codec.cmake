# Tests of models/ and codec/: they link the whole library, internal symbols included.
function(mica_library_test name)
  if(NOT CMOCKA_INCLUDE_DIR OR NOT CMOCKA_LIBRARY)
    return()
  endif()
  add_executable(test_${name} unit/test_${name}.c)
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_include_directories(test_${name} SYSTEM PRIVATE ${CMOCKA_INCLUDE_DIR})
  target_compile_definitions(test_${name} PRIVATE
    MICA_TINY_MODEL="${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny.mmodel"
    MICA_S_MODEL="${PROJECT_SOURCE_DIR}/models/weights/s.mmodel")
  target_link_libraries(test_${name} PRIVATE libmica_static ${CMOCKA_LIBRARY} m)
  add_test(NAME unit_${name} COMMAND test_${name})
  set_tests_properties(unit_${name} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()

mica_library_test(model)
if(MICA_ENCODER)
  mica_library_test(codec)
  mica_library_test(video)
  mica_library_test(yuv)
  mica_library_test(mask)
  mica_library_test(contents)
endif()
