# Puts files into the program, as C++ functions that return their text. A room's CMakeLists.txt calls
#   kelvin_embed(LIBRARY HEADER NAMESPACE name=path [name=path...])
# LIBRARY: the target to make, which kelvin_apps links; HEADER: the room's own header (apps/ROOM/embedded.h) that declares `std::string name();` in NAMESPACE. Files of
# one name are joined in the order given.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(kelvin_embed_script ${CMAKE_CURRENT_LIST_FILE} CACHE INTERNAL "")
  function(kelvin_embed library header namespace)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${library}.cpp)
    string(REGEX REPLACE "(^|;)[A-Za-z0-9_]+=" "\\1" files "${ARGN}")
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DHEADER=${header} -DNAMESPACE=${namespace} "-DFILES=${ARGN}"
              -P ${kelvin_embed_script}
      DEPENDS ${files} ${kelvin_embed_script}
      VERBATIM)
    add_library(${library} STATIC ${output})
    target_link_libraries(${library} PRIVATE kelvin_options)
    target_link_libraries(kelvin_apps PRIVATE ${library})
    set_property(GLOBAL APPEND PROPERTY KELVIN_EMBEDDED ${library})  # for programs that link kelvin_apps by its file
  endfunction()
  return()
endif()

set(names)
foreach(item IN LISTS FILES)
  string(FIND "${item}" "=" equals)
  string(SUBSTRING "${item}" 0 ${equals} name)
  math(EXPR after "${equals} + 1")
  string(SUBSTRING "${item}" ${after} -1 path)
  file(READ "${path}" hex HEX)
  list(APPEND names ${name})
  string(APPEND hex_of_${name} "${hex}")
endforeach()
list(REMOVE_DUPLICATES names)
set(text "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n")
foreach(name IN LISTS names)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex_of_${name}}")
  string(APPEND text "namespace {\nconst unsigned char ${name}_bytes[] = {${bytes}};\n}\n"
         "std::string ${name}() { return {reinterpret_cast<const char*>(${name}_bytes), sizeof ${name}_bytes}; }\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}}  // namespace ${NAMESPACE}\n")
