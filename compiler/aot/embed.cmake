# Writes a C++ file that holds the runtime's sources as strings: packages get their copy from there, wherever mtlc is
# installed.
#   cmake -DROOT=project -DFILES=a.h,b.cpp -DOUT=runtime_sources.cpp -P embed.cmake
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/TextLiteral.cmake)
string(REPLACE "," ";" FILES "${FILES}")
set(BODY "// Made by compiler/aot/embed.cmake.\n#include \"compiler/aot/runtime_sources.h\"\n\nnamespace mtl::aot {\nnamespace {\n\n")
string(APPEND BODY "constexpr RuntimeSource kFiles[] = {\n")
set(COUNT 0)
foreach(NAME IN LISTS FILES)
  file(READ "${ROOT}/${NAME}" TEXT)
  text_literal(LITERAL "${TEXT}")
  string(APPEND BODY "  {\"${NAME}\",\n${LITERAL}  },\n")
  math(EXPR COUNT "${COUNT} + 1")
endforeach()
string(APPEND BODY "};\n\n}  // namespace\n\n")
string(APPEND BODY "std::span<const RuntimeSource> runtime_sources() { return {kFiles, ${COUNT}}; }\n\n}  // namespace mtl::aot\n")
file(WRITE "${OUT}.tmp" "${BODY}")
file(RENAME "${OUT}.tmp" "${OUT}")
