# cmake -DSOURCE=... -DVERSION=... -DOUTPUT=version.cpp -P Commit.cmake: writes what apps/cli/version.h declares, if it has changed.
set(commit "")
if(EXISTS ${SOURCE}/.git)  # not that of a repository around it
  execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude * WORKING_DIRECTORY ${SOURCE}
                  OUTPUT_VARIABLE said OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(commit ${said})
  endif()
endif()
set(text "#include \"apps/cli/version.h\"

namespace kelvin {

const char* program_version() { return \"${VERSION}\"; }
const char* program_commit() { return \"${commit}\"; }

}  // namespace kelvin
")
set(before "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT text STREQUAL before)
  file(WRITE ${OUTPUT} "${text}")
endif()
