# Tests of the entropy coder.
mica_unit_test(symbol_coder mica_entropy m)
mica_unit_test(entropy mica_entropy m)

# mica_entropy_program(NAME source): a program on the coder alone.
function(mica_entropy_program name source)
  add_executable(${name} ${source})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${name} PRIVATE mica_base mica_entropy)
endfunction()

mica_entropy_program(checkasm_entropy checkasm/checkasm_entropy.c)
add_test(NAME checkasm_entropy COMMAND checkasm_entropy)
set_tests_properties(checkasm_entropy PROPERTIES LABELS checkasm)

# Golden streams: by this coder at every level, and by the second decoder, written from docs/entropy.md.
file(GLOB golden ${CMAKE_CURRENT_SOURCE_DIR}/entropy/golden/*.bin)
mica_entropy_program(entropy_golden entropy/golden.c)
add_test(NAME entropy_golden COMMAND entropy_golden check ${golden})
set_tests_properties(entropy_golden PROPERTIES LABELS conformance)
if(MICA_PYTHON)
  add_test(NAME entropy_slow_decoder
    COMMAND ${MICA_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/entropy/slow_decoder.py ${golden})
  set_tests_properties(entropy_slow_decoder PROPERTIES LABELS conformance TIMEOUT 300)
endif()

# The public header used alone
mica_entropy_program(compress_integers ${PROJECT_SOURCE_DIR}/tools/examples/compress_integers.c)
add_test(NAME entropy_example COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:compress_integers>
  -DFOLDER=${CMAKE_CURRENT_BINARY_DIR}/example -P ${CMAKE_CURRENT_SOURCE_DIR}/entropy/test_example.cmake)
set_tests_properties(entropy_example PROPERTIES LABELS cli)

# Speed: bench_entropy [--cpu LEVELS] [--runs N] [FOLDER TAG]; the test only sees that every symbol survives.
mica_entropy_program(bench_entropy bench_entropy.c)
target_sources(bench_entropy PRIVATE ${PROJECT_SOURCE_DIR}/tools/bench_coder.c)
target_link_libraries(bench_entropy PRIVATE m)
add_test(NAME bench_entropy COMMAND bench_entropy --runs 1)
set_tests_properties(bench_entropy PROPERTIES LABELS bench TIMEOUT 300)

# 10^7 symbols with extreme parameters
if(MICA_SLOW_TESTS AND TARGET test_entropy)
  add_executable(test_entropy_long unit/test_entropy.c)
  target_compile_definitions(test_entropy_long PRIVATE LONG_TEST=1)
  target_include_directories(test_entropy_long PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_include_directories(test_entropy_long SYSTEM PRIVATE ${CMOCKA_INCLUDE_DIR})
  target_link_libraries(test_entropy_long PRIVATE mica_base mica_entropy ${CMOCKA_LIBRARY} m)
  add_test(NAME slow_entropy COMMAND test_entropy_long)
  set_tests_properties(slow_entropy PROPERTIES LABELS slow TIMEOUT 1200)
endif()
