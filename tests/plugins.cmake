# Plugins for other programs, each tested by its own script; exit code 77: the host program is not installed.
if(TARGET libmica_shared AND TARGET mica AND MICA_ENCODER AND NOT MICA_SANITIZE)
  add_test(NAME plugin_gstreamer COMMAND sh ${PROJECT_SOURCE_DIR}/tools/plugins/gstreamer/test.sh)
  if(MICA_PYTHON)
    add_test(NAME plugin_pillow COMMAND sh ${PROJECT_SOURCE_DIR}/tools/plugins/pillow/test.sh ${MICA_PYTHON})
  endif()
  foreach(name gstreamer pillow)
    if(TEST plugin_${name})
      set_tests_properties(plugin_${name} PROPERTIES LABELS plugin TIMEOUT 600 SKIP_RETURN_CODE 77
        ENVIRONMENT "BUILD=${PROJECT_BINARY_DIR}")
    endif()
  endforeach()
endif()

# FFmpeg is fetched and built: minutes.
if(MICA_SLOW_TESTS)
  foreach(release 5.1 7.1)
    add_test(NAME plugin_ffmpeg_${release}
      COMMAND sh ${PROJECT_SOURCE_DIR}/tools/plugins/ffmpeg/build.sh ${release})
    set_tests_properties(plugin_ffmpeg_${release} PROPERTIES LABELS slow TIMEOUT 7200 SKIP_RETURN_CODE 77)
  endforeach()
endif()
