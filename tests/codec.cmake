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
    MICA_PREDICTED_MODEL="${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-predicted.mmodel"
    MICA_PREDICTED_CONTEXT_MODEL="${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-predicted-context.mmodel"
    MICA_RESTORED_MODEL="${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-restored.mmodel"
    MICA_COMPLETE_MODEL="${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-complete.mmodel"
    MICA_S_MODEL="${PROJECT_SOURCE_DIR}/models/weights/s.mmodel")
  target_link_libraries(test_${name} PRIVATE libmica_static ${CMOCKA_LIBRARY} m)
  add_test(NAME unit_${name} COMMAND test_${name})
  set_tests_properties(unit_${name} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()

mica_library_test(model)
if(MICA_ENCODER)
  mica_library_test(codec)
  mica_library_test(abuse)
  mica_library_test(oom)
  mica_library_test(parts)
  mica_library_test(predicted)
  mica_library_test(motion)
  mica_library_test(gop)
  mica_library_test(temporal_filter)
  mica_library_test(sequence)
  mica_library_test(video)
  mica_library_test(yuv)
  mica_library_test(mask)
  mica_library_test(contents)
  mica_library_test(search)
  mica_library_test(feedback)
  mica_library_test(hyper_context)
  mica_library_test(relax)
  mica_library_test(float)
  mica_library_test(rate)
endif()
