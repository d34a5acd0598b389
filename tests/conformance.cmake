# Tests of the mica command against the numpy reference and the golden streams.
if(MICA_TOOLS AND MICA_ENCODER AND MICA_PYTHON)
  # With sanitizers, which are slow and look for other faults than differences: the other models have the layers of
  # tiny-complete, and the counts of threads between the least and the most show nothing new.
  set(fewer_threads)
  if(MICA_SANITIZE)
    set(fewer_threads --fewer)
  endif()
  if(MICA_PYTHON_NUMPY)
    set(reference_models ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-complete.mmodel)
    if(NOT MICA_SANITIZE)
      list(APPEND reference_models ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny.mmodel ${PROJECT_SOURCE_DIR}/models/weights/s.mmodel)
    endif()
    add_test(NAME reference_networks COMMAND ${MICA_PYTHON}
      ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_reference.py $<TARGET_FILE:mica> ${reference_models})
    set_tests_properties(reference_networks PROPERTIES LABELS conformance TIMEOUT 900)
  endif()
  add_executable(code_predicted reference/code_predicted.c)
  target_include_directories(code_predicted PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(code_predicted PRIVATE libmica_static m)
  if(MICA_PYTHON_NUMPY)
    set(predicted_models ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-predicted-context.mmodel)
    if(NOT MICA_SANITIZE)
      list(APPEND predicted_models ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-predicted.mmodel)
    endif()
    add_test(NAME reference_predicted COMMAND ${MICA_PYTHON}
      ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_predicted.py $<TARGET_FILE:code_predicted>
      ${predicted_models})
    set_tests_properties(reference_predicted PROPERTIES LABELS conformance TIMEOUT 900)
  endif()
  add_executable(rd_points ${PROJECT_SOURCE_DIR}/tools/train/rd_points.c)
  target_include_directories(rd_points PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(rd_points PRIVATE libmica_static m)
  if(MICA_PYTHON_NUMPY)
    add_test(NAME hyper_section COMMAND ${MICA_PYTHON}
      ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_hyper_section.py $<TARGET_FILE:mica>
      ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-complete.mmodel ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny.mmodel)
    set_tests_properties(hyper_section PROPERTIES LABELS conformance)
  endif()
  # Their way to listen inside of an encoder is one of GNU linkers and those like them.
  if(MICA_PYTHON_NUMPY AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
    function(mica_listener name function)
      add_executable(${name} ${PROJECT_SOURCE_DIR}/tools/train/${name}.c
        ${PROJECT_SOURCE_DIR}/tools/train/encode.c)
      target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
      target_link_libraries(${name} PRIVATE libmica_static m)
      target_link_options(${name} PRIVATE -Wl,--wrap=${function})
    endfunction()
    mica_listener(symbol_counts mica_symbols_encode)
    mica_listener(hyper_latents mica_hyper_analyse)
    add_test(NAME distributions COMMAND ${MICA_PYTHON}
      ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_distributions.py $<TARGET_FILE:symbol_counts> $<TARGET_FILE:mica>
      ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny.mmodel)
    add_test(NAME hyper_latents COMMAND ${MICA_PYTHON}
      ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_hyper_latents.py $<TARGET_FILE:hyper_latents> $<TARGET_FILE:encode_video>
      ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-complete.mmodel ${CMAKE_CURRENT_SOURCE_DIR}/vectors/tiny-predicted-context.mmodel)
    set_tests_properties(distributions hyper_latents PROPERTIES LABELS conformance)
  endif()
  add_executable(gop_plan reference/gop_plan.c)
  target_include_directories(gop_plan PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(gop_plan PRIVATE libmica_static)
  add_test(NAME reference_gop_plan COMMAND ${MICA_PYTHON}
    ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_gop_plan.py $<TARGET_FILE:gop_plan>)
  set_tests_properties(reference_gop_plan PROPERTIES LABELS conformance)
  add_test(NAME reference_training COMMAND ${MICA_PYTHON}
    ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_training.py $<TARGET_FILE:code_predicted>)
  set_tests_properties(reference_training PROPERTIES LABELS conformance TIMEOUT 900
    SKIP_RETURN_CODE 77)
  add_test(NAME perceptual_loss COMMAND ${MICA_PYTHON}
    ${CMAKE_CURRENT_SOURCE_DIR}/reference/test_perceptual_loss.py $<TARGET_FILE:mica>)
  set_tests_properties(perceptual_loss PROPERTIES LABELS conformance TIMEOUT 900
    SKIP_RETURN_CODE 77)
  add_test(NAME golden_vectors COMMAND ${MICA_PYTHON}
    ${CMAKE_CURRENT_SOURCE_DIR}/vectors/test_vectors.py $<TARGET_FILE:mica>
    ${fewer_threads})
  set_tests_properties(golden_vectors PROPERTIES LABELS conformance TIMEOUT 900)
endif()

# Golden videos: at every level and with several threads, without the command and its containers.
if(MICA_PYTHON)
  if(NOT TARGET decode_video)
    add_executable(decode_video vectors/decode_video.c)
    target_link_libraries(decode_video PRIVATE libmica)
  endif()
  if(MICA_ENCODER) # makes the videos: test_video_vectors.py --update
    add_executable(encode_video vectors/encode_video.c)
    target_link_libraries(encode_video PRIVATE libmica)
  endif()
  add_test(NAME golden_videos COMMAND ${MICA_PYTHON}
    ${CMAKE_CURRENT_SOURCE_DIR}/vectors/test_video_vectors.py $<TARGET_FILE:decode_video>)
  set_tests_properties(golden_videos PROPERTIES LABELS conformance TIMEOUT 900)
endif()

# Races, and reads of uninitialised memory.
if(MICA_SLOW_TESTS AND NOT MICA_SANITIZE)
  foreach(kind thread valgrind)
    add_test(NAME slow_${kind} COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/sanitize.sh ${kind} ${PROJECT_SOURCE_DIR}
      ${PROJECT_BINARY_DIR}/sanitize-${kind})
    set_tests_properties(slow_${kind} PROPERTIES LABELS slow TIMEOUT 3600 SKIP_RETURN_CODE 77)
  endforeach()
endif()

# Other processors under emulation: minutes, and compilers that few machines have.
if(MICA_SLOW_TESTS)
  foreach(arch aarch64 s390x)
    add_test(NAME cross_${arch} COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/cross.sh ${arch})
    set_tests_properties(cross_${arch} PROPERTIES LABELS slow TIMEOUT 3600 SKIP_RETURN_CODE 77)
  endforeach()
endif()
