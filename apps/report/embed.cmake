# Turns files into C++ functions that return them:
#   cmake -DOUTPUT=embedded.cpp "-DFILES=name=path;name=path" -P embed.cmake
set(text "#include \"apps/report/embedded.h\"\n\nnamespace kelvin::embedded {\n")
foreach(item IN LISTS FILES)
  string(FIND "${item}" "=" equals)
  string(SUBSTRING "${item}" 0 ${equals} name)
  math(EXPR after "${equals} + 1")
  string(SUBSTRING "${item}" ${after} -1 path)
  file(READ "${path}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND text "namespace {\nconst unsigned char ${name}_bytes[] = {${bytes}};\n}\n"
         "std::string ${name}() { return {reinterpret_cast<const char*>(${name}_bytes), sizeof ${name}_bytes}; }\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}}  // namespace kelvin::embedded\n")
