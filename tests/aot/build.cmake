# cmake -DSOURCE=... -DBINARY=... -DTARGET=... -DCOMPILER=... [-DFLAGS=...] [-DOPTIONS=-DX=Y|...] -P build.cmake
# Configures a foreign project and builds a target of it.
string(REPLACE "|" ";" OPTIONS "${OPTIONS}")
execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${COMPILER}
          "-DCMAKE_CXX_FLAGS=${FLAGS}" ${OPTIONS}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} --target ${TARGET} --parallel 2 COMMAND_ERROR_IS_FATAL ANY)
