# Fuzz targets. Always: replay_NAME runs the corpus fuzz/corpus_NAME as a test. With clang and
# -DMICA_FUZZ=ON -DMICA_SANITIZE=fuzzer-no-link,address,undefined also fuzz_NAME for libFuzzer; tests/fuzz/run.sh builds
# and runs them.
function(mica_fuzz_program program name)
  add_executable(${program} fuzz/fuzz_${name}.c fuzz/fuzz.c ${ARGN})
  target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_compile_definitions(${program} PRIVATE
    MICA_COMPLETE_MODEL="${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-complete.mmodel"
    MICA_TINY_MODEL="${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny.mmodel"
    MICA_PREDICTED_MODEL="${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-predicted-context.mmodel")
  target_link_libraries(${program} PRIVATE libmica_static)
  if(name STREQUAL "image")
    # Small pictures only: a fuzzer would otherwise spend its time on gigabytes of zeros.
    target_compile_definitions(${program} PRIVATE MICA_INPUT_MAX_PIXELS=65536)
    get_target_property(sources mica SOURCES)
    list(FILTER sources INCLUDE REGEX "^input/|^(report|picture|colour).c$")
    list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/tools/)
    target_sources(${program} PRIVATE ${sources})
    get_target_property(libraries mica LINK_LIBRARIES)
    list(REMOVE_ITEM libraries libmica)
    get_target_property(definitions mica COMPILE_DEFINITIONS)
    list(FILTER definitions INCLUDE REGEX "LCMS2")
    target_compile_definitions(${program} PRIVATE ${definitions})
    target_link_libraries(${program} PRIVATE ${libraries})
  endif()
endfunction()

set(fuzz_targets symbols alpha)
if(MICA_ENCODER) # they make their streams themselves
  list(APPEND fuzz_targets container model stream roundtrip video sequence)
endif()
if(TARGET mica)
  list(APPEND fuzz_targets image)
endif()
foreach(name IN LISTS fuzz_targets)
  mica_fuzz_program(replay_${name} ${name} fuzz/replay.c)
  add_test(NAME fuzz_replay_${name} COMMAND replay_${name} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus_${name})
  set_tests_properties(fuzz_replay_${name} PROPERTIES LABELS fuzz TIMEOUT 300)
  if(MICA_FUZZ AND CMAKE_C_COMPILER_ID MATCHES "Clang")
    mica_fuzz_program(fuzz_${name} ${name})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endif()
endforeach()
