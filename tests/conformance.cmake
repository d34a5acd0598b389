# Tests of the mica command against the numpy reference and the golden streams.
find_package(Python3 COMPONENTS Interpreter)
if(MICA_TOOLS AND Python3_FOUND)
  execute_process(COMMAND ${Python3_EXECUTABLE} -c "import numpy" RESULT_VARIABLE no_numpy
    OUTPUT_QUIET ERROR_QUIET)
  if(no_numpy)
    message(WARNING "numpy not found: the comparison with the reference networks is left out")
  else()
    add_test(NAME reference_networks COMMAND ${Python3_EXECUTABLE}
      ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_reference.py $<TARGET_FILE:mica>
      ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny.mmodel ${PROJECT_SOURCE_DIR}/models/weights/s.mmodel)
    set_tests_properties(reference_networks PROPERTIES LABELS conformance TIMEOUT 900)
  endif()
  add_test(NAME reference_training COMMAND ${Python3_EXECUTABLE}
    ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_training.py)
  set_tests_properties(reference_training PROPERTIES LABELS conformance TIMEOUT 900
    SKIP_RETURN_CODE 77)
  add_test(NAME golden_vectors COMMAND ${Python3_EXECUTABLE}
    ${CMAKE_CURRENT_SOURCE_DIR}/vectors/test_vectors.py $<TARGET_FILE:mica>)
  set_tests_properties(golden_vectors PROPERTIES LABELS conformance TIMEOUT 900)
endif()

# Other processors under emulation: minutes, and compilers that few machines have.
if(MICA_SLOW_TESTS)
  foreach(arch aarch64 s390x)
    add_test(NAME cross_${arch} COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/cross.sh ${arch})
    set_tests_properties(cross_${arch} PROPERTIES LABELS slow TIMEOUT 3600 SKIP_RETURN_CODE 77)
  endforeach()
endif()
